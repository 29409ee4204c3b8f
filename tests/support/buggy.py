"""An accelerator with bugs that a test turns on: compiled once for all of them.

Without any of them it is the accelerator that is in the catalogue, with one more input.
"""

from functools import cache

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Cat, Mux, Signal
from mxsf.golden.formats.block import Rounding
from mxsf.hdl.accelerator.accelerator import Accelerator
from mxsf.hdl.accelerator.arbiter import choose_burst
from mxsf.hdl.accelerator.bursts import Bursts
from mxsf.hdl.accelerator.check import Check
from mxsf.hdl.accelerator.control import Control
from mxsf.hdl.accelerator.core import Core
from mxsf.hdl.accelerator.reads import Reads
from mxsf.hdl.accelerator.scales import ScaleWriter
from mxsf.hdl.accelerator.view import ViewWalk
from mxsf.hdl.accelerator.writes import Writes
from mxsf.hdl.ports import port_signals
from mxsf.sim.simulator.cxxrtl import CxxrtlSimulator
from mxsf.sim.simulator.waveform import Port

BUGS = ("stride", "strobe", "page", "room", "fence", "count", "check", "refusal", "core", "bytes")
_on = {bug: Signal(name=bug) for bug in BUGS}


class BuggyView(ViewWalk):
    """The rows of a run lie a tile further apart."""

    def _row_start(self, m, job, step):
        bent = Signal.like(job)
        m.d.comb += [bent.eq(job), bent.pitch.eq(job.pitch + _on["stride"])]
        return super()._row_start(m, bent, step)


class BuggyScales(ScaleWriter):
    """Scales in odd bytes of a beat have no strobe."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(_on["strobe"]):
            m.d.comb += [
                self.data.payload.strb[lane].eq(0) for lane in range(1, self.built.beat, 2)
            ]
        return m


class BuggyBursts(Bursts):
    """Bursts of words and codes cross 4 KiB."""

    def _beats_of_page(self, m, address):
        right = super()._beats_of_page(m, address)
        beats = Signal.like(right, name="beats_of_page")
        m.d.comb += beats.eq(Mux(_on["page"] & (self.record > 1), 16, right))
        return beats


class BuggyReads(Reads):
    """Bursts are asked for where there is no room, and data wait on the bus until there is."""

    def elaborate(self, platform):
        self.queues = {}
        m = super().elaborate(platform)
        order, ready = m.submodules.order, Signal()
        asked = order.r_data[self.address :]
        m.d.comb += ready.eq(~Cat(asked[k] & ~q.i.ready for k, q in self.queues.items()).any())
        with m.If(_on["room"]):
            m.d.comb += self.r.ready.eq(ready)
            m.d.comb += order.r_en.eq(self.r.valid & ready & self.r.payload.last)
        return m

    def _queue(self, m, reader, beat, arrives, asked):
        self.queues[reader] = queue = super()._queue(m, reader, beat, arrives, asked)
        with m.If(_on["room"]):
            m.d.comb += queue.reserve.eq(0)
        return queue


def choose_without_room(m, bursts, roomy, allowed):
    """As ``choose_burst``, whoever has room."""
    return choose_burst(m, bursts, Mux(_on["room"], -1, roomy)[: len(roomy)], allowed)


class BuggyWrites(Writes):
    """A refusal is not told; bytes that an abort silences are written, as zeros."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(_on["refusal"]):
            m.d.sync += self.error.eq(0)
        with m.If(_on["bytes"] & self.cancel):
            m.d.comb += [self.w.payload.data.eq(0), self.w.payload.strb.eq(-1)]
        return m


class BuggyCheck(Check):
    """Opcode, reserved bits, sizes and outputs are not looked at."""

    def _at_once(self, m, bits, loads, multiplies):
        right = super()._at_once(m, bits, loads, multiplies)
        found = Signal.like(right, name="found_or_not")
        m.d.comb += found.eq(Mux(_on["check"], 0, right))
        return found


class BuggyControl(Control):
    """An abort leaves what computes as it is."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(_on["core"]):
            m.d.comb += self.aborts.eq(0)
        return m


class BuggyCore(Core):
    """Scales that are written are not counted."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(_on["count"]):
            m.d.comb += self.scale_written.eq(0)
        return m


class BuggyAccelerator(Accelerator):
    """FENCE and END do not wait."""

    def _program(self, m, control, reads, writes):
        dispatch = super()._program(m, control, reads, writes)
        with m.If(_on["fence"]):
            m.d.comb += dispatch.quiet.eq(1)
        return dispatch


_PLACES = {
    "ViewWalk": (BuggyView, ("loader", "planes", "scales")),
    "ScaleWriter": (BuggyScales, ("outputs",)),
    "Bursts": (BuggyBursts, ("loader", "planes")),
    "Reads": (BuggyReads, ("accelerator",)),
    "choose_burst": (choose_without_room, ("reads",)),
    "Writes": (BuggyWrites, ("accelerator",)),
    "Check": (BuggyCheck, ("accelerator",)),
    "Control": (BuggyControl, ("accelerator",)),
    "Core": (BuggyCore, ("accelerator",)),
}
"""What stands for what, in which modules."""


class Buggy:
    """A simulator with a bug.

    Args:
        simulator: of the accelerator with all of them.
        bug: of ``BUGS``, or None.
    """

    def __init__(self, simulator, bug):
        self.name, self._simulator, self._bug = simulator.name, simulator, bug

    def run(self, testbench):
        async def with_bug(pins):
            if self._bug:
                pins.set(self._bug, 1)
            await testbench(pins)

        self._simulator.run(with_bug)


@cache
def _compiled():
    with pytest.MonkeyPatch.context() as patch:
        for name, (kind, modules) in _PLACES.items():
            for module in modules:
                patch.setattr(f"mxsf.hdl.accelerator.{module}.{name}", kind)
        part = BuggyAccelerator(
            tile=4, pes=4, depth=16, bus=128, outstanding=4, rounding=Rounding.STOCHASTIC
        )
        ports = port_signals(part)
        named = {name: (signal, None) for name, (signal, _) in ports.items()}
        text = rtlil.convert(part, ports=named | {bug: (s, None) for bug, s in _on.items()})
    inputs = [Port(bug, 1, True) for bug in BUGS]
    kinds = [Port(name, len(signal), inwards) for name, (signal, inwards) in ports.items()]
    return part, CxxrtlSimulator(text, "top", [*kinds, *inputs])


def buggy(bug=None):
    """An accelerator, and its simulator with a bug or without any."""
    part, simulator = _compiled()
    return part, Buggy(simulator, bug)
