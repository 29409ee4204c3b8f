"""Replies: results of a matrix engine, and what a board says of itself, to bytes for a host.

Source: ``mxsf.golden.engine.protocol``, docs/boards.md.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.engine.protocol import Info, Reply, code_bytes
from ...golden.formats.word import FP32
from ..engine.matmul import Matmul

__all__ = ["Replies", "report_layout"]


def report_layout() -> data.StructLayout:
    """Fields of a report, in whole bytes: see ``mxsf.golden.engine.protocol.Report``."""
    return data.StructLayout(
        {"passed": unsigned(8), "error": unsigned(8), "crc": unsigned(32), "cycles": unsigned(32)}
    )


class _State(enum.Enum):
    """What is being sent."""

    IDLE = 0
    INFO = 1
    REPORT = 2
    ROW = 3


class Replies(wiring.Component):
    """Rows of results to bytes, with the other replies between them.

    While ``fold`` is high rows go to ``chunk`` instead, ``chunk_bytes`` a cycle, and replies wait.

    Args:
        engine: the engine, for the payloads of its streams.
        info: what the board says of itself.
        chunk_bytes: bytes of a chunk, a power of two, at most those of a row.

    Members:
        o, t: In, the streams of results of ``Matmul``; only one of them is valid at a time.
        fold: In, rows go to ``chunk``.
        chunk: Out, bytes of a row. chunk_valid: Out; there is no ready.
        send_info, send_report: In, high for a cycle: send it as soon as possible.
        report: In, what to send; it must stay.
        serial: Out, stream of bytes.
    """

    o: stream.Interface
    t: stream.Interface
    serial: stream.Interface

    def __init__(self, engine: Matmul, info: Info, chunk_bytes: int = 1):
        self.info, self.chunk_bytes = info, chunk_bytes
        self.row_bytes = engine.tile * FP32.bits // 8
        self._code_bits = 8 * code_bytes(engine.element)
        assert not chunk_bytes & (chunk_bytes - 1)
        assert chunk_bytes <= self.row_bytes
        shapes = {name: getattr(engine, name).payload.shape() for name in ("o", "t")}
        super().__init__(
            {
                **{name: In(stream.Signature(shape)) for name, shape in shapes.items()},
                "fold": In(1),
                "chunk": Out(8 * chunk_bytes),
                "chunk_valid": Out(1),
                "send_info": In(1),
                "send_report": In(1),
                "report": In(report_layout()),
                "serial": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """A row, its chunks and bytes, and whose turn it is."""
        m = Module()
        row, row_valid, row_done = self._row(m)
        info = bytes([Reply.INFO]) + self.info.pack()
        texts = {
            _State.INFO: Const(int.from_bytes(info, "little"), 8 * len(info)),
            _State.REPORT: Cat(Const(Reply.REPORT, 8), self.report),
        }
        sizes = {kind: len(text) // 8 for kind, text in texts.items()}
        offset, last = Signal(range(max(self.row_bytes, *sizes.values()))), Signal()
        parts = self.row_bytes // self.chunk_bytes
        lane = offset[: self.chunk_bytes.bit_length() - 1]
        number = offset[len(lane) :][: (parts - 1).bit_length()]
        chunk = row.word_select(number, 8 * self.chunk_bytes)
        m.d.comb += [self.chunk.eq(chunk), self.chunk_valid.eq(self.fold & row_valid)]

        state, headed, moves = Signal(_State), Signal(), Signal()
        wants_info, wants_report = Signal(), Signal()
        m.d.comb += [
            self.serial.valid.eq(state != _State.IDLE),
            moves.eq(self.serial.valid & self.serial.ready),
        ]
        with m.Switch(state):
            for kind, text in texts.items():
                with m.Case(kind):
                    m.d.comb += self.serial.payload.eq(text.word_select(offset, 8))
            with m.Case(_State.ROW):
                byte = self.chunk.word_select(lane, 8)
                m.d.comb += self.serial.payload.eq(Mux(headed, byte, Const(Reply.ROW, 8)))

        with m.If(state == _State.IDLE):
            m.d.sync += [offset.eq(0), headed.eq(0)]
            with m.If(self.fold):
                m.d.comb += row_done.eq(row_valid & (offset == self.row_bytes - self.chunk_bytes))
                with m.If(row_valid):
                    m.d.sync += offset.eq(Mux(row_done, 0, offset + self.chunk_bytes))
            with m.Elif(wants_report):
                m.d.sync += [state.eq(_State.REPORT), wants_report.eq(0)]
            with m.Elif(wants_info):
                m.d.sync += [state.eq(_State.INFO), wants_info.eq(0)]
            with m.Elif(row_valid):
                m.d.sync += state.eq(_State.ROW)
        with m.Elif(moves):
            m.d.sync += offset.eq(offset + 1)
            with m.Switch(state):
                for kind, count in sizes.items():
                    with m.Case(kind):
                        m.d.comb += last.eq(offset == count - 1)
                with m.Case(_State.ROW):
                    with m.If(~headed):
                        m.d.sync += [headed.eq(1), offset.eq(0)]
                    m.d.comb += last.eq(headed & (offset == self.row_bytes - 1))
            with m.If(last):
                m.d.comb += row_done.eq(state == _State.ROW)
                m.d.sync += state.eq(_State.IDLE)
        with m.If(self.send_info):
            m.d.sync += wants_info.eq(1)
        with m.If(self.send_report):
            m.d.sync += wants_report.eq(1)
        return m

    def _row(self, m: Module) -> tuple[Signal, Signal, Signal]:
        """The row that leaves, whether there is one, and what the caller drives: it has left."""
        row, row_valid, row_done = (
            Signal(8 * self.row_bytes, name="row"),
            Signal(name="row_valid"),
            Signal(name="row_done"),
        )
        codes = Mux(self.t.valid, self._codes(self.t.payload), self._codes(self.o.payload))
        m.d.comb += [
            row_valid.eq(self.o.valid | self.t.valid),
            row.eq(Value.cast(self.o.payload.words) | codes),  # words are zero in rows of codes
            self.o.ready.eq(row_done),
            self.t.ready.eq(row_done),
        ]
        return row, row_valid, row_done

    def _codes(self, payload: Any) -> Value:
        """A row of codes and its scale, whole bytes each."""
        codes = [Cat(code, Const(0, self._code_bits - len(code))) for code in payload.codes]
        return Cat(*codes, payload.scale)
