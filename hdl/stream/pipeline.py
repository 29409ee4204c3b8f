"""The pipeline: stages of a data path in a row, a register after each whose point has one."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from amaranth.hdl import Module

from .register import register, skid

__all__ = ["Stage", "pipeline"]

Stage = Callable[[Module, Any, str], Any]
"""Part of a data path: takes the module, a stream and a name, returns the stream that it makes."""


def pipeline(
    m: Module,
    source: Any,
    stages: Iterable[tuple[str, Stage]],
    points: Collection[str],
    *,
    skids: Collection[str] = (),
) -> Any:
    """Pass a stream through the stages of a data path, a register after each that has one.

    Args:
        m: the module that gets the stages.
        source: the stream that comes in.
        stages: point and stage, in the order of the data path. A stage's name, which is also its
            register's, is that of its point, ``sum/2`` as ``sum_2``.
        points: those that have a register, as ``mxsf.hdl.stream.points`` resolves them.
        skids: points where a skid buffer stands in place of a register.

    Returns:
        The stream of the last stage, whose ready the caller drives.
    """
    for point, stage in stages:
        name = point.replace("/", "_")
        source = stage(m, source, name)
        if point in points:
            source = (skid if point in skids else register)(m, source, name=name)
    return source
