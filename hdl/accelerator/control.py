"""Control: begins and ends programs, and remembers what became of them."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.fault import Fault
from ...golden.accelerator.fields import SIZE
from .descriptor import FAULT_BITS

__all__ = ["Control"]


class Control(wiring.Component):
    """From ``go`` to an END, a fault or an abort.

    After each of them the bus is drained: descriptors that were fetched too early, and, where the
    program did not end by itself, bursts under way.

    Args:
        address: bits of byte addresses.
        settle: cycles from the last event to counters that are right.

    Members:
        go: In, begin at ``origin``; only while not ``running``. abort: In, end what runs.
        clear: In, take the interrupt back. set_origin, new_origin: In, change ``origin``.
        ends, fault, irq, at: In, what the descriptor says that ends the program.
        read_error, write_error: In, the bus refused; read_address, write_address: In, where.
        quiet: In, the bus has nothing under way.
        running: Out, from ``go`` until the next may come. started: Out, fetch the first descriptor.
        ended: Out, this is the END of the program.
        idle: Out, reset of what runs a program. aborts: Out, reset of all that computes.
        cancel: Out, to the bus. forget: Out, to the bus, that its errors are known.
        reason, descriptor, bus_address: Out, fault of the last program, and where.
        origin: Out, where the next one begins. pending: Out, the interrupt.
    """

    def __init__(self, address: int, settle: int):
        self.address, self.settle = address, settle
        inputs = ("go", "abort", "clear", "set_origin", "ends", "irq", "quiet")
        outputs = ("running", "started", "ended", "idle", "aborts", "cancel", "forget", "pending")
        super().__init__(
            {
                **{name: In(1) for name in (*inputs, "read_error", "write_error")},
                **{name: In(address) for name in ("new_origin", "at")},
                **{name: In(address) for name in ("read_address", "write_address")},
                "fault": In(FAULT_BITS),
                **{name: Out(1) for name in outputs},
                "reason": Out(FAULT_BITS),
                **{name: Out(address) for name in ("descriptor", "bus_address", "origin")},
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """States: idle, run, drain, settle."""
        m = Module()
        broken, raises, waits = Signal(), Signal(), Signal(range(self.settle + 1))
        with m.If(self.clear):
            m.d.sync += self.pending.eq(0)
        with m.If(self.set_origin):
            m.d.sync += self.origin.eq(self.new_origin)
        m.d.comb += self.aborts.eq(broken)
        with m.FSM():
            with m.State("idle"):
                m.d.comb += self.idle.eq(1)
                m.d.sync += broken.eq(self.abort)
                with m.If(self.abort):
                    m.next = "drain"
                with m.Elif(self.go):
                    m.d.sync += [self.reason.eq(Fault.NONE), self.bus_address.eq(0)]
                    m.next = "start"
            with m.State("start"):
                m.d.comb += [self.started.eq(1), self.running.eq(1)]
                m.d.sync += broken.eq(self.abort)
                m.next = "run"
                with m.If(self.abort):
                    m.next = "drain"
            self._run(m, broken, raises)
            with m.State("drain"):
                m.d.comb += [self.running.eq(1), self.idle.eq(1), self.cancel.eq(1)]
                m.d.sync += waits.eq(self.settle)
                with m.If(self.abort):
                    m.d.sync += broken.eq(1)
                with m.If(self.quiet):
                    m.next = "settle"
            with m.State("settle"):
                m.d.comb += [self.running.eq(1), self.idle.eq(1), self.forget.eq(1)]
                m.d.sync += waits.eq(waits - 1)
                with m.If(waits == 0):
                    m.d.sync += [broken.eq(0), raises.eq(0)]
                    with m.If(raises):
                        m.d.sync += self.pending.eq(1)
                    m.next = "idle"
                with m.If(self.abort):
                    m.d.sync += broken.eq(1)
                    m.next = "drain"
        return m

    def _run(self, m: Module, broken: Signal, raises: Signal) -> None:
        """The state in which a program runs, and what ends it."""
        refused = self.read_error | self.write_error
        with m.State("run"):
            m.d.comb += self.running.eq(1)
            with m.If(self.abort | refused):
                m.d.sync += broken.eq(1)
                m.d.sync += self.descriptor.eq(self.at)
                m.next = "drain"
            with m.If(refused & ~self.abort):
                m.d.sync += [
                    raises.eq(1),
                    self.reason.eq(Mux(self.read_error, Fault.READ, Fault.WRITE)),
                    self.bus_address.eq(
                        Mux(self.read_error, self.read_address, self.write_address)
                    ),
                ]
            with m.Elif(self.ends & ~self.abort):
                m.d.comb += self.ended.eq(self.fault == Fault.NONE)
                right = self.fault == Fault.NONE
                m.d.sync += [
                    self.reason.eq(self.fault),
                    self.descriptor.eq(self.at),
                    self.origin.eq(self.at + Mux(right, SIZE, 0)),
                    self.bus_address.eq(Mux(self.fault == Fault.FETCH, self.at, 0)),
                    broken.eq(~right),
                    raises.eq(self.irq),
                ]
                m.next = "drain"
