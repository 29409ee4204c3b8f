"""Registers of the matrix engine: identity, command, status, counters."""

from dataclasses import replace
from typing import Any

from amaranth.lib import data

from ...golden.engine.machine import Fault
from ...golden.formats.block import Rounding
from ..ports import fields
from ..register_map import Access, BitField, Register
from .capability import Facts, capability, constant, format_registers, quantizer_facts
from .command import FAULT_BITS, command_layout
from .core import COUNTERS
from .matmul import COUNTER_BITS, Matmul

__all__ = ["COMMAND", "engine_registers"]

_ID = int.from_bytes(b"MXSF", "big")
_VERSION = 1 << 16 | 2  # of this map: major << 16 | minor

COMMAND = {
    "op": {
        **{"opcode": 0, "output": 8, "a_transposed": 16, "b_transposed": 17},
        **{"accumulate": 18, "stochastic": 19},
    },
    "size": {"m": 0, "n": 16},
    "depth": {"k": 0},
    "base": {"a_base": 0, "b_base": 16},
}
"""Where the fields of a command lie: by part, register ``command_<part>``, the lowest bits."""

_TITLES = {
    "op": "What the next command does",
    "size": "Rows and columns of C, in tiles",
    "depth": "Columns of op(A) and rows of op(B), in tiles",
    "base": "Addresses of the first tiles of A and B",
}

_MEANINGS = {
    "opcode": "1 LOAD_A, 2 LOAD_B, 3 MULTIPLY",
    "output": "0 FP32 rows, 1 tiles, 2 transposed tiles, 3 both",
    "a_transposed": "op(A) is the transpose",
    "b_transposed": "op(B) is the transpose",
    "accumulate": "C starts from the words of s_axis_c",
    "stochastic": "re-quantized tiles are rounded by random numbers",
    "m": "rows of C",
    "n": "columns of C",
    "k": "length of the products",
    "a_base": "first tile of A",
    "b_base": "first tile of B",
}

_COUNTS = {
    "cycles": "Cycles while busy",
    "steps": "Steps of the array",
    "a_tiles": "Tiles loaded into memory a",
    "b_tiles": "Tiles loaded into memory b",
    "o_tiles": "Tiles that left from m_axis_o",
    "t_tiles": "Tiles that left from m_axis_t",
    "stalled_load": "Cycles in which a product waited for loads of its operands",
    "stalled_start": "Cycles in which a step waited for words of C",
    "stalled_output": "Cycles in which a step or a product waited for the output",
    "stalled_latency": "Cycles in which a step waited for the accumulator",
}


def _built_as(engine: Matmul) -> tuple[Register, ...]:
    """Registers that say what an engine has."""
    facts: Facts = {
        "tile": (0, 8, engine.tile, "rows and columns of a tile"),
        "code_bits": (8, 8, engine.element.bits, "bits of an element code"),
        "pes": (16, 12, engine.pes, "dot products in parallel"),
        "requantize": (
            *(30, 1, int(engine.requantize)),
            "whether it has a re-quantizer: outputs other than FP32 rows",
        ),
        "stochastic": (
            *(31, 1, int(engine.rounding is Rounding.STOCHASTIC)),
            "whether it has stochastic rounding, beside nearest even",
        ),
    }
    quantizer = quantizer_facts(engine.rule, engine.overflow, requantize=engine.requantize)
    return (
        capability("capability", 0x08, "What this engine was built as", facts),
        replace(
            constant("tiles", 0x0C, "Size of each tile memory", engine.depth, "tiles"), built=True
        ),
        *format_registers(engine.element, 0x34),
        capability("quantizer", 0x3C, "How the re-quantizer works; 0 without one", quantizer),
    )


def engine_registers(engine: Matmul) -> tuple[Register, ...]:
    """Describe the registers of an engine."""
    faults = ", ".join(f"{fault.value} {fault.name}" for fault in Fault)
    return (
        constant("id", 0x00, "Identity: MXSF in ASCII", _ID, "constant"),
        constant("version", 0x04, "Version of this map: major, minor", _VERSION, "16 bits each"),
        *_built_as(engine),
        Register(
            "status",
            0x10,
            Access.READ,
            "What goes on",
            (
                BitField("busy", 0, 1, "a command is under way or waits"),
                BitField("full", 1, 1, "a write to push would be refused"),
            ),
        ),
        Register(
            "error",
            0x14,
            Access.READ,
            "The first fault since reset or abort",
            (BitField("fault", 0, FAULT_BITS, faults),),
        ),
        Register(
            "control",
            0x18,
            Access.WRITE,
            "Ends everything that is under way",
            (BitField("abort", 0, 1, "while 1: aborted; inputs take beats and drop them"),),
        ),
        *_command_registers(),
        Register(
            "push",
            0x30,
            Access.ACT,
            "Gives the command of the command registers to the engine; refused while full",
            (BitField("go", 0, 1, "1: push"),),
        ),
        *(
            Register(
                name,
                0x40 + 4 * place,
                Access.READ,
                _COUNTS[name],
                (BitField("count", 0, COUNTER_BITS, "cleared by reset only; wraps"),),
            )
            for place, name in enumerate(COUNTERS)
        ),
    )


def _command_registers() -> list[Register]:
    layout: data.StructLayout = command_layout()
    widths: dict[str, Any] = {field.name: field.width for field in fields(layout)}
    return [
        Register(
            f"command_{part}",
            0x20 + 4 * place,
            Access.WRITE,
            _TITLES[part],
            tuple(BitField(n, low, widths[n], _MEANINGS[n]) for n, low in places.items()),
        )
        for place, (part, places) in enumerate(COMMAND.items())
    ]
