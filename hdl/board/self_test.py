"""Self-test of a matrix engine in hardware: a host inside that sends requests and checks a CRC.

Golden answer: ``mxsf.golden.engine.self_test``.
"""

from typing import Any, NamedTuple

from amaranth.hdl import Const, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from ...golden.engine.protocol import COMMAND_BYTES, Request, command_bytes
from ...golden.engine.self_test import SCALE, START, TIMED, SelfTest
from ..engine.command import FAULT_BITS
from ..quantize.lfsr import Lfsr
from .replies import report_layout

__all__ = ["SelfTester"]


class _Requests(NamedTuple):
    """The requests of a step.

    Attributes:
        beats: beats that follow the command.
        size: bytes of a beat.
        heads: the command's request, its first byte lowest.
        starts: whether the beats are FP32 words, else codes and a scale.
        kind: the byte in front of a beat.
    """

    beats: Signal
    size: Signal
    heads: Signal
    starts: Signal
    kind: Signal


class SelfTester(wiring.Component):
    """Sends the requests of a ``SelfTest``, a byte a cycle, and folds what comes back.

    Args:
        test: what to do.
        expected: CRC-32 of all results.
        chunk_bytes: bytes of results in a cycle.

    Members:
        start: In, begin; only while not ``running``.
        o: Out, stream of bytes: requests.
        busy, error: In, those of the engine.
        chunk, chunk_valid: In, results.
        running: Out. passed, failed: Out, what the last test found, neither before its end. A reset
            does not change them, so that a test that is cut off leaves what was known.
        finished: Out, high for a cycle at the end.
        report: Out, ``report_layout``.
    """

    o: stream.Interface

    def __init__(self, test: SelfTest, expected: int, chunk_bytes: int = 1):
        self.test, self.expected, self.chunk_bytes = test, expected, chunk_bytes
        super().__init__(
            {
                "start": In(1),
                "o": Out(stream.Signature(8)),
                "busy": In(1),
                "error": In(FAULT_BITS),
                "chunk": In(8 * chunk_bytes),
                "chunk_valid": In(1),
                "running": Out(1),
                "passed": Out(1),
                "failed": Out(1),
                "finished": Out(1),
                "report": Out(report_layout()),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """The step, its requests, the CRC, the report."""
        m = Module()
        lfsr = Lfsr(1)
        m.submodules.lfsr = ResetInserter(self.start)(lfsr)
        crc_parameters = CRC32_ISO_HDLC(data_width=8 * self.chunk_bytes)
        m.submodules.crc = crc = crc_parameters.create()
        m.d.comb += [crc.data.eq(self.chunk), crc.valid.eq(self.chunk_valid)]

        step = Signal(range(len(self.test.steps)))
        cycles = Signal(32)
        passed, failed = Signal(reset_less=True), Signal(reset_less=True)
        begins, checks = Signal(), Signal()
        self._send(m, step, lfsr, begins, checks)
        m.d.comb += [crc.start.eq(begins), self.finished.eq(checks)]
        with m.If(self.busy & (step == TIMED)):
            m.d.sync += cycles.eq(cycles + 1)
        with m.If(begins):
            m.d.sync += [passed.eq(0), failed.eq(0), cycles.eq(0)]
        with m.If(checks):
            good = (crc.crc == Const(self.expected, 32)) & (self.error == 0)
            m.d.sync += [passed.eq(good), failed.eq(~good)]
        m.d.comb += [
            self.passed.eq(passed),
            self.failed.eq(failed),
            self.report.passed.eq(passed),
            self.report.error.eq(self.error),
            self.report.crc.eq(crc.crc),
            self.report.cycles.eq(cycles),
        ]
        return m

    def _send(self, m: Module, step: Signal, lfsr: Any, begins: Value, checks: Value) -> None:
        """The bytes of step after step; drives ``begins`` and ``checks`` for the first and last."""
        steps = self.test.steps
        requests = self._requests(m, step)
        beat = Signal.like(requests.beats)
        offset = Signal(range(max(1 + COMMAND_BYTES, *(s.size for s in steps)) + 1))
        random = _random(m, requests, offset, lfsr.numbers[0][:8])
        moves, idle = Signal(), Signal()
        # A request that is on its way to the engine keeps the stream of bytes waiting.
        m.d.comb += [moves.eq(self.o.valid & self.o.ready), idle.eq(self.o.ready & ~self.busy)]

        with m.FSM(name="state") as fsm:
            m.d.comb += self.running.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"), m.If(self.start):
                m.d.comb += begins.eq(1)
                m.d.sync += [step.eq(0), offset.eq(0)]
                m.next = "COMMAND"
            with m.State("COMMAND"):
                byte = requests.heads.word_select(offset, 8)
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(byte)]
                with m.If(moves):
                    m.d.sync += [offset.eq(offset + 1), beat.eq(0)]
                    with m.If(offset == COMMAND_BYTES):
                        m.next = "KIND"
            with m.State("KIND"):
                with m.If(beat == requests.beats):
                    m.next = "WAIT"
                with m.Else():
                    m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(requests.kind)]
                    with m.If(moves):
                        m.d.sync += offset.eq(0)
                        m.next = "RANDOM"
            with m.State("RANDOM"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(random)]
                m.d.comb += lfsr.advance.eq(moves)
                with m.If(moves):
                    m.d.sync += offset.eq(offset + 1)
                    with m.If(offset == requests.size - 1):
                        m.d.sync += beat.eq(beat + 1)
                        m.next = "KIND"
            with m.State("WAIT"), m.If(idle):
                m.d.sync += [step.eq(step + 1), offset.eq(0)]
                m.next = "COMMAND"
                with m.If(step == len(steps) - 1):
                    m.next = "CHECK"
            with m.State("CHECK"):
                m.d.comb += checks.eq(1)
                m.next = "IDLE"

    def _requests(self, m: Module, step: Signal) -> _Requests:
        """What the step at hand sends."""
        steps = self.test.steps
        requests = _Requests(
            beats=Signal(range(max(s.beats for s in steps) + 1), name="beats"),
            size=Signal(range(max(s.size for s in steps) + 1), name="size"),
            heads=Signal(8 * (1 + COMMAND_BYTES), name="heads"),
            starts=Signal(name="starts"),
            kind=Signal(8, name="kind"),
        )
        with m.Switch(step):
            for number, chosen in enumerate(steps):
                with m.Case(number):
                    text = bytes([Request.COMMAND]) + command_bytes(chosen.command)
                    m.d.comb += [
                        requests.heads.eq(int.from_bytes(text, "little")),
                        requests.beats.eq(chosen.beats),
                        requests.size.eq(chosen.size),
                        requests.kind.eq(chosen.kind),
                        requests.starts.eq(chosen.kind == Request.START),
                    ]
        return requests


def _random(m: Module, requests: _Requests, offset: Signal, drawn: Value) -> Value:
    """A random byte of a beat; where exponents and scales stand, some of its bits are fixed."""
    fixes_start, fixes_scale = Signal(name="fixes_start"), Signal(name="fixes_scale")
    m.d.comb += [
        fixes_start.eq(requests.starts & offset[:2].all()),
        fixes_scale.eq(~requests.starts & (offset == requests.size - 1)),
    ]
    start = drawn & START.random | START.ones
    scale = drawn & SCALE.random | SCALE.ones
    return Mux(fixes_start, start, Mux(fixes_scale, scale, drawn))
