"""Random integers for stochastic rounding: a linear feedback shift register a lane.

Golden answer: ``mxsf.golden.quantize.lfsr``. Source: docs/numerics.md section 3.
"""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.quantize.lfsr import DEGREE, NUMBER_BITS, TAP, seed

__all__ = ["Lfsr"]


class Lfsr(wiring.Component):
    """One number of 16 bits a lane; the next ones after every clock edge with ``advance``.

    16 steps of the register at once: every new bit is the exclusive or of two bits that are
    there, since the tap lies 16 or more below the top. Reset brings the seeds back.

    Args:
        lanes: number of lanes, 1 to 32.

    Members:
        advance: In, take the numbers.
        numbers: Out, array of ``lanes`` numbers.

    Raises:
        ValueError: a lane has no seed.
    """

    def __init__(self, lanes: int):
        self.seeds = [seed(lane) for lane in range(lanes)]
        numbers = data.ArrayLayout(NUMBER_BITS, lanes)
        super().__init__({"advance": In(1), "numbers": Out(numbers)})

    def elaborate(self, platform: Any) -> Module:
        """A register a lane."""
        m = Module()
        numbers: Any = self.numbers
        for lane, first in enumerate(self.seeds):
            state = Signal(DEGREE, init=first, name=f"state_{lane}")
            fresh = Signal(NUMBER_BITS, name=f"fresh_{lane}")
            m.d.comb += [
                numbers[lane].eq(state[:NUMBER_BITS]),
                fresh.eq(state[:NUMBER_BITS] ^ state[TAP : TAP + NUMBER_BITS]),
            ]
            with m.If(self.advance):
                m.d.sync += state.eq(Cat(state[NUMBER_BITS:], fresh))
        return m
