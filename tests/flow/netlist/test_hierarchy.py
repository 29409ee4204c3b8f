"""The netlist computes what Amaranth's own conversion does, wrappers included."""

import random

import pytest
from amaranth.back import rtlil
from amaranth.hdl import (
    Cat,
    ClockDomain,
    DomainRenamer,
    EnableInserter,
    Module,
    ResetInserter,
    Signal,
)
from amaranth.lib import memory, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out
from designs import needs_gcc
from mxsf.flow.netlist import module
from mxsf.flow.netlist.netlist import netlist
from mxsf.hdl.interface.flat import LinkedShell, plain_links
from mxsf.hdl.interface.shell import Clocking
from mxsf.sim.simulator.cxxrtl import CxxrtlSimulator
from mxsf.sim.simulator.waveform import Port


class Count(wiring.Component):
    """Registers with and without a reset, one that starts at another value, and a memory."""

    step: In(3)
    kept: Out(4)
    total: Out(8, init=5)
    read: Out(4)

    def elaborate(self, platform):
        m = Module()
        kept = Signal(4, reset_less=True)
        m.submodules.store = store = memory.Memory(shape=4, depth=4, init=[1, 2])
        write, read = store.write_port(), store.read_port()
        m.d.sync += [self.total.eq(self.total + self.step), kept.eq(self.step)]
        m.d.comb += [
            self.kept.eq(kept),
            Cat(write.addr, write.en).eq(self.step),
            write.data.eq(self.total),
            read.addr.eq(self.total),
            read.en.eq(1),
            self.read.eq(read.data),
        ]
        return m


class Pair(wiring.Component):
    """Two equal components, one of which a control resets, and a queue without declared ports."""

    step: In(3)
    clear: In(1)
    total: Out(16)
    read: Out(8)
    queued: Out(4)

    def elaborate(self, platform):
        m = Module()
        m.submodules.count_0 = first = Count()
        m.submodules.count_1 = ResetInserter(self.clear)(second := Count())
        m.submodules.queue = queue = SyncFIFOBuffered(width=4, depth=5)
        m.d.comb += [
            first.step.eq(self.step),
            second.step.eq(first.total[:3] ^ self.step),
            self.total.eq(Cat(first.total, second.total)),
            self.read.eq(Cat(first.read ^ first.kept, second.read ^ second.kept)),
            queue.w_data.eq(first.total),
            queue.w_en.eq(self.step[0]),
            queue.r_en.eq(self.step[1]),
            self.queued.eq(queue.r_data),
        ]
        return m


class Around(wiring.Component):
    """Resets inside of resets: of a pair, and of a plain module that holds another one."""

    step: In(3)
    clear: In(2)
    total: Out(32)
    read: Out(16)
    queued: Out(8)

    def elaborate(self, platform):
        m, inner = Module(), Module()
        pairs = [Pair(), Pair()]
        m.submodules.pair = pairs[0]
        inner.submodules.inner = ResetInserter(self.clear[0])(pairs[1])
        m.submodules.more = ResetInserter(self.clear[1])(inner)
        for place, pair in enumerate(pairs):
            m.d.comb += [
                pair.step.eq(self.step + place),
                pair.clear.eq(self.clear[1] & self.step[0]),
                self.total.word_select(place, 16).eq(pair.total),
                self.read.word_select(place, 8).eq(pair.read),
                self.queued.word_select(place, 4).eq(pair.queued),
            ]
        return m


def shelled(clocking: Clocking) -> LinkedShell:
    core = Around()
    return LinkedShell(core, "around", plain_links(core), clocking)


def trace(simulator, reset: str) -> list[tuple[int, ...]]:
    """Outputs of random cycles, some of them with a reset."""
    seen = []

    async def bench(pins):
        draw = random.Random(1)
        for _ in range(300):
            pins.set("step", draw.getrandbits(3))
            pins.set("clear", draw.choice([0, 0, 0, 1, 2, 3]))
            pins.set(reset, int(draw.random() < 0.1) ^ (reset == "rst_n"))
            seen.append(tuple(pins.get(name) for name in ("total", "read", "queued")))
            await pins.tick()

    simulator.run(bench)
    return seen


def agree(component, reset: str = "rst") -> bool:
    """Whether the netlist and Amaranth's own conversion do the same, cycle by cycle."""
    widths = {"step": (3, True), "clear": (2, True), reset: (1, True)}
    widths |= {"total": (32, False), "read": (16, False), "queued": (8, False)}
    ports = [Port(name, *end) for name, end in widths.items()]
    ours, whole = (
        trace(CxxrtlSimulator(text, "top", ports), reset)
        for text in (netlist(component, "top").text, rtlil.convert(component, name="top"))
    )
    assert len(set(whole)) > 200
    return ours == whole


@needs_gcc
@pytest.mark.parametrize("asynchronous", [False, True])
def test_computes_what_amaranth_converts(asynchronous):
    clocking = Clocking(reset="rst_n", asynchronous=asynchronous, active_low=True)
    assert agree(shelled(clocking), clocking.reset)


@needs_gcc
def test_catches_a_lost_reset(monkeypatch):
    whole = module.Module._instance

    def lost(self, child, outline):
        return whole(self, child._replace(controls=[]), outline)

    assert agree(Around())
    monkeypatch.setattr(module.Module, "_instance", lost)
    assert not agree(Around())


def test_equal_components_share_a_module():
    design = netlist(Around(), "top")
    assert design.instances == {"top__pair": 2, "top__count": 4}
    cleared = netlist(shelled(Clocking(asynchronous=True)), "top")
    assert cleared.instances["top__pair"] == cleared.instances["top__inner"] == 1
    assert (cleared.instances["top__count"], cleared.instances["top__count_2"]) == (1, 3)


def test_children_of_equal_components_are_not_elaborated(monkeypatch):
    calls = []
    whole = Count.elaborate
    monkeypatch.setattr(Count, "elaborate", lambda self, p: calls.append(0) or whole(self, p))
    assert netlist(Around(), "top").instances["top__count"] == 4
    assert len(calls) == 1


def holder(child, statements=lambda child, m, own: None, wrap=lambda child: child):
    """A component with a child, and what else it does."""

    class Holder(wiring.Component):
        total: Out(8)
        read: Out(4)

        def elaborate(self, platform):
            m = Module()
            m.submodules.child = wrap(child)
            m.d.comb += self.total.eq(child.total)
            statements(child, m, self)
            return m

    return Holder()


class Leaky(Count):
    """Drives a signal that it does not declare."""

    def __init__(self):
        super().__init__()
        self.hidden = Signal(4)

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.hidden.eq(self.total)
        return m


def test_says_what_cannot_be_a_module():
    leaks = holder(Leaky(), lambda child, m, own: m.d.comb.__iadd__(own.read.eq(child.hidden)))
    with pytest.raises(ValueError, match="Leaky and Holder share the signal hidden"):
        netlist(leaks, "top")
    enabled = holder(Count(), wrap=EnableInserter(Signal()))
    with pytest.raises(NotImplementedError, match="child cannot stand in an EnableInserter"):
        netlist(enabled, "top")


def test_a_domain_is_renamed_at_the_instance():
    class Fast(wiring.Component):
        fast: In(1)
        clear: In(1)
        total: Out(8)

        def elaborate(self, platform):
            m = Module()
            m.domains.fast = domain = ClockDomain("fast")
            domain.clk, domain.rst = self.fast, self.clear
            m.submodules.count = DomainRenamer("fast")(count := Count())
            m.d.comb += self.total.eq(count.total)
            return m

    text = netlist(Fast(), "top").text
    cell = text[text.index(r"cell \top__count \count") :]
    assert cell.splitlines()[1:3] == [
        r"    connect \clk \fast [0]",
        r"    connect \rst \clear [0]",
    ]
    with pytest.raises(ValueError, match="Holder has no clock domain fast"):
        netlist(holder(Count(), wrap=DomainRenamer("fast")), "top")


def test_an_output_without_driver_has_its_initial_value():
    class Still(wiring.Component):
        word: Out(4, init=9)
        least: Out(4)

        def elaborate(self, platform):
            return Module()

    text = netlist(Still(), "top").text
    assert r"output 1  \word" in text
    assert "4'1001" in text


def test_an_output_without_driver_beside_two_that_have_a_clock():
    def second(child, m, own):
        m.submodules.second = Count()

    made = netlist(holder(Count(), second), "top")
    assert made.instances == {"top__child": 2}
    assert made.text.count(r"connect \clk \clk [0]") == 2
