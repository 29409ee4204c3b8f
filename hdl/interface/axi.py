"""The AXI shell: a design with AXI4-Stream interfaces.

Its ports keep the rules of AXI: no path from an input to an output within a cycle, valid waits for
no ready, tvalid is low in reset. The fields of a beat: ``mxsf.hdl.interface.axi_stream``.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from ..stream.register import register, skid
from .axi_stream import AxiStream, axi_links, axi_streams
from .shell import Clocking, Shell

__all__ = ["AXI_CLOCKING", "AxiShell"]

AXI_CLOCKING = Clocking("aclk", "aresetn", active_low=True)
"""Clock and reset as AXI names them."""


class AxiShell(Shell):
    """A streaming design with AXI4-Stream interfaces.

    A skid buffer at each input ends the path of ready through the design, and adds no cycle. A beat
    that waits in it has left its source. A design without any register gets one at each output.

    Args:
        core: the design.
        name: name of the core's instance and module.
        clocking: clock and reset.
        buffered: put a register at each output, also where the core has one.
        more: ports that are no streams.
        without: names of streams that reach the outside by those.
        keep: whether inputs with arrays have tkeep; without it every byte counts.

    Attributes:
        streams: how each stream is mapped.
        links: for each port what it is, see ``mxsf.hdl.interface.axi_stream.axi_links``.

    Raises:
        ValueError: the core has no streams.
    """

    def __init__(
        self,
        core: Any,
        name: str,
        clocking: Clocking = AXI_CLOCKING,
        *,
        buffered: bool = False,
        more: Mapping[str, Any] = MappingProxyType({}),
        without: Collection[str] = (),
        keep: bool = True,
    ):
        self.streams = axi_streams(core, without, keep=keep)
        if not self.streams:
            raise ValueError(f"{name} has no streams: its interface cannot be axi")
        self.latency = int(buffered or core.latency == 0)
        self._buffered = self.latency > 0
        self.links = axi_links(self.streams)
        members: dict[str, Any] = {}
        for axis in self.streams:
            forward, backward = (In, Out) if axis.is_input else (Out, In)
            members |= {axis.port(signal): forward(bits) for signal, bits in axis.widths.items()}
            members |= {axis.port("tvalid"): forward(1), axis.port("tready"): backward(1)}
        super().__init__(core, name, {**members, **more}, clocking, stateful=True)

    def connect(self, m: Module) -> None:
        """Buffer the inputs, take the fields apart, put them together again at the outputs."""
        inputs = Module()
        for axis in self.streams:
            if axis.is_input:
                self._take(inputs, axis)
            else:
                self._give(m, axis)
        m.submodules.inputs = self.guard(inputs)

    def guard(self, inputs: Module) -> Any:
        """Return the input buffers as they are built in; here as they are."""
        return inputs

    def _port(self, axis: AxiStream, signal: str) -> Any:
        return getattr(self, axis.port(signal))

    def _take(self, m: Module, axis: AxiStream) -> None:
        inner = getattr(self.core, axis.stream)
        shape = inner.payload.shape()
        bus: Any = stream.Signature(shape).create(path=(f"{axis.name}_bus",))
        outside = bus.payload.as_value()
        m.d.comb += [
            bus.valid.eq(self._port(axis, "tvalid")),
            self._port(axis, "tready").eq(bus.ready),
        ]
        for field, signal, offset in axis.fields:
            incoming = self._port(axis, signal)[offset : offset + field.bits]
            if field.array and "tkeep" in axis.widths:
                incoming = self._kept(m, axis, incoming, field, offset)
            m.d.comb += outside[field.offset : field.offset + field.bits].eq(incoming)
        held = skid(m, bus, name=axis.name)
        m.d.comb += [
            inner.payload.eq(held.payload),
            inner.valid.eq(held.valid),
            held.ready.eq(inner.ready),
        ]
        if axis.derives_first:
            first = Signal(init=1, name=f"{axis.name}_first")
            m.d.comb += inner.payload.first.eq(first)
            with m.If(inner.valid & inner.ready):
                m.d.sync += first.eq(inner.payload.last)

    def _kept(self, m: Module, axis: AxiStream, incoming: Any, field: Any, offset: int) -> Any:
        """Items of an array, zero where a byte of an item is not kept."""
        keep, items = self._port(axis, "tkeep"), []
        for k in range(field.length):
            low = k * field.width
            first, last = (offset + low) // 8, (offset + low + field.width - 1) // 8
            items.append(Mux(keep[first : last + 1].all(), incoming[low : low + field.width], 0))
        kept = Signal(field.bits, name=f"{axis.name}_{field.name.replace('.', '_')}")
        m.d.comb += kept.eq(Cat(items))
        return kept

    def _give(self, m: Module, axis: AxiStream) -> None:
        source = getattr(self.core, axis.stream)
        if self._buffered:
            source = register(m, source, name=axis.name)
        inside = source.payload.as_value()
        m.d.comb += [
            self._port(axis, "tvalid").eq(source.valid),
            source.ready.eq(self._port(axis, "tready")),
        ]
        if not any(mapped.signal == "tlast" for mapped in axis.fields):
            m.d.comb += self._port(axis, "tlast").eq(1)
        for field, signal, offset in axis.fields:
            target = self._port(axis, signal)[offset : offset + field.bits]
            m.d.comb += target.eq(inside[field.offset : field.offset + field.bits])
