"""Simulators that break a rule on purpose, so that a test sees a bench catch it."""

from mxsf.hdl.stream.register import register


def _same(port, value, pins):
    return value


class Planted:
    """A simulator whose design breaks a rule: what it gives on a port is changed.

    Args:
        simulator: the simulator.
        change: from the port, its value and the pins to another value.
        drive: the same for what is driven.
    """

    def __init__(self, simulator, change=None, drive=None):
        self.simulator, self.name = simulator, simulator.name
        self.change, self.drive = change or _same, drive or _same

    def run(self, testbench):
        change, drive = self.change, self.drive

        class Pins:
            def __init__(self, pins):
                self.pins, self.driven, self.ticks = pins, {}, 0

            def set(self, port, value):
                self.driven[port] = value
                self.pins.set(port, drive(port, value, self))

            def get(self, port):
                return change(port, self.pins.get(port), self)

            async def tick(self):
                self.ticks += 1
                await self.pins.tick()

        async def planted(pins):
            await testbench(Pins(pins))

        self.simulator.run(planted)


def on(port, change):
    """Change one port only."""
    return lambda name, value, pins: change(value, pins) if name == port else value


def deafen(monkeypatch):
    """Registers of a pipeline that take a beat although the next stage is stalled."""

    def deaf(m, source, *, name):
        target = register(m, source, name=name)
        m.d.comb += source.ready.eq(1)
        return target

    monkeypatch.setattr("mxsf.hdl.stream.pipeline.register", deaf)
