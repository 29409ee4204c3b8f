"""Whose burst is next: the turn goes round among those that may ask."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream

__all__ = ["choose_burst", "round_robin"]


def round_robin(m: Module, requests: Signal, taken: Value, *, name: str) -> Signal:
    """Choose one of those that ask: the next one after the last that was taken, in a circle.

    Whoever asks on is chosen after each of the others was taken at most once. Combinational, but
    for the place where the circle goes on.

    Args:
        m: the module that gets it.
        requests: a bit for each that may ask.
        taken: the choice counts in this cycle; only where one asks.
        name: names the choice in waveforms and netlists.

    Returns:
        The choice, one-hot; 0 where nobody asks.
    """
    chosen, ahead = Signal.like(requests, name=name), Signal.like(requests, name=f"{name}_ahead")
    after = Signal.like(requests, name=f"{name}_after")
    m.d.comb += [
        ahead.eq(requests & after),
        chosen.eq(Mux(ahead.any(), ahead & -ahead, requests & -requests)),
    ]
    with m.If(taken):
        m.d.sync += after.eq(~(chosen | (chosen - 1)))
    return chosen


def choose_burst(
    m: Module, bursts: Sequence[Any], may_ask: Signal, allowed: Value
) -> tuple[Any, Signal]:
    """Merge streams of bursts into one, by ``round_robin``.

    Args:
        m: the module that gets it.
        bursts: the streams; their ready is driven here.
        may_ask: a bit for each: its burst may be taken.
        allowed: any may.

    Returns:
        The stream of what is chosen, which may change until it is taken; a bit for each stream:
        its burst is taken in this cycle.
    """
    chosen: Any = stream.Signature(bursts[0].payload.shape()).create(path=("chosen",))
    requests = Signal(len(bursts), name="requests")
    taken = Signal(len(bursts), name="taken")
    m.d.comb += requests.eq(Cat(b.valid for b in bursts) & may_ask & allowed.replicate(len(bursts)))
    turn = round_robin(m, requests, chosen.valid & chosen.ready, name="turn")
    m.d.comb += [
        chosen.valid.eq(requests.any()),
        taken.eq(turn & chosen.ready.replicate(len(bursts))),
        *(source.ready.eq(bit) for source, bit in zip(bursts, taken, strict=True)),
    ]
    with m.Switch(turn):
        for number, source in enumerate(bursts):
            with m.Case("-" * (len(bursts) - 1 - number) + "1" + "-" * number):
                m.d.comb += chosen.payload.eq(source.payload)
    return chosen, taken
