"""The AXI shell of the matrix engine: AXI4-Streams for tiles, AXI4-Lite for all else.

What the registers are: ``mxsf.hdl.engine.register_map``.
"""

from typing import Any

from amaranth.hdl import Module, ResetInserter
from amaranth.lib import stream

from ..engine.command import command_layout
from ..engine.core import COUNTERS
from ..engine.matmul import Matmul
from ..engine.register_map import COMMAND, engine_registers
from ..stream.register import link, register
from .axi import AXI_CLOCKING, AxiShell
from .axi_lite import RegisterFile, connect_lite, lite_members, lite_widths
from .link import Link
from .shell import Clocking

__all__ = ["AxiEngine"]


class AxiEngine(AxiShell):
    """A matrix engine with AXI4-Streams and an AXI4-Lite register file.

    A command goes through a register on its way to the engine, and a beat that leaves through
    another, so that a beat that is offered stays when an abort ends everything else: two cycles
    more. The engine stays aborted as long as the host says: meanwhile the inputs take beats and
    drop them, so that nothing stale is left, and commands are dropped too.

    Args:
        core: the engine.
        name: name of its instance and module.
        clocking: clock and reset.
        keep: whether the tiles that come in have tkeep.

    Attributes:
        registers: the description of the registers.
    """

    def __init__(
        self, core: Matmul, name: str, clocking: Clocking = AXI_CLOCKING, *, keep: bool = True
    ):
        self.registers = engine_registers(core)
        super().__init__(
            *(core, name, clocking),
            buffered=True,
            more=lite_members(),
            without=["command"],
            keep=keep,
        )
        self.latency += 1
        lite = {port: Link(port, 0, bits, True) for port, bits in lite_widths().items()}
        self.links = {**self.links, **lite}

    def connect(self, m: Module) -> None:
        """The register file between its bus and the engine; then the streams."""
        m.submodules.registers = registers = RegisterFile(self.registers)
        file: Any = registers
        connect_lite(m, self, registers)

        abort = file.control[0]
        m.d.comb += self.core.abort.eq(abort)
        m.submodules.pending = ResetInserter(abort)(self._pending(file))
        m.d.comb += [
            file.status[0].eq(self.core.busy | self.core.command.valid),
            file.error.eq(self.core.error),
        ]
        for name in COUNTERS:
            m.d.comb += getattr(file, name).eq(getattr(self.core.counters, name))
        super().connect(m)

    def guard(self, inputs: Module) -> Any:
        """An abort drops what waits at the inputs."""
        return ResetInserter(self.core.abort)(inputs)

    def _pending(self, file: Any) -> Module:
        """The command that waits for the engine."""
        m = Module()
        pushed: Any = stream.Signature(command_layout()).create(path=("pushed",))
        m.d.comb += [
            pushed.valid.eq(file.push.valid & file.push.payload[0]),
            file.push.ready.eq(pushed.ready | ~file.push.payload[0]),
            file.status[1].eq(~pushed.ready),
        ]
        for part, lowest in COMMAND.items():
            value = getattr(file, f"command_{part}")
            for name, low in lowest.items():
                m.d.comb += pushed.payload[name].eq(value[low:])
        link(m, register(m, pushed, name="command"), self.core.command)
        return m
