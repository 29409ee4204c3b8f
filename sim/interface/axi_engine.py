"""Bench of the matrix engine in its AXI shell: commands by registers, tiles by streams."""

from collections.abc import Iterable
from random import Random

from ...golden.engine.machine import Command
from ...hdl.engine.register_map import COMMAND
from ...hdl.interface.axi_engine import AxiEngine
from ...hdl.ports import port_signals
from ..result import NO_STALLS, Result, Stalls
from ..simulator.simulator import Pins, Simulator
from ..stimulus.script import Script
from .axi import axi_channels, beat_ports, bus_beat, check_beat
from .axi_lite import Host, lite_channels
from .handshake import Beat, Handshakes

__all__ = ["run_axi_engine"]

_IDLE = 40  # cycles without a transfer after which nothing more may come
_MOST = 20  # mismatches after which the rest says nothing new
_DISTURBED = 0.3  # share of commands before which the host does something else


def run_axi_engine(
    simulator: Simulator,
    shell: AxiEngine,
    scripts: Iterable[Script],
    stalls: Stalls = NO_STALLS,
    abort_after: int | None = None,
) -> Result:
    """Run scripts on an engine, by the host and the streams; every answer and rule is checked.

    Args:
        simulator: built on the shell, with its reset as a port.
        shell: the design.
        scripts: taken one by one; their ``abort`` is not looked at.
        stalls: how to stall each channel.
        abort_after: before the scripts run the first one so many commands far, and abort it.
    """
    result = Result(simulator.name)

    async def testbench(pins: Pins) -> None:
        bench = _Bench(pins, shell, stalls, result)
        await bench.bus.reset()
        try:
            for number, script in enumerate(scripts):
                if number == 0 and abort_after is not None:
                    await bench.abort(script, abort_after)
                await bench.run(script)
        except _StuckError:
            result.note("the bench cannot go on")

    simulator.run(testbench)
    return result


class _StuckError(Exception):
    """A design that is broken need not ever answer."""


class _Bench:
    def __init__(self, pins: Pins, shell: AxiEngine, stalls: Stalls, result: Result):
        widths = {name: len(signal) for name, (signal, _) in port_signals(shell).items()}
        channels = [*axi_channels(shell.streams), *lite_channels()]
        assert shell.clocking is not None
        self.bus = Handshakes(pins, channels, widths, stalls, result, shell.clocking.reset)
        self.host = Host(shell.registers, self.bus, self.step, result)
        self.result, self.shell = result, shell
        self.random = Random(stalls.seed)
        self._golden: dict[str, list[Beat]] = {}
        self._counts: dict[str, int] = {}
        self._quiet = self._limit = 0
        self._share = min(stalls.valid, stalls.ready)

    async def step(self) -> dict[str, Beat]:
        """Run a cycle; tiles that leave are compared."""
        if self.result.count >= _MOST or self.result.cycles > self._limit:
            raise _StuckError
        moved = await self.bus.cycle()
        for name in self._golden.keys() & moved.keys():
            check_beat(self.result, name, moved[name], self._golden[name], self._counts[name])
            self._counts[name] += 1
            self.result.beats += 1
        self._quiet = 0 if moved else self._quiet + 1
        return moved

    async def run(self, script: Script) -> None:
        """Run a script to its end; compare what left, the fault and the counters."""
        host, counters = self.host, list(script.counts)
        self._expect(script)
        for name, register in host.registers.items():
            if register.constant is not None:
                await host.read(name)
        before = {name: await host.read(name) for name in counters}
        fault = await host.read("error")
        for command in script.commands:
            if self.random.random() < _DISTURBED:
                await host.disturb(self.random)
            await self.command(command)
        while await host.read("status") & 1:
            pass
        await self._settle()
        for name, count in self._counts.items():
            if count != len(self._golden[name]):
                self.result.note(f"{count} of {len(self._golden[name])} beats of {name} came out")
        for name in counters:
            grown = (await host.read(name) - before[name]) % 2**32
            if grown != script.counts[name]:
                self.result.note(f"{name} grew by {grown}, must be {script.counts[name]}")
        if await host.read("error") != (fault or int(script.fault)):
            self.result.note(f"error is not {script.fault!r}")
        self.result.blocks += len(script.commands)

    async def command(self, command: Command) -> None:
        """Write a command and push it, again where it is refused."""
        for part, lowest in COMMAND.items():
            value = sum(int(getattr(command, name)) << low for name, low in lowest.items())
            await self.host.write(f"command_{part}", value)
        while not await self.host.write("push", 1):
            pass

    async def abort(self, script: Script, commands: int) -> None:
        """Run a script some commands far, and abort it until its sources have run dry.

        What leaves is not compared.
        """
        self._expect(script)
        self._golden = {}
        for command in script.commands[:commands]:
            await self.command(command)
        await self.host.write("control", 1)
        await self._settle()
        left = [name for name, queue in self.bus.queues.items() if queue]
        if left or await self.host.read("status"):
            self.result.note(f"not empty after an abort: {left}")
        await self.host.write("control", 0)

    async def _settle(self) -> None:
        self._quiet = 0
        while self._quiet < _IDLE:
            await self.step()

    def _expect(self, script: Script) -> None:
        self._golden, self._counts = {}, {}
        work = sum(map(len, script.beats.values())) + script.counts["steps"]
        self._limit = self.result.cycles + 2000 + round(40 * work / self._share)
        for axis in self.shell.streams:
            beats = (script.beats if axis.is_input else script.answers)[axis.stream]
            laid = [beat_ports(axis, bus_beat(axis, payload)) for payload in beats]
            if axis.is_input:
                self.bus.queues[axis.name].extend(laid)
            else:
                self._golden[axis.name], self._counts[axis.name] = laid, 0
