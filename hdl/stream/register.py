"""The elastic pipeline register, the one place where a stream is delayed, and what is built on it.

Rules of every stream here: valid never waits for ready, a payload is stable from valid to
transfer, reset clears valid. ``mxsf.sim.model.pipeline`` holds their cycle models.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream

__all__ = ["Stage", "derive", "link", "pipeline", "register", "register_valid", "skid"]

Stage = Callable[[Module, Any, str], Any]
"""Part of a data path: takes the module, a stream and a name, returns the stream that it makes."""


def register(m: Module, source: Any, *, name: str) -> Any:
    """Delay a stream by one register stage: ``ready = ~valid | next.ready``.

    Latency 1 cycle, throughput one transfer a cycle. Only valid is reset.

    Args:
        m: the module that gets the register.
        source: the stream interface to delay; its ready is driven here.
        name: names the register in waveforms and netlists.

    Returns:
        The delayed stream, whose ready the caller drives.
    """
    shape = source.payload.shape()
    target: Any = stream.Signature(shape).create(path=(name,))
    payload = Signal(shape, name=f"{name}_payload", reset_less=True)
    valid = register_valid(m, source.valid, target.ready, source.ready, name=name)
    m.d.comb += [target.payload.eq(payload), target.valid.eq(valid)]
    with m.If(source.ready):
        m.d.sync += payload.eq(source.payload)
    return target


def register_valid(m: Module, valid: Value, ready: Value, advance: Value, *, name: str) -> Signal:
    """Handshake of a register stage: returns its valid, drives ``advance`` where it may load."""
    held = Signal(name=f"{name}_valid")
    m.d.comb += advance.eq(~held | ready)
    with m.If(advance):
        m.d.sync += held.eq(valid)
    return held


def skid(m: Module, source: Any, *, name: str) -> Any:
    """Buffer a stream so that its ready comes from a register: ``ready = ~held``.

    Where the next stage stalls, the beat that is under way is held here. Latency 0, throughput
    one transfer a cycle. In a long pipeline ready passes through every stage within a cycle; a
    skid buffer ends that path.

    Args:
        m: the module that gets the buffer.
        source: the stream interface to buffer; its ready is driven here.
        name: names the buffer in waveforms and netlists.

    Returns:
        The buffered stream, whose ready the caller drives.
    """
    shape = source.payload.shape()
    target: Any = stream.Signature(shape).create(path=(name,))
    payload = Signal(shape, name=f"{name}_payload", reset_less=True)
    held = Signal(name=f"{name}_held")
    plain = Value.cast(source.payload), Value.cast(payload)
    m.d.comb += [
        source.ready.eq(~held),
        target.valid.eq(held | source.valid),
        Value.cast(target.payload).eq(Mux(held, plain[1], plain[0])),
    ]
    with m.If(~held):
        m.d.sync += payload.eq(source.payload)
    m.d.sync += held.eq(target.valid & ~target.ready)
    return target


def pipeline(
    m: Module, source: Any, stages: Iterable[tuple[str, Stage]], registers: Collection[str]
) -> Any:
    """Pass a stream through the stages of a data path, a register after each that has one.

    Args:
        m: the module that gets the stages.
        source: the stream that comes in.
        stages: place and stage, in the order of the data path. A stage's name, which is also its
            register's, is its place, ``sum/2`` as ``sum_2``.
        registers: places where a register stands; at those that end in ``skid`` it is a skid
            buffer.

    Returns:
        The stream of the last stage, whose ready the caller drives.
    """
    for place, stage in stages:
        name = place.replace("/", "_")
        source = stage(m, source, name)
        if place in registers:
            source = (skid if place.endswith("skid") else register)(m, source, name=name)
    return source


def derive(m: Module, source: Any, shape: Any, *, name: str, copied: Iterable[str] = ()) -> Any:
    """Return a stream with the handshake of ``source`` and a payload that the caller drives.

    Args:
        m: the module that gets the stream.
        source: the stream whose handshake it has.
        shape: shape of its payload, or its fields with their shapes.
        name: names the stream in waveforms and netlists.
        copied: fields that are those of ``source``; the caller does not drive them.
    """
    shape = data.StructLayout(shape) if isinstance(shape, Mapping) else shape
    target: Any = stream.Signature(shape).create(path=(name,))
    m.d.comb += [target.valid.eq(source.valid), source.ready.eq(target.ready)]
    m.d.comb += [target.payload[field].eq(source.payload[field]) for field in copied]
    return target


def link(m: Module, source: Any, target: Any) -> None:
    """Connect two stream interfaces of the same payload."""
    assert source.payload.shape() == target.payload.shape()
    m.d.comb += [
        target.payload.eq(source.payload),
        target.valid.eq(source.valid),
        source.ready.eq(target.ready),
    ]
