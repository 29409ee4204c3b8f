"""Requests: bytes from a host to beats of a matrix engine's streams.

Source: ``mxsf.golden.engine.protocol``, docs/boards.md.
"""

from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.engine.machine import FLAGS
from ...golden.engine.protocol import COMMAND_BYTES, Request, code_bytes
from ...golden.formats.word import FP32
from ..engine.command import command_layout
from ..engine.matmul import Matmul

__all__ = ["STREAMS", "Requests"]

STREAMS = {
    "command": Request.COMMAND,
    "a": Request.A,
    "b": Request.B,
    "c": Request.START,
}
"""Streams of the engine, and the kinds of messages that become their beats."""

_PULSES = {"info": Request.INFO, "test": Request.TEST, "abort": Request.ABORT}


class Requests(wiring.Component):
    """Bytes to beats and pulses.

    A message of a stream is collected in a register and offered until it is taken. Its beat
    leaves a cycle after its last byte at the earliest. With ``urgent`` a byte never waits: a beat
    that has not been taken when the next message begins is dropped, so that an abort gets through
    whatever the engine waits for.

    Args:
        engine: the engine, for the payloads of its streams.

    Members:
        i: In, stream of bytes.
        urgent: In, bytes cannot wait.
        command, a, b, c: Out, the streams of ``Matmul``.
        info, test, abort: Out, high for a cycle when that message has come.
    """

    i: stream.Interface
    command: stream.Interface
    a: stream.Interface
    b: stream.Interface
    c: stream.Interface

    def __init__(self, engine: Matmul):
        row = engine.rows * engine.tile * code_bytes(engine.element) + 1
        start = engine.tile * FP32.bits // 8
        self.sizes = {"command": COMMAND_BYTES, "a": row, "b": row, "c": start}
        self._code_bits = 8 * code_bytes(engine.element)
        streams = {name: Out(stream.Signature(getattr(engine, name).payload.shape()))
                   for name in STREAMS}  # fmt: skip
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "urgent": In(1),
                **streams,
                **{name: Out(1) for name in _PULSES},
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Collect, offer, and the fields of each stream."""
        m = Module()
        size = max(self.sizes.values())
        data = Signal(8 * size, reset_less=True)  # the last byte is the highest
        kind = Signal(len(STREAMS))
        left = Signal(range(size + 1))
        pending, taken = Signal(), Signal()
        m.d.comb += self.i.ready.eq(~pending | self.urgent)
        with m.If(taken):
            m.d.sync += pending.eq(0)
        with m.If(self.i.valid & self.i.ready):
            with m.If(left != 0):
                m.d.sync += [data.eq(data[8:]), data[-8:].eq(self.i.payload)]
                m.d.sync += [left.eq(left - 1), pending.eq(left == 1)]
            with m.Else():
                m.d.sync += pending.eq(0)
                with m.Switch(self.i.payload):
                    for number, (name, request) in enumerate(STREAMS.items()):
                        with m.Case(request):
                            m.d.sync += [kind.eq(1 << number), left.eq(self.sizes[name])]
                    for name, request in _PULSES.items():
                        with m.Case(request):
                            m.d.comb += getattr(self, name).eq(1)

        ready = 0
        for number, (name, bytes_) in enumerate(self.sizes.items()):
            target: Any = getattr(self, name)
            m.d.comb += target.valid.eq(pending & kind[number])
            ready |= target.valid & target.ready
            message = data[8 * (size - bytes_) :]
            fill = {"command": self._command, "c": self._start}.get(name, self._row)
            m.d.comb += fill(target.payload, message)
        m.d.comb += taken.eq(ready)
        return m

    def _command(self, payload: Any, message: Value) -> list[Any]:
        packed, sizes = message[8:16], message[16:]
        names = [name for name, _ in command_layout() if name not in ("opcode", "output", *FLAGS)]
        return [
            payload.opcode.eq(message[:8]),
            payload.output.eq(packed),
            *(payload[name].eq(packed[2 + n]) for n, name in enumerate(FLAGS)),
            *(payload[name].eq(sizes.word_select(n, 16)) for n, name in enumerate(names)),
        ]

    def _row(self, payload: Any, message: Value) -> list[Any]:
        codes = [
            payload.codes[n].eq(message.word_select(n, self._code_bits))
            for n in range(len(payload.codes))
        ]
        return [*codes, payload.scale.eq(message[-len(payload.scale) :])]

    def _start(self, payload: Any, message: Value) -> list[Any]:
        return [Value.cast(payload).eq(message)]
