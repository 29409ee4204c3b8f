"""AXI4: ports of the manager, the streams behind them, and what is constant on them.

Source: AMBA AXI and ACE Protocol Specification, Arm IHI 0022H, part A.
"""

from typing import Any

from amaranth.hdl import Const, Module, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import In, Member, Out

from ...golden.accelerator.bursts import MOST_BEATS
from ...golden.accelerator.configuration import BUS_BITS
from ..checks import check_kind

__all__ = [
    "ADDRESS_CONSTANTS",
    "burst_layout",
    "channel_layouts",
    "check_bus",
    "connect_reads",
    "connect_writes",
    "manager_ports",
]

_LEN_BITS, _INCR = 8, 0b01

ADDRESS_CONSTANTS = {
    "id": (1, 0),
    "burst": (2, _INCR),
    "lock": (1, 0),
    "cache": (4, 0b0011),  # normal memory, not cacheable, bufferable
    "prot": (3, 0),  # data, secure, unprivileged
    "qos": (4, 0),
}
"""Signals of both address channels that never change: bits and value. AxSIZE is the bus."""


def check_bus(bus: int, address: int) -> None:
    """Raise where a parameter is no integer (TypeError) or no width of an AXI4 bus (ValueError)."""
    check_kind("bus", bus, int)
    check_kind("address", address, int)
    if bus not in BUS_BITS:
        raise ValueError(f"bus must be {', '.join(map(str, BUS_BITS))}, not {bus!r}")
    if not 32 <= address <= 64:
        raise ValueError(f"address must be 32 to 64, not {address!r}")


def burst_layout(address: int) -> data.StructLayout:
    """Fields of a burst: address of its first beat, and ``length``, its beats - 1 as in AxLEN."""
    length = unsigned((MOST_BEATS - 1).bit_length())
    return data.StructLayout({"address": unsigned(address), "length": length})


def channel_layouts(bus: int) -> dict[str, data.StructLayout]:
    """Payloads of the channels ``w``, ``b`` and ``r``; those of ``aw`` and ``ar`` are bursts."""
    word = {"data": unsigned(bus)}
    return {
        "w": data.StructLayout({**word, "strb": unsigned(bus // 8), "last": unsigned(1)}),
        "b": data.StructLayout({"resp": unsigned(2)}),
        "r": data.StructLayout({**word, "resp": unsigned(2), "last": unsigned(1)}),
    }


def manager_ports(bus: int, address: int, prefix: str = "m_axi_") -> dict[str, Member]:
    """Ports of an AXI4 manager, in the order of the specification's tables.

    >>> [name for name in manager_ports(64, 32) if name.startswith("m_axi_b")]
    ['m_axi_bid', 'm_axi_bresp', 'm_axi_bvalid', 'm_axi_bready']
    """

    def asked(channel: str) -> dict[str, Member]:
        widths = {"addr": address, "len": _LEN_BITS, "size": 3}
        widths |= {name: bits for name, (bits, _) in ADDRESS_CONSTANTS.items()}
        order = ("id", "addr", "len", "size", "burst", "lock", "cache", "prot", "qos")
        return {
            **{channel + name: Out(widths[name]) for name in order},
            **{f"{channel}valid": Out(1), f"{channel}ready": In(1)},
        }

    ports = {
        **asked("aw"),
        **{"wdata": Out(bus), "wstrb": Out(bus // 8), "wlast": Out(1)},
        **{"wvalid": Out(1), "wready": In(1)},
        **{"bid": In(1), "bresp": In(2), "bvalid": In(1), "bready": Out(1)},
        **asked("ar"),
        **{"rid": In(1), "rdata": In(bus), "rresp": In(2), "rlast": In(1)},
        **{"rvalid": In(1), "rready": Out(1)},
    }
    return {prefix + name: member for name, member in ports.items()}


def connect_reads(m: Module, component: Any, reads: Any, prefix: str = "m_axi_") -> None:
    """Connect streams ``ar`` and ``r`` of ``reads`` to the ports of a component."""
    port = _ports(component, prefix)
    _ask(m, port, "ar", reads.ar)
    m.d.comb += [
        reads.r.valid.eq(port("rvalid")),
        reads.r.payload.data.eq(port("rdata")),
        reads.r.payload.resp.eq(port("rresp")),
        reads.r.payload.last.eq(port("rlast")),
        port("rready").eq(reads.r.ready),
    ]


def connect_writes(m: Module, component: Any, writes: Any, prefix: str = "m_axi_") -> None:
    """Connect streams ``aw``, ``w`` and ``b`` of ``writes`` to the ports of a component."""
    port = _ports(component, prefix)
    _ask(m, port, "aw", writes.aw)
    m.d.comb += [
        port("wvalid").eq(writes.w.valid),
        port("wdata").eq(writes.w.payload.data),
        port("wstrb").eq(writes.w.payload.strb),
        port("wlast").eq(writes.w.payload.last),
        writes.w.ready.eq(port("wready")),
        writes.b.valid.eq(port("bvalid")),
        writes.b.payload.resp.eq(port("bresp")),
        port("bready").eq(writes.b.ready),
    ]


def _ports(component: Any, prefix: str) -> Any:
    return lambda name: getattr(component, prefix + name)


def _ask(m: Module, port: Any, channel: str, source: Any) -> None:
    """An address channel."""
    lanes = len(port("wdata" if channel == "aw" else "rdata")) // 8
    constants = {name: Const(value, bits) for name, (bits, value) in ADDRESS_CONSTANTS.items()}
    m.d.comb += [port(channel + name).eq(value) for name, value in constants.items()]
    m.d.comb += [
        port(f"{channel}size").eq(lanes.bit_length() - 1),
        port(f"{channel}addr").eq(source.payload.address),
        port(f"{channel}len").eq(source.payload.length),
        port(f"{channel}valid").eq(source.valid),
        source.ready.eq(port(f"{channel}ready")),
    ]
