"""Cycle model of the accumulator."""

from ...hdl.dot.accumulator import Accumulator
from .pipeline import AccumulatorLoop, Gather, Register, Stage

__all__ = ["accumulator_stages"]


def accumulator_stages(component: Accumulator) -> list[Stage]:
    """Build the stages of an accumulator's cycle model."""
    gather: list[Stage] = [Gather()] if component.beats > 1 else []
    if component.outputs:
        return [*gather, AccumulatorLoop(len(component.points))]
    return [*gather, *(Register() for _ in component.points)]
