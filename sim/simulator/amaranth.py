"""Amaranth's own simulator."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import amaranth.sim
from amaranth.hdl import Cat

from ...hdl.ports import port_signals
from .simulator import Testbench
from .waveform import PERIOD, wave_files

__all__ = ["AmaranthSimulator"]


class AmaranthSimulator:
    """Amaranth's simulator: slow, with every inner signal in its waveform.

    Args:
        component: the design.
        vcd: waveform file to write, with a GTKWave layout (``.gtkw``) beside it.
    """

    name = "amaranth"

    def __init__(self, component: Any, *, vcd: Path | None = None):
        self._component, self._vcd = component, vcd

    def run(self, testbench: Testbench) -> None:
        """Run from reset until the testbench returns."""
        ports = port_signals(self._component)
        simulator = amaranth.sim.Simulator(self._component)
        clocked = _add_clock(simulator)

        class _Pins:
            def __init__(self, context: Any):
                self._context = context
                self._waiting = dict[str, int]()  # set at once: each set is a step of the design

            def set(self, port: str, value: int) -> None:
                self._waiting[port] = value

            def get(self, port: str) -> int:
                self._apply()
                return self._context.get(ports[port][0])

            async def tick(self) -> None:
                self._apply()
                if clocked:
                    await self._context.tick()
                else:
                    await self._context.delay(PERIOD)

            def _apply(self) -> None:
                if not self._waiting:
                    return
                signals = [ports[port][0] for port in self._waiting]
                value = place = 0
                for signal, bits in zip(signals, self._waiting.values(), strict=True):
                    value |= (bits & ((1 << len(signal)) - 1)) << place
                    place += len(signal)
                self._context.set(Cat(signals), value)
                self._waiting.clear()

        async def process(context: Any) -> None:
            await testbench(_Pins(context))

        with ExitStack() as stack:
            # Files first: a process that is added must run.
            files = stack.enter_context(wave_files(self._vcd)) if self._vcd else None
            simulator.add_testbench(process)
            if files is not None:
                traces = [signal for signal, _ in ports.values()]
                stack.enter_context(simulator.write_vcd(*files, traces=traces))
            simulator.run()


def _add_clock(simulator: amaranth.sim.Simulator) -> bool:
    """Drive the clock; False where the design has no state, and so none."""
    try:
        simulator.add_clock(PERIOD)
    except NameError:
        return False
    return True
