"""Registers of the matrix engine: identity, command, status, counters."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from amaranth.lib import data

from ...golden.engine.machine import Fault
from ...golden.formats.block import Rounding
from ...golden.formats.element import ElementFormat
from ...golden.formats.scale_rule import ScaleRule
from ..ports import fields
from ..register_map import Access, BitField, Register
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


_SPECIALS = ("none", "nan", "ieee")
_RULES = (ScaleRule.FLOOR, ScaleRule.CEIL, ScaleRule.EVEN, ScaleRule.RCEIL)
_OVERFLOWS = ("saturate", "ovf")
_NESTS = 8  # formats nested in each other that a register has room for

_Facts = dict[str, tuple[int, int, int, str]]  # by field: lowest bit, width, value, help


def _built_as(engine: Matmul) -> tuple[Register, ...]:
    """Registers that say what an engine has."""
    capability: _Facts = {
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
    rule, overflow = (
        (_RULES.index(engine.rule), _OVERFLOWS.index(engine.overflow))
        if engine.requantize
        else (0, 0)
    )
    quantizer: _Facts = {
        "rule": (0, 2, rule, f"scale rule: {_numbered([known.value for known in _RULES])}"),
        "overflow": (8, 1, overflow, f"beyond the largest value: {_numbered(_OVERFLOWS)}"),
    }
    return (
        _capability("capability", 0x08, "What this engine was built as", capability),
        replace(
            _constant("tiles", 0x0C, "Size of each tile memory", engine.depth, "tiles"), built=True
        ),
        *_format_registers(engine.element),
        _capability("quantizer", 0x3C, "How the re-quantizer works; 0 without one", quantizer),
    )


def _format_registers(element: ElementFormat) -> tuple[Register, Register]:
    """Registers that say what an element code means, as ``ElementFormat`` does.

    Raises:
        ValueError: so many formats are nested that no register has room for them.
    """
    nests = list[ElementFormat]()
    while (inner := (nests or [element])[-1].subnormal) is not None:
        nests.append(inner)
    if len(nests) > _NESTS:
        raise ValueError(f"element: registers describe at most {_NESTS} nested formats: {element}")
    layout: _Facts = {
        "exponent_bits": (0, 4, element.exponent_bits, "bits of the exponent, below the sign"),
        "mantissa_bits": (4, 4, element.mantissa_bits, "bits of the mantissa, below the exponent"),
        "nested": (8, 4, len(nests), "formats nested below each other: see register nested"),
        "special": (
            *(12, 2, _SPECIALS.index(element.special)),
            "special codes: 0 none, 1 all ones is NaN, 2 the highest exponent is Inf and NaN",
        ),
        "twos_complement": (14, 1, int(element.twos_complement), "a two's complement integer"),
        "bias": (16, 12, (element.bias or 0) & 0xFFF, "exponent bias, signed (two's complement)"),
        "scale": (28, 4, 0, "format of scales: 0 E8M0"),
    }
    exponents: _Facts = {
        f"exponent_bits_{number + 1}": (
            *(4 * number, 4, nests[number].exponent_bits if number < len(nests) else 0),
            f"of nested format {number + 1}, which has the mantissa of the one before",
        )
        for number in range(_NESTS)
    }
    return (
        _capability("element", 0x34, "What a code of an element means", layout),
        _capability("nested", 0x38, "What codes of exponent field 0 mean, where nested", exponents),
    )


def _capability(name: str, offset: int, title: str, facts: _Facts) -> Register:
    placed = tuple(BitField(field, low, width, t) for field, (low, width, _, t) in facts.items())
    value = sum(value << low for low, _, value, _ in facts.values())
    return Register(name, offset, Access.READ, title, placed, value, built=True)


def _numbered(names: Sequence[str]) -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(names))


def engine_registers(engine: Matmul) -> tuple[Register, ...]:
    """Describe the registers of an engine."""
    faults = ", ".join(f"{fault.value} {fault.name}" for fault in Fault)
    return (
        _constant("id", 0x00, "Identity: MXSF in ASCII", _ID, "constant"),
        _constant("version", 0x04, "Version of this map: major, minor", _VERSION, "16 bits each"),
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


def _constant(name: str, offset: int, title: str, value: int, meaning: str) -> Register:
    return Register(name, offset, Access.READ, title, (BitField("value", 0, 32, meaning),), value)


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
