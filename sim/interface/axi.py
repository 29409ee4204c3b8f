"""Designs in an AXI shell: their vectors as beats of AXI4-Streams, and the bench that runs them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...hdl.interface.axi import AxiShell
from ...hdl.interface.axi_stream import AxiStream
from ...hdl.ports import port_signals
from ..result import NO_STALLS, Result, Stalls
from ..simulator.simulator import Pins, Simulator
from ..stimulus.vectors import Column, Vectors
from .handshake import Beat, Channel, Handshakes

__all__ = ["axi_channels", "axi_vectors", "beat_ports", "bus_beat", "check_beat", "run_axi"]

_IDLE = 50  # cycles without a transfer after which nothing more may come


def bus_beat(axis: AxiStream, payload: int) -> int:
    """Lay out one payload as a beat of the bus: its signals side by side, see ``AxiStream``.

    Every byte is kept, and padding is 0.
    """
    starts = axis.offsets
    beat = 0
    if "tkeep" in axis.widths:
        beat |= ((1 << axis.widths["tkeep"]) - 1) << starts["tkeep"]
    if not any(mapped.signal == "tlast" for mapped in axis.fields):
        beat |= 1 << starts["tlast"]
    for field, signal, offset in axis.fields:
        value = payload >> field.offset & ((1 << field.bits) - 1)
        beat |= value << (starts[signal] + offset)
    return beat


def axi_vectors(streams: Sequence[AxiStream], vectors: Vectors) -> Vectors:
    """Lay out the vectors of a design for the AXI4-Streams of its shell."""
    by_name = {axis.stream: axis for axis in streams}

    def laid_out(columns: Mapping[str, Column]) -> dict[str, Column]:
        laid = dict(columns)
        for name, axis in by_name.items():
            if name in columns:
                beats = [bus_beat(axis, value) for value in columns[name].values]
                laid[name] = Column(axis.bits, beats)
        return laid

    return replace(vectors, inputs=laid_out(vectors.inputs), outputs=laid_out(vectors.outputs))


def axi_channels(streams: Sequence[AxiStream]) -> list[Channel]:
    """Channels of AXI4-Streams."""
    return [
        Channel(
            axis.name,
            axis.port("tvalid"),
            axis.port("tready"),
            tuple(axis.port(signal) for signal in axis.widths),
            axis.is_input,
        )
        for axis in streams
    ]


def beat_ports(axis: AxiStream, beat: int) -> Beat:
    """Take a beat of ``bus_beat`` apart: its ports and their values."""
    return {
        axis.port(signal): beat >> offset & ((1 << axis.widths[signal]) - 1)
        for signal, offset in axis.offsets.items()
    }


def run_axi(
    simulator: Simulator,
    shell: AxiShell,
    vectors: Vectors,
    stalls: Stalls = NO_STALLS,
    reset_after: int | None = None,
) -> Result:
    """Run a design in its AXI shell: every beat and every rule of the handshakes checked.

    Args:
        simulator: the simulator, built on the shell, with its reset as a port.
        shell: the design.
        vectors: what goes in and what must come out, from ``axi_vectors``.
        stalls: how to stall.
        reset_after: reset after so many beats out and start again.
    """
    result = Result(simulator.name)
    axes = {axis.name: axis for axis in shell.streams}
    golden = {
        axis.name: [beat_ports(axis, beat) for beat in vectors.outputs[axis.stream].values]
        for axis in shell.streams
        if not axis.is_input
    }
    total = sum(len(beats) for beats in golden.values())
    limit = 200 + 40 * round(len(vectors.inputs) * total / min(stalls.valid, stalls.ready))

    async def part(bus: Handshakes, stop: int | None) -> None:
        """Run from reset to the end, or until so many beats came out."""
        await bus.reset()
        for name, queue in bus.queues.items():
            axis = axes[name]
            queue.extend(beat_ports(axis, v) for v in vectors.inputs[axis.stream].values)
        counts = dict.fromkeys(golden, 0)
        quiet = 0
        while quiet < _IDLE and result.cycles < limit:
            moved = await bus.cycle()
            quiet = 0 if moved else quiet + 1
            for name in counts.keys() & moved.keys():
                check_beat(result, name, moved[name], golden[name], counts[name])
                counts[name] += 1
                result.beats += 1
            if stop is not None and sum(counts.values()) >= stop:
                return
        for name, count in counts.items():
            if count != len(golden[name]):
                result.note(f"{count} of {len(golden[name])} beats of {name} came out")

    async def testbench(pins: Pins) -> None:
        widths = {name: len(signal) for name, (signal, _) in port_signals(shell).items()}
        assert shell.clocking is not None
        reset = shell.clocking.reset
        bus = Handshakes(pins, axi_channels(shell.streams), widths, stalls, result, reset)
        if reset_after is not None:
            await part(bus, reset_after)
        await part(bus, None)

    simulator.run(testbench)
    return result


def check_beat(result: Result, name: str, seen: Beat, golden: Sequence[Beat], number: int) -> None:
    """Compare a beat that left with the golden one of its number."""
    if number >= len(golden):
        result.note(f"{name} has a beat more than {len(golden)}")
        return
    for port, value in golden[number].items():
        result.compare(f"{port} of beat {number}", seen[port], value)
