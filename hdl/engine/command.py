"""Commands of the matrix engine: their layout, and the check before anything is touched.

Golden answer: ``mxsf.golden.engine.machine.Machine.fault``.
"""

from typing import Any

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.engine.machine import FLAGS, SIZE_BITS, Fault, Opcode, Output
from ..stream.register import derive, link, register

__all__ = ["FAULT_BITS", "CommandCheck", "command_layout", "job_layout"]

FAULT_BITS = 3
"""Bits of a ``Fault``."""


def command_layout() -> data.StructLayout:
    """Fields of a command, the same for every engine: ``mxsf.golden.engine.machine.Command``."""
    flags = {name: unsigned(1) for name in FLAGS}
    sizes = {name: unsigned(SIZE_BITS) for name in ("m", "n", "k", "a_base", "b_base")}
    return data.StructLayout({"opcode": unsigned(4), "output": unsigned(2), **flags, **sizes})


def job_layout(depth: int) -> data.StructLayout:
    """Fields of a checked command for memories of ``depth`` tiles.

    Sizes and ends are 0 to depth. ``a_end`` and ``b_end`` are the addresses after a matrix's last
    tile, ``a_tiles``, ``b_tiles`` and ``tiles`` the tiles of A, B and C.
    """
    size = range(depth + 1)
    names = ("m", "n", "k", "a_base", "b_base", "a_end", "b_end", "a_tiles", "b_tiles")
    return data.StructLayout(
        {
            "fault": unsigned(FAULT_BITS),
            "opcode": unsigned(2),
            "output": unsigned(2),
            **{name: unsigned(1) for name in FLAGS},
            **{name: size for name in names},
            "tiles": range(depth * depth + 1),
        }
    )


class CommandCheck(wiring.Component):
    """Commands to jobs: sizes multiplied, bounds checked. One register.

    Args:
        depth: tiles of a memory.
        requantize: whether products may ask for another output than ``Output.WORDS``.
        stochastic: whether they may ask for stochastic rounding.

    Members:
        i: In, stream of commands.
        o: Out, stream of jobs; of one with a fault nothing but ``fault`` means anything.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, depth: int, *, requantize: bool, stochastic: bool):
        self.depth, self.requantize, self.stochastic = depth, requantize, stochastic
        super().__init__(
            {
                "i": In(stream.Signature(command_layout())),
                "o": Out(stream.Signature(job_layout(depth))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Multiply, compare, choose the first fault."""
        m = Module()
        command = self.i.payload
        checked = derive(m, self.i, job_layout(self.depth), name="checked")
        job, size = checked.payload, range(self.depth + 1)
        loads_a, loads_b, multiplies, known, absent = (Signal() for _ in range(5))
        m.d.comb += [
            loads_a.eq(command.opcode == Opcode.LOAD_A),
            loads_b.eq(command.opcode == Opcode.LOAD_B),
            multiplies.eq(command.opcode == Opcode.MULTIPLY),
            known.eq(loads_a | loads_b | multiplies),
        ]
        if not self.requantize:
            m.d.comb += absent.eq(
                multiplies & (command.stochastic | (command.output != Output.WORDS))
            )
        elif not self.stochastic:
            m.d.comb += absent.eq(multiplies & command.stochastic)
        bad, sizes, ends = {}, {}, {}
        for name in ("m", "n", "k"):
            bad[name] = Signal(name=f"bad_{name}")
            sizes[name] = Signal(size, name=f"size_{name}")
            m.d.comb += [
                bad[name].eq((command[name] == 0) | (command[name] > self.depth)),
                sizes[name].eq(command[name]),  # what is cut off is bad
            ]
        for side, rows, columns in (("a", "m", "k"), ("b", "k", "n")):
            tiles = Signal(range(self.depth**2 + 1), name=f"{side}_product")
            m.d.comb += tiles.eq(sizes[rows] * sizes[columns])
            base = command[f"{side}_base"]
            ends[side] = Signal(range(self.depth**2 + (1 << SIZE_BITS)), name=f"{side}_last")
            m.d.comb += [
                ends[side].eq(base + tiles),
                # In bounds all of these are at most depth.
                job[f"{side}_base"].eq(base),
                job[f"{side}_end"].eq(ends[side]),
                job[f"{side}_tiles"].eq(tiles),
            ]
        outside = Signal()
        m.d.comb += outside.eq(
            (~loads_b & (ends["a"] > self.depth)) | (~loads_a & (ends["b"] > self.depth))
        )
        wrong = Signal()
        m.d.comb += wrong.eq((bad["m"] & ~loads_b) | (bad["n"] & ~loads_a) | bad["k"])
        m.d.comb += job.tiles.eq(sizes["m"] * sizes["n"])
        for name in ("opcode", "output", *FLAGS):
            m.d.comb += job[name].eq(command[name])
        for name, value in sizes.items():
            m.d.comb += job[name].eq(value)
        with m.If(~known):
            m.d.comb += job.fault.eq(Fault.OPCODE)
        with m.Elif(wrong):
            m.d.comb += job.fault.eq(Fault.SIZE)
        with m.Elif(outside):
            m.d.comb += job.fault.eq(Fault.BOUNDS)
        with m.Elif(absent):
            m.d.comb += job.fault.eq(Fault.ABSENT)
        link(m, register(m, checked, name="job"), self.o)
        return m
