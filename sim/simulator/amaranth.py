"""Amaranth's own simulator."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import amaranth.sim

from ...hdl.ports import port_signals
from .simulator import Testbench
from .waveform import PERIOD, wave_files

__all__ = ["AmaranthSimulator"]


class AmaranthSimulator:
    """Amaranth's simulator: slow, with every inner signal in its waveform.

    Args:
        component: the design.
        clocked: whether it has state.
        vcd: waveform file to write, with a GTKWave layout (``.gtkw``) beside it.
    """

    name = "amaranth"

    def __init__(self, component: Any, *, clocked: bool = True, vcd: Path | None = None):
        self._component, self._clocked, self._vcd = component, clocked, vcd

    def run(self, testbench: Testbench) -> None:
        """Run from reset until the testbench returns."""
        ports = port_signals(self._component)
        clocked = self._clocked

        class _Pins:
            def __init__(self, context: Any):
                self._context = context

            def set(self, port: str, value: int) -> None:
                self._context.set(ports[port][0], value)

            def get(self, port: str) -> int:
                return self._context.get(ports[port][0])

            async def tick(self) -> None:
                if clocked:
                    await self._context.tick()
                else:
                    await self._context.delay(PERIOD)

        async def process(context: Any) -> None:
            await testbench(_Pins(context))

        simulator = amaranth.sim.Simulator(self._component)
        if clocked:
            simulator.add_clock(PERIOD)
        with ExitStack() as stack:
            # Files first: a process that is added must run.
            files = stack.enter_context(wave_files(self._vcd)) if self._vcd else None
            simulator.add_testbench(process)
            if files is not None:
                traces = [signal for signal, _ in ports.values()]
                stack.enter_context(simulator.write_vcd(*files, traces=traces))
            simulator.run()
