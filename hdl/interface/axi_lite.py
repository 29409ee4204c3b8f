"""AXI4-Lite: a subordinate with the registers of a description.

Source: AMBA AXI and ACE Protocol Specification, Arm IHI 0022H, part B.
"""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..ports import fields
from ..register_map import ADDRESS_BITS, DATA_BITS, Access, Register, check_registers
from ..stream.register import link, register, skid

__all__ = [
    "CHANNELS",
    "OKAY",
    "SLVERR",
    "RegisterFile",
    "connect_lite",
    "lite_members",
    "lite_ports",
    "lite_widths",
]

OKAY, SLVERR = 0b00, 0b10
"""Responses: done, and refused."""

_STROBES = DATA_BITS // 8
_PROT = {"prot": unsigned(3)}  # every AXI4-Lite interface has it; here all may read and write

CHANNELS = {
    "aw": data.StructLayout({"addr": unsigned(ADDRESS_BITS), **_PROT}),
    "w": data.StructLayout({"data": unsigned(DATA_BITS), "strb": unsigned(_STROBES)}),
    "b": data.StructLayout({"resp": unsigned(2)}),
    "ar": data.StructLayout({"addr": unsigned(ADDRESS_BITS), **_PROT}),
    "r": data.StructLayout({"data": unsigned(DATA_BITS), "resp": unsigned(2)}),
}
"""Payload of each channel; ``b`` and ``r`` leave, the others come in."""


_SHARED = wiring.Signature({"value": In(DATA_BITS), "write": Out(1), "data": Out(DATA_BITS)})


class RegisterFile(wiring.Component):
    """Registers on AXI4-Lite.

    A read or write of no register, a write of a read-only one, and a refused write get SLVERR and
    do nothing. A write is done in one cycle, with the bytes of its strobes; a byte without one
    keeps what it had, or is 0 for a register that acts. The two lowest address bits are ignored.
    Address and data of a write may come in either order. No output depends on an input within the
    cycle. A transfer a cycle each way; the answer is valid from the cycle after the request.

    Args:
        registers: the description.

    Members:
        aw, w, ar: In, streams of ``CHANNELS``.
        b, r: Out, the same.
        NAME: for each register but constant ones: In(32), what a read-only one reads; Out(32), what
            was written; Out, a stream of 32 bits for one that acts: not ready means refused, and
            valid comes once and does not wait; for a shared one ``value``, In(32), what it holds,
            ``write``, Out, and ``data``, Out(32), what it shall hold.
        reading: Out, byte address of the register that is read in this cycle, where any is: for
            what is looked up as it is asked for.

    Raises:
        ValueError: registers overlap or do not fit.
    """

    aw: stream.Interface
    w: stream.Interface
    b: stream.Interface
    ar: stream.Interface
    r: stream.Interface

    def __init__(self, registers: Sequence[Register]):
        check_registers(registers)
        self.registers = tuple(registers)
        kinds = {
            Access.READ: In(DATA_BITS),
            Access.WRITE: Out(DATA_BITS),
            Access.ACT: Out(stream.Signature(unsigned(DATA_BITS))),
            Access.SHARED: Out(_SHARED),
        }
        super().__init__(
            {
                **{
                    name: (Out if name in "br" else In)(stream.Signature(layout))
                    for name, layout in CHANNELS.items()
                },
                **{
                    register.name: kinds[register.access]
                    for register in registers
                    if register.constant is None
                },
                "reading": Out(ADDRESS_BITS),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Writes, then reads."""
        m = Module()
        self._write(m)
        self._read(m)
        return m

    def _write(self, m: Module) -> None:
        address, word = skid(m, self.aw, name="aw"), skid(m, self.w, name="w")
        done: Any = stream.Signature(CHANNELS["b"]).create(path=("done",))
        taken = Signal()
        m.d.comb += [
            done.valid.eq(address.valid & word.valid),
            taken.eq(done.valid & done.ready),
            address.ready.eq(taken),
            word.ready.eq(taken),
            done.payload.resp.eq(SLVERR),
        ]
        bits, mask = Signal(DATA_BITS), Signal(DATA_BITS)
        m.d.comb += [
            mask.eq(Cat(strobe.replicate(8) for strobe in word.payload.strb)),
            bits.eq(word.payload.data & mask),
        ]
        with m.Switch(address.payload.addr[2:]):
            for described in self.registers:
                if described.access is Access.READ:
                    continue
                with m.Case(described.offset // 4):
                    port = getattr(self, described.name)
                    if described.access is Access.WRITE:
                        m.d.comb += done.payload.resp.eq(OKAY)
                        with m.If(taken):
                            m.d.sync += port.eq((port & ~mask | bits) & described.mask)
                    elif described.access is Access.SHARED:
                        m.d.comb += [
                            done.payload.resp.eq(OKAY),
                            port.write.eq(taken),
                            port.data.eq((port.value & ~mask | bits) & described.mask),
                        ]
                    else:
                        m.d.comb += [
                            port.valid.eq(taken),
                            port.payload.eq(bits & described.mask),
                            done.payload.resp.eq(Mux(port.ready, OKAY, SLVERR)),
                        ]
        link(m, register(m, done, name="b"), self.b)

    def _read(self, m: Module) -> None:
        asked = skid(m, self.ar, name="ar")
        answer: Any = stream.Signature(CHANNELS["r"]).create(path=("answer",))
        m.d.comb += [
            self.reading.eq(asked.payload.addr),
            answer.valid.eq(asked.valid),
            asked.ready.eq(answer.ready),
            answer.payload.resp.eq(SLVERR),
        ]
        with m.Switch(asked.payload.addr[2:]):
            for described in self.registers:
                with m.Case(described.offset // 4):
                    value: Value | int = 0
                    if described.constant is not None:
                        value = described.constant
                    elif described.access is Access.SHARED:
                        value = getattr(self, described.name).value & described.mask
                    elif described.access is not Access.ACT:
                        value = getattr(self, described.name) & described.mask
                    m.d.comb += [answer.payload.data.eq(value), answer.payload.resp.eq(OKAY)]
        link(m, register(m, answer, name="r"), self.r)


def lite_ports() -> dict[str, tuple[str, str, bool]]:
    """Ports of the AXI4-Lite interface: (channel, ``valid``, ``ready`` or field, whether input)."""
    ports = {}
    for channel, layout in CHANNELS.items():
        inwards = channel not in ("b", "r")
        for field in fields(layout):
            ports[f"s_axi_{channel}{field.name}"] = channel, field.name, inwards
        ports[f"s_axi_{channel}valid"] = channel, "valid", inwards
        ports[f"s_axi_{channel}ready"] = channel, "ready", not inwards
    return ports


def lite_widths() -> dict[str, int]:
    """Bits of each port of the AXI4-Lite interface."""
    widths = {
        f"s_axi_{channel}{field.name}": field.width
        for channel, layout in CHANNELS.items()
        for field in fields(layout)
    }
    return {port: widths.get(port, 1) for port in lite_ports()}


def lite_members() -> dict[str, Any]:
    """Members of a component with the ports of the AXI4-Lite interface."""
    widths = lite_widths()
    return {
        port: (In if is_input else Out)(widths[port])
        for port, (_, _, is_input) in lite_ports().items()
    }


def connect_lite(m: Module, component: Any, registers: Any) -> None:
    """Connect the AXI4-Lite ports of a component to a register file in it."""
    for port, (channel, role, is_input) in lite_ports().items():
        outer, inner = getattr(component, port), getattr(registers, channel)
        inner = getattr(inner, role) if role in ("valid", "ready") else inner.payload[role]
        m.d.comb += inner.eq(outer) if is_input else outer.eq(inner)
