"""Counters: many wide ones in a small memory, kept up to date by one adder."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["COUNTER_BITS", "Counters"]

COUNTER_BITS = 64
"""Bits of a counter; it wraps."""

_EVENTS = 3  # most that a counter has in a cycle


class Counters(wiring.Component):
    """Counters of events, each event worth a power of two.

    Events are gathered in small registers, one of which a cycle is added to its counter in the
    memory. So a counter is right as many cycles after an event as there are counters.

    Args:
        worth: for each counter by name what an event adds, a power of two.

    Members:
        events: Out, by name: how many events there are in this cycle, 0 to 3. (In)
        number: In, which counter is read, in the order of ``worth``.
        value: Out, what it says, in the same cycle.
    """

    def __init__(self, worth: Mapping[str, int]):
        self.worth = dict(worth)
        events = wiring.Signature({name: Out(range(_EVENTS + 1)) for name in worth})
        super().__init__(
            {
                "events": In(events),
                "number": In(range(len(worth))),
                "value": Out(COUNTER_BITS),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Gather, add, clear at first."""
        m = Module()
        names, count = list(self.worth), len(self.worth)
        room = 1 << len(self.number)
        m.submodules.store = store = memory.Memory(
            shape=unsigned(COUNTER_BITS), depth=room, init=[]
        )
        turn, fresh = Signal(range(room)), Signal(init=1)
        write, old, read = (
            store.write_port(),
            store.read_port(domain="comb"),
            store.read_port(domain="comb"),
        )
        added = Signal(COUNTER_BITS)
        m.d.comb += [
            old.addr.eq(turn),
            read.addr.eq(self.number),
            self.value.eq(read.data),
            write.addr.eq(turn),
            write.en.eq(1),
            write.data.eq(Mux(fresh, 0, old.data) + added),
        ]
        m.d.sync += turn.eq(turn + 1)
        with m.If(turn == count - 1):
            m.d.sync += [turn.eq(0), fresh.eq(0)]
        with m.Switch(turn):
            for number, name in enumerate(names):
                gathered = Signal(range(_EVENTS * count + 1), name=f"gathered_{name}")
                event = getattr(self.events, name)
                with m.Case(number):
                    m.d.comb += added.eq(gathered << self.worth[name].bit_length() - 1)
                m.d.sync += gathered.eq(Mux(turn == number, 0, gathered) + event)
        return m
