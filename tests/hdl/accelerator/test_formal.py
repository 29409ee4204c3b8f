"""Proofs, by SymbiYosys and z3: handshakes of the bus, beats of bursts, no FIFO overflows.

By induction, so for all time. Addresses have 32 bits; the bus is one byte wide, for what it carries
does not matter here; two bursts at most are under way.
"""

import pytest
from amaranth.hdl import Assert, Assume, Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, fifo, wiring
from amaranth.lib.wiring import In
from mxsf.hdl.accelerator.arbiter import choose_burst
from mxsf.hdl.accelerator.bursts import Bursts
from mxsf.hdl.accelerator.queues import ReadQueue, WriteQueue
from mxsf.hdl.accelerator.reads import Reads
from mxsf.hdl.accelerator.view import ViewWalk
from mxsf.hdl.accelerator.writes import Writes
from mxsf.hdl.stream.register import link
from proving import assert_held, assume_held, needs_sby, no_reset, past, sby

pytestmark = [pytest.mark.long, needs_sby]

BYTE = data.StructLayout({"data": unsigned(2)})
"""What beats are does not matter where they are counted."""


def named(module, name):
    """A signal of an elaborated component, by its name."""
    (found,) = [signal for signal in module._driving if signal.name == name]
    return found


class Held(wiring.Component):
    """A component of one stream in and one out: what leaves it stays until it is taken."""

    def __init__(self, inner):
        self.inner = inner
        super().__init__(dict(inner.signature.members.items()))

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = self.inner
        link(m, self.i, self.inner.i)
        link(m, self.inner.o, self.o)
        no_reset(m)
        assume_held(m, self.i, name="i")
        assert_held(m, self.o, name="o")
        return m


class Pages(wiring.Component):
    """Bursts: none leaves its page."""

    def __init__(self, inner):
        self.inner = inner
        super().__init__(dict(inner.signature.members.items()))

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inside = self.inner.elaborate(platform)
        link(m, self.i, self.inner.i)
        link(m, self.inner.o, self.o)
        no_reset(m)
        lanes = (self.inner.bus // 8).bit_length() - 1
        burst = self.o.payload
        room = named(inside, "room")
        ends = Signal(16)
        m.d.comb += ends.eq(burst.address[lanes:12] + burst.length)
        with m.If(self.o.valid):
            m.d.comb += Assert(ends < 1 << (12 - lanes))
            m.d.comb += Assert(burst.address[:lanes] == 0)
        # What makes it inductive.
        beats = named(inside, "record")[self.inner.address : -2]
        m.d.comb += Assert(~named(inside, "held") | (beats != 0))
        with m.If(named(inside, "opened")):
            m.d.comb += Assert(ends + room < 1 << (12 - lanes))
            m.d.comb += Assert(burst.length + room < 16)
            m.d.comb += Assert(burst.address[:lanes] == 0)
        return m


class ReadRoom(wiring.Component):
    """A read queue never overflows; ``greedy`` beats too many are reserved."""

    def __init__(self, depth=16, greedy=0):
        self.inner, self.greedy = ReadQueue(BYTE, depth), greedy
        super().__init__(
            {
                "comes": In(1),
                "reserve": In(range(17)),
                "ready": In(1),
                "flush": In(1),
                "beat": In(2),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = queue = self.inner
        no_reset(m)
        reserved = Signal(range(queue.depth + 1))
        m.d.comb += [
            queue.i.valid.eq(self.comes),
            queue.i.payload.data.eq(self.beat),
            queue.reserve.eq(self.reserve),
            queue.flush.eq(self.flush),
            queue.o.ready.eq(self.ready),
            Assume(self.reserve <= queue.free + self.greedy),
            Assume(~self.comes | (reserved != 0)),
        ]
        m.d.sync += reserved.eq(reserved + self.reserve - self.comes)
        m.d.comb += [
            Assert(queue.free + queue.level + reserved == queue.depth),
            Assert(~self.comes | queue.i.ready),
        ]
        return m


class WriteRoom(wiring.Component):
    """A beat of a burst that has begun is there; ``hasty`` beats too many are begun."""

    def __init__(self, depth=16, hasty=0):
        self.inner, self.hasty = WriteQueue(BYTE, depth), hasty
        super().__init__(
            {
                "comes": In(1),
                "begin": In(range(17)),
                "moves": In(1),
                "stop": In(1),
                "beat": In(2),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = queue = self.inner
        no_reset(m)
        begun = Signal(range(queue.depth + 1))
        flush = Signal()
        flushed = past(m, flush, name="flushed")
        m.d.comb += [
            queue.i.valid.eq(self.comes),
            queue.i.payload.data.eq(self.beat),
            queue.claim.eq(self.begin),
            queue.o.ready.eq(self.moves),
            queue.stop.eq(self.stop),
            flush.eq(self.stop & (begun == 0)),
            queue.flush.eq(flush),
            Assume(self.begin <= queue.held + self.hasty),
            Assume(~self.stop | (self.begin == 0)),
            Assume(~self.moves | (begun != 0)),
            Assume(~past(m, self.stop, name="stopped") | self.stop | (queue.level == 0)),
        ]
        m.d.sync += begun.eq(begun + self.begin - (self.moves & queue.o.valid))
        with m.If(flushed):
            m.d.comb += Assert(queue.held == 0)
        with m.Else():
            m.d.comb += Assert(queue.held + begun == queue.level)
        with m.If(begun != 0):
            m.d.comb += Assert(queue.o.valid)
        m.d.comb += Assert(queue.level <= queue.depth)
        return m


class Registers(fifo.SyncFIFO):
    """The FIFO of the order, its words in registers that assertions can name."""

    def __init__(self, *, width, depth):
        super().__init__(width=width, depth=depth)
        self.words = Signal(data.ArrayLayout(unsigned(width), depth))

    def elaborate(self, platform):
        m = Module()
        enters, leaves = self.w_en & self.w_rdy, self.r_en & self.r_rdy
        m.d.comb += [
            self.w_rdy.eq(self.level != self.depth),
            self.r_rdy.eq(self.level != 0),
            self.r_data.eq(self.words[0]),
            Assert(self.level <= self.depth),
        ]
        m.d.sync += self.level.eq(self.level + enters - leaves)
        with m.If(leaves):
            m.d.sync += [self.words[k].eq(self.words[k + 1]) for k in range(self.depth - 1)]
        for k in range(self.depth):
            with m.If(enters & (self.level - leaves == k)):
                m.d.sync += self.words[k].eq(self.w_data)
        return m


class ReadBus(wiring.Component):
    """Reads of two readers on a bus that sends what was asked for, and no more."""

    def __init__(self, outstanding=2):
        self.inner = Reads(8, 32, ["always", 16], outstanding)
        members = dict(self.inner.signature.members.items())
        super().__init__({name: members[name] for name in ("bursts", "data", "ar", "r", "cancel")})

    def elaborate(self, platform):
        m, reads = Module(), self.inner
        m.submodules.inner = inside = reads.elaborate(platform)
        no_reset(m)
        for k in range(2):
            link(m, self.bursts[k], reads.bursts[k])
            link(m, reads.data[k], self.data[k])
        link(m, reads.ar, self.ar)
        link(m, self.r, reads.r)
        m.d.comb += reads.cancel.eq(self.cancel)
        self.check(m, inside.submodules.order, inside.submodules.queue_1)
        assert_held(m, self.ar, name="ar")
        return m

    def check(self, m, order, queue):
        most, reads = self.inner.outstanding, self.inner
        asked, ends = Signal(2), Signal()
        # Beats left of each burst, the oldest first; the bus sends these.
        left = Signal(data.ArrayLayout(unsigned(5), most))
        m.d.comb += [
            asked.eq(Cat(b.valid & b.ready for b in self.bursts)),
            ends.eq(self.r.valid & self.r.payload.last),
            Assume(~self.r.valid | (order.level != 0)),
            Assume(self.r.payload.last == (left[0] == 1)),
            Assume(~past(m, self.cancel & ~reads.idle, name="cancels") | self.cancel),
        ]
        with m.If(ends):
            m.d.sync += [left[k].eq(left[k + 1]) for k in range(most - 1)]
        with m.Elif(self.r.valid):
            m.d.sync += left[0].eq(left[0] - 1)
        for k in range(most):
            with m.If(asked.any() & (order.level - ends == k)):
                lengths = [burst.payload.length for burst in self.bursts]
                m.d.sync += left[k].eq(Mux(asked[0], *lengths) + 1)
        readers = [word[self.inner.address :] for word in order.words]
        present = [order.level > k for k in range(most)]
        promised = sum(Mux(present[k] & readers[k][1], left[k], 0) for k in range(most))
        quiet = (order.level == 0) & (~self.cancel | (queue.level == 0))
        m.d.comb += [
            Assert(self.r.ready),
            Assert(~asked.any() | order.w_rdy),
            Assert(~asked.all()),
            Assert(reads.idle == quiet),
            Assert(~self.cancel | ~(asked.any() | self.data[0].valid | self.data[1].valid)),
            Assert(~asked[1] | (self.bursts[1].payload.length < queue.free)),
            Assert(queue.free + queue.level + promised == queue.depth),
            Assert(~queue.i.valid | queue.i.ready),
            *(Assert(~here | (left[k] != 0)) for k, here in enumerate(present)),
            *(
                Assert(~here | (readers[k] == 1) | (readers[k] == 2))
                for k, here in enumerate(present)
            ),
        ]


class WriteBus(wiring.Component):
    """Writes of a writer on a bus that answers what is complete, and nothing else."""

    def __init__(self, outstanding=2):
        self.inner = Writes(8, 32, [16], outstanding)
        members = dict(self.inner.signature.members.items())
        names = ("bursts", "data", "aw", "w", "b", "cancel")
        super().__init__({name: members[name] for name in names})

    def elaborate(self, platform):
        m, writes = Module(), self.inner
        m.submodules.inner = inside = writes.elaborate(platform)
        no_reset(m)
        link(m, self.bursts[0], writes.bursts[0])
        link(m, self.data[0], writes.data[0])
        link(m, writes.aw, self.aw)
        link(m, writes.w, self.w)
        link(m, self.b, writes.b)
        m.d.comb += writes.cancel.eq(self.cancel)
        bits = range(writes.outstanding + 2)
        # Bursts offered and not all written; complete and not answered; addressed and not answered.
        self.open, self.complete, addressed = Signal(bits), Signal(bits), Signal(bits)
        self.new, self.moves, self.ends = Signal(), Signal(), Signal()
        waits = past(m, self.aw.valid & ~self.aw.ready, name="aw_waiting")
        m.d.comb += [
            self.new.eq(self.aw.valid & ~waits),
            self.moves.eq(self.w.valid & self.w.ready),
            self.ends.eq(self.moves & self.w.payload.last),
            Assume(~self.b.valid | ((self.complete != 0) & (addressed != 0))),
            Assume(~past(m, self.cancel & ~writes.idle, name="cancels") | self.cancel),
        ]
        m.d.sync += [
            self.open.eq(self.open + self.new - self.ends),
            self.complete.eq(self.complete + self.ends - self.b.valid),
            addressed.eq(addressed + (self.aw.valid & self.aw.ready) - self.b.valid),
        ]
        self.check(m, inside)
        return m

    def check(self, m, inside):
        """What holds for all time."""
        parts = inside.submodules
        order, answers, queue = parts.order, parts.answers, parts.queue_0
        begun = self.bursts[0].valid & self.bursts[0].ready
        under_way = Signal(range(self.inner.outstanding + 4))
        idle = (under_way == 0) & (~self.cancel | (queue.level == 0))
        m.d.comb += [
            under_way.eq(self.open + self.new + self.complete),
            Assert(self.b.ready),
            Assert(order.level == self.open + self.new),
            Assert(answers.level == under_way),
            Assert(~begun | (order.w_rdy & answers.w_rdy & ~self.cancel)),
            Assert(~begun | (self.bursts[0].payload.length < queue.held)),
            Assert(~self.w.valid | (self.open + self.new != 0)),
            Assert(self.inner.idle == idle),
        ]
        assert_held(m, self.aw, name="aw")
        assert_held(m, self.w, name="w")


class WriteOrder(WriteBus):
    """The beats of each burst: their number, no pause, no strobes in cancel."""

    def check(self, m, inside):
        super().check(m, inside)
        most, order, queue = (
            self.inner.outstanding,
            inside.submodules.order,
            inside.submodules.queue_0,
        )
        beat, lengths = Signal(4), Signal(data.ArrayLayout(unsigned(4), most + 1))
        # Lengths of the open bursts, the oldest first, that which is offered now among them.
        known = Signal.like(lengths)
        m.d.comb += known.eq(lengths)
        for k in range(most + 1):
            with m.If(self.new & (self.open == k)):
                m.d.comb += known[k].eq(self.aw.payload.length)
        m.d.sync += lengths.eq(known)
        with m.If(self.ends):
            m.d.sync += [lengths[k].eq(known[k + 1]) for k in range(most)]
        with m.If(self.moves):
            m.d.sync += beat.eq(Mux(self.w.payload.last, 0, beat + 1))
        moved = ~self.w.valid | self.w.ready
        silent = past(m, self.cancel & moved, name="silent") & self.cancel
        m.d.comb += [
            Assert(~self.w.valid | (self.w.payload.last == (beat == known[0]))),
            Assert((beat == 0) | self.w.valid),
            Assert(~(silent & self.w.valid) | (self.w.payload.strb == 0)),
        ]
        # What makes the above inductive.
        present = [order.level > k for k in range(most)]
        left = sum(Mux(present[k], known[k] + 1, 0) for k in range(most)) - beat
        flushed = past(m, self.cancel & (order.level == 0), name="flushed")
        m.d.comb += [
            Assert(beat == named(inside, "beat")),
            Assert(flushed | (queue.held + left == queue.level)),
            Assert(~flushed | ((queue.held == 0) & (order.level == 0))),
            Assert((order.level != 0) | (beat == 0)),
            Assert((order.level == 0) | (beat <= known[0])),
            Assert((order.level == 0) | queue.o.valid),
            *(
                Assert(~here | (order.words[k] == Cat(known[k], 1)))
                for k, here in enumerate(present)
            ),
        ]


@pytest.fixture
def narrow(monkeypatch):
    """A bus of a byte."""
    monkeypatch.setattr("mxsf.hdl.accelerator.ports.BUS_BITS", (8,))


@pytest.fixture
def registers(narrow, monkeypatch):
    """The order of bursts in registers."""
    monkeypatch.setattr("amaranth.lib.fifo.SyncFIFO", Registers)


def proved(harness, folder, **options):
    answer, text = sby(harness, folder, depth=4, **options)
    assert answer == "PASS", text[-2000:]


def refuted(harness, folder, depth=5):
    answer, text = sby(harness, folder, mode="bmc", depth=depth)
    assert answer == "FAIL", text[-2000:]


@pytest.mark.parametrize(
    "inner",
    [lambda: ViewWalk(), lambda: Bursts(64, 32, 1), lambda: Bursts(64, 64, 256)],
    ids=["view", "bytes", "words"],
)
def test_streams_hold(tmp_path, inner):
    """For all time."""
    proved(Held(inner()), tmp_path)


@pytest.mark.parametrize("record", [1, 8, 256])
def test_no_burst_leaves_its_page(tmp_path, record):
    """For all time."""
    proved(Pages(Bursts(64, 32, record)), tmp_path)


def test_no_read_queue_overflows(tmp_path):
    """For all time, for any reader that reserves what is free, and any bus."""
    proved(ReadRoom(), tmp_path)


def test_no_write_waits_for_data(tmp_path):
    """For all time."""
    proved(WriteRoom(), tmp_path)


def test_reads(tmp_path, registers):
    """For all time: AR holds, no FIFO overflows, the order has room, idle and cancel are right."""
    proved(ReadBus(), tmp_path)


def test_writes(tmp_path, narrow):
    """For all time: AW and W hold, the order has room, data follow their address, idle is right."""
    proved(WriteBus(), tmp_path)


def test_beats_of_writes(tmp_path, registers):
    """For all time: wlast, no pause within a burst, no strobes in cancel."""
    proved(WriteOrder(), tmp_path)


def test_proof_catches_what_is_promised_too_often(tmp_path):
    (tmp_path / "read").mkdir()
    (tmp_path / "write").mkdir()
    refuted(ReadRoom(greedy=1), tmp_path / "read")
    refuted(WriteRoom(hasty=1), tmp_path / "write")


def test_proof_catches_wide_pages(tmp_path, monkeypatch):
    monkeypatch.setattr("mxsf.hdl.accelerator.bursts._PAGE_BITS", 13)
    refuted(Pages(Bursts(64, 32, 256)), tmp_path, 8)


def test_proof_catches_a_payload_that_changes(tmp_path):
    class Restless(ViewWalk):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            m.d.comb += self.o.payload.index.eq(self.i.payload.pitch)
            return m

    refuted(Held(Restless()), tmp_path)


def test_proof_catches_a_lost_credit(tmp_path, registers, monkeypatch):
    monkeypatch.setattr("mxsf.hdl.accelerator.reads.Mux", lambda *_: 0)
    refuted(ReadBus(), tmp_path)


def test_proof_catches_a_hasty_burst(tmp_path, registers, monkeypatch):
    """A burst begins before its data are there."""

    def hasty(m, bursts, may_ask, allowed):
        return choose_burst(m, bursts, Const(-1, len(bursts)), allowed)

    monkeypatch.setattr("mxsf.hdl.accelerator.writes.choose_burst", hasty)
    refuted(WriteOrder(), tmp_path)
