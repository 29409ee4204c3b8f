"""The elastic pipeline register, the one place where a stream is delayed.

Rules of every stream here: valid never waits for ready, a payload is stable from valid to
transfer, reset clears valid. ``mxsf.sim.pipeline`` holds the cycle model of this register.
"""

from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import stream

__all__ = ["derive", "link", "register", "register_valid"]


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


def derive(m: Module, source: Any, shape: Any, *, name: str) -> Any:
    """Return a stream with the handshake of ``source`` and a payload that the caller drives."""
    target: Any = stream.Signature(shape).create(path=(name,))
    m.d.comb += [target.valid.eq(source.valid), source.ready.eq(target.ready)]
    return target


def link(m: Module, source: Any, target: Any) -> None:
    """Connect two stream interfaces of the same payload."""
    assert source.payload.shape() == target.payload.shape()
    m.d.comb += [
        target.payload.eq(source.payload),
        target.valid.eq(source.valid),
        source.ready.eq(target.ready),
    ]
