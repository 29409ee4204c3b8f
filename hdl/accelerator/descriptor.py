"""Descriptors in hardware: their fields, by the description of the golden model."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Value, unsigned
from amaranth.lib import data

from ...golden.accelerator.fields import FIELDS, WORDS, Field, Opcode

__all__ = ["BITS", "FAULT_BITS", "PLANES", "descriptor_layout", "fields_of", "job_layout"]

BITS = 32 * WORDS
"""Bits of a descriptor."""

FAULT_BITS = 4
"""Bits of a ``Fault``."""

PLANES = ("init", "mask", "words", "codes", "scales")
"""Planes of a MULTIPLY; a LOAD has the last two."""


def descriptor_layout(address: int) -> data.StructLayout:
    """Fields of a descriptor that was read: its bits, where it lay, whether the bus refused it."""
    fields = {"bits": unsigned(BITS), "address": unsigned(address)}
    return data.StructLayout({**fields, "error": unsigned(1)})


def job_layout(address: int) -> data.StructLayout:
    """Fields of a descriptor that was checked.

    Its fault, where its planes begin, and its tiles: those that a LOAD loads, those of C.
    """
    starts = data.StructLayout({plane: unsigned(address) for plane in PLANES})
    fields = {"bits": unsigned(BITS), "address": unsigned(address)}
    return data.StructLayout(
        {**fields, "fault": unsigned(FAULT_BITS), "starts": starts, "tiles": 32}
    )


def fields_of(bits: Value, opcode: Opcode) -> Mapping[str, Any]:
    """Fields of the bits of a descriptor, read as one of an opcode: values by name."""
    return {field.name: _field(bits, field) for field in FIELDS[opcode]}


def _field(bits: Value, field: Field) -> Value:
    low = 32 * field.word + field.low
    value = bits[low : low + field.width]
    return value.as_signed() if field.signed else value
