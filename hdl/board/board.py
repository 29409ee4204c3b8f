"""Top of a board: a matrix engine that tests itself and serves a host over a UART.

    rx -> receiver -> requests -> engine -> replies -> transmitter -> tx
                      ^                     |
                      +---- self-test <-----+

The self-test is a second host: what it sends goes through the same requests. It runs once after
reset and whenever it is asked to. Source: docs/boards.md.
"""

from typing import Any

from amaranth.hdl import Module, Mux, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...golden.engine.protocol import VERSION, Info, Request
from ...golden.engine.self_test import TIMED, SelfTest
from ...golden.formats.word import FP32
from ..checks import check_kind
from ..engine.matmul import Matmul, machine
from ..stream.register import link
from .replies import Replies
from .requests import STREAMS, Requests
from .self_test import SelfTester
from .uart import Receiver, Transmitter

__all__ = ["Board", "make_board", "self_test"]


def self_test(engine: Matmul) -> SelfTest:
    """Return the self-test of an engine."""
    return SelfTest(
        engine.element,
        engine.tile,
        engine.depth,
        rows=engine.rows,
        requantize=engine.requantize,
    )


class Board(wiring.Component):
    """An engine between a receiver and a transmitter.

    Args:
        engine: the engine; the name of its element format has at most 16 characters.
        clock: frequency of the clock in Hz, for the host.
        divisor: cycles of a bit on the line, see ``mxsf.hdl.board.uart``.
        expected: golden CRC of the self-test: ``SelfTest.crc``.

    Members:
        rx: In, tx: Out, the serial lines.
        running: Out, the self-test is under way.
        passed, failed: Out, what it found.

    Raises:
        TypeError, ValueError: a parameter is of the wrong kind or out of range.
    """

    def __init__(self, engine: Matmul, *, clock: int, divisor: int, expected: int):
        check_kind("clock", clock, int)
        if not 0 < clock < 1 << 32:
            raise ValueError(f"clock must be 1 to {(1 << 32) - 1} Hz, not {clock!r}")
        name = engine.element.name
        if len(name.encode()) > 16:
            raise ValueError(f"the element's name must have at most 16 characters, not {name!r}")
        self.engine = engine
        self.info = Info(
            VERSION, engine.requantize, engine.tile, engine.pes, engine.depth, clock, name
        )
        self.test = self_test(engine)
        chunk_bytes = _chunk_bytes(engine, self.test)
        self.receiver, self.transmitter = Receiver(divisor), Transmitter(divisor)
        self.requests = Requests(engine)
        self.replies = Replies(engine, self.info, chunk_bytes)
        self.tester = SelfTester(self.test, expected, chunk_bytes)
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "running": Out(1),
                "passed": Out(1),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Wires; whose requests count; what clears the parts."""
        m = Module()
        engine, receiver, transmitter = self.engine, self.receiver, self.transmitter
        requests, replies, tester = self.requests, self.replies, self.tester
        begun, start, stop, clear = Signal(), Signal(), Signal(), Signal()
        m.submodules.receiver = receiver
        m.submodules.engine = engine
        m.submodules.transmitter = transmitter
        m.submodules.requests = ResetInserter(clear)(requests)
        m.submodules.replies = ResetInserter(clear)(replies)
        m.submodules.tester = ResetInserter(stop)(tester)

        # During the self-test the host can only end it; its other bytes are lost.
        aborts = receiver.valid & (receiver.byte == Request.ABORT)
        # Registers: from a byte of the self-test through an abort to every ready of the engine was
        # the longest path. Nothing follows such a message within a cycle.
        m.d.sync += [
            begun.eq(1),
            start.eq(requests.test | ~begun),
            stop.eq(Mux(tester.running, aborts, requests.abort)),
        ]
        m.d.comb += clear.eq(start | stop)

        m.d.comb += [
            receiver.rx.eq(self.rx),
            requests.urgent.eq(~tester.running),
            requests.i.valid.eq(Mux(tester.running, tester.o.valid, receiver.valid)),
            requests.i.payload.eq(Mux(tester.running, tester.o.payload, receiver.byte)),
            tester.o.ready.eq(requests.i.ready),
            engine.abort.eq(clear),
        ]
        for name in STREAMS:
            link(m, getattr(requests, name), getattr(engine, name))
        for name in ("o", "t"):
            link(m, getattr(engine, name), getattr(replies, name))

        m.d.comb += [
            tester.start.eq(start),
            tester.busy.eq(engine.busy),
            tester.error.eq(engine.error),
            tester.chunk.eq(replies.chunk),
            tester.chunk_valid.eq(replies.chunk_valid),
            replies.fold.eq(tester.running),
            replies.report.eq(tester.report),
            replies.send_report.eq(tester.finished),
            replies.send_info.eq(requests.info),
            self.running.eq(tester.running),
            self.passed.eq(tester.passed),
            self.failed.eq(tester.failed),
        ]
        link(m, replies.serial, transmitter.i)
        m.d.comb += self.tx.eq(transmitter.tx)
        return m


def _chunk_bytes(engine: Matmul, test: SelfTest) -> int:
    """Bytes of results a cycle, a power of two.

    The fewest with which the timed product waits for its results by less than a sixteenth of its
    cycles; a whole row is the most. The rows of a tile come with the steps of its last tile of K.
    """
    row, chunk = engine.tile * FP32.bits // 8, 1
    tile_cycles = test.steps[TIMED].command.k * engine.steps
    while chunk < row and engine.tile * row // chunk - engine.steps > tile_cycles // 16:
        chunk *= 2
    return chunk


def make_board(engine: Matmul, *, clock: int, divisor: int) -> Board:
    """Build the top of a board, with the CRC that the golden model expects.

    Args:
        engine: the engine.
        clock: frequency in Hz.
        divisor: cycles of a bit on the serial line.
    """
    return Board(
        engine, clock=clock, divisor=divisor, expected=self_test(engine).crc(machine(engine))
    )
