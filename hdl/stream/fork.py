"""Fork: the beats of a stream to several streams, and some of them only."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream

__all__ = ["fork", "where"]


def fork(m: Module, source: Any, count: int, *, name: str) -> list[Any]:
    """Return ``count`` streams with every beat of ``source``.

    A beat has left when all of them have taken it; who has taken it waits for the others. Latency
    0, a beat a cycle.

    Args:
        m: the module that gets the fork.
        source: the stream; its ready is driven here.
        count: number of streams.
        name: names them in waveforms and netlists.
    """
    targets: list[Any] = []
    done = Signal(count, name=f"{name}_done")
    taken = Signal(count, name=f"{name}_taken")
    for number in range(count):
        signature = stream.Signature(source.payload.shape())
        target: Any = signature.create(path=(f"{name}_{number}",))
        m.d.comb += [
            target.payload.eq(source.payload),
            target.valid.eq(source.valid & ~done[number]),
            taken[number].eq(done[number] | target.ready),
        ]
        targets.append(target)
    m.d.comb += source.ready.eq(taken.all())
    with m.If(source.valid):
        m.d.sync += done.eq(Mux(taken.all(), 0, taken))
    return targets


def where(m: Module, source: Any, condition: Value, *, name: str) -> Any:
    """Return a stream of those beats for which a condition holds; the others are dropped.

    Args:
        m: the module that gets it.
        source: the stream; its ready is driven here.
        condition: a bit that depends on the payload of ``source`` only.
        name: names the stream in waveforms and netlists.
    """
    target: Any = stream.Signature(source.payload.shape()).create(path=(name,))
    m.d.comb += [
        target.payload.eq(source.payload),
        target.valid.eq(source.valid & condition),
        source.ready.eq(target.ready | ~condition),
    ]
    return target
