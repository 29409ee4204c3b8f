"""Drive the streams of any component by its ports, watch the rules of those that leave."""

from collections import deque
from random import Random

from amaranth.back import rtlil
from mxsf.hdl.ports import fields, port_signals
from mxsf.sim.simulator.amaranth import AmaranthSimulator
from mxsf.sim.simulator.cxxrtl import CxxrtlSimulator
from mxsf.sim.simulator.waveform import Port


def compiled(component):
    """CXXRTL on a component that is in no catalogue."""
    ports = port_signals(component)
    signals = [signal for signal, _ in ports.values()]
    text = rtlil.convert(component, ports=dict(zip(ports, _ends(ports), strict=True)))
    kinds = [
        Port(name, len(signal), is_input)
        for (name, (_, is_input)), signal in zip(ports.items(), signals, strict=True)
    ]
    return CxxrtlSimulator(text, "top", kinds)


def _ends(ports):
    return [(signal, None) for signal, _ in ports.values()]


def simulator(component, name="amaranth"):
    return compiled(component) if name == "cxxrtl" else AmaranthSimulator(component)


def pack(layout, **values):
    """A payload as a number."""
    payload = 0
    for field in fields(layout):
        payload |= (int(values[field.name]) & ((1 << field.width) - 1)) << field.offset
    return payload


def unpack(layout, payload):
    """The fields of a payload."""
    found = {}
    for field in fields(layout):
        value = payload >> field.offset & ((1 << field.width) - 1)
        signed = field.signed and value >> (field.width - 1)
        found[field.name] = value - (signed << field.width)
    return found


class Streams:
    """All streams of a component: offers what is queued, keeps what comes.

    Args:
        pins: its ports.
        inputs: payloads by stream.
        outputs: names of streams.
        valid, ready: shares of cycles.
        always: outputs that are ready in every cycle.
    """

    def __init__(self, pins, inputs, outputs, valid=1.0, ready=1.0, seed=0, always=()):
        self.pins, self.random = pins, Random(seed)
        self.queues = {name: deque(values) for name, values in inputs.items()}
        self.seen = {name: [] for name in outputs}
        self.cycle = 0
        self._valid, self._ready = valid, ready
        self._offering = dict.fromkeys(inputs, False)
        self._held = dict.fromkeys(outputs)
        self._readies, self._always, self._driven = {}, always, {}

    def drive(self):
        """Set the inputs of this cycle."""
        for name, queue in self.queues.items():
            if queue and not self._offering[name]:
                self._offering[name] = self.random.random() < self._valid
            if self._offering[name]:
                self._set(f"{name}__payload", queue[0])
            elif self._driven.get(f"{name}__valid", 1):
                self._set(f"{name}__payload", self.random.getrandbits(30))
            self._set(f"{name}__valid", int(self._offering[name]))
        for name in self.seen:
            self._readies[name] = name in self._always or self.random.random() < self._ready
            self._set(f"{name}__ready", int(self._readies[name]))

    def _set(self, port, value):
        if self._driven.get(port) != value:
            self._driven[port] = value
            self.pins.set(port, value)

    def watch(self):
        """Read the outputs of this cycle."""
        for name, queue in self.queues.items():
            if self._offering[name] and self.pins.get(f"{name}__ready"):
                queue.popleft()
                self._offering[name] = False
        for name, seen in self.seen.items():
            valid = self.pins.get(f"{name}__valid")
            payload = self.pins.get(f"{name}__payload") if valid else None
            held = self._held[name]
            assert held is None or held == payload, f"{name} changed before the transfer"
            taken = valid and self._readies[name]
            self._held[name] = None if taken else payload
            if taken:
                seen.append((self.cycle, payload))
        self.cycle += 1


def pump(component, inputs, outputs, *, cycles, engine="amaranth", **stalls):
    """Run some cycles; what left each output, as (cycle, payload)."""
    seen = {}

    async def testbench(pins):
        streams = Streams(pins, inputs, outputs, **stalls)
        for _ in range(cycles):
            streams.drive()
            streams.watch()
            await pins.tick()
        assert not any(streams.queues.values()), "not all went in"
        seen.update(streams.seen)

    simulator(component, engine).run(testbench)
    return seen
