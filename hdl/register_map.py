"""Registers that a host reads and writes: what they are, as plain data.

The hardware (``mxsf.hdl.interface.axi_lite``), the manifest, the C header and the page for people
are all made from this description.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ADDRESS_BITS", "DATA_BITS", "Access", "BitField", "Register", "check_registers"]

DATA_BITS = 32
"""Bits of a register."""

ADDRESS_BITS = 12
"""Bits of a byte address: 4 KiB, the least that an address map of AXI gives."""


class Access(enum.Enum):
    """What a host may do with a register."""

    READ = "ro"
    """Read only: a write is an error."""
    WRITE = "rw"
    """It reads what was written."""
    SHARED = "rw, changed by the design too"
    """It reads what was written, or what the design put there since."""
    ACT = "wo"
    """A write does something, or is refused; it reads 0."""


@dataclass(frozen=True)
class BitField:
    """Some bits of a register.

    Attributes:
        name: lower case.
        low: lowest bit.
        width: bits.
        title: what it says.
        built: whether its width follows from what the design was built as, so that another variant
            has another one, or none.
    """

    name: str
    low: int
    width: int
    title: str
    built: bool = False

    @property
    def mask(self) -> int:
        """Its bits in the register."""
        return (1 << self.width) - 1 << self.low


@dataclass(frozen=True)
class Register:
    """A register.

    Attributes:
        name: lower case.
        offset: byte address.
        access: what a host may do.
        title: what it is for.
        fields: its bits, lowest first; the others read 0 and ignore writes.
        constant: the value that it always has; None where the design gives it.
        built: whether the constant says what the design was built as, so that another variant has
            another one.
    """

    name: str
    offset: int
    access: Access
    title: str
    fields: tuple[BitField, ...]
    constant: int | None = None
    built: bool = False

    @property
    def mask(self) -> int:
        """Bits that belong to a field."""
        return sum(field.mask for field in self.fields)


def check_registers(registers: Sequence[Register]) -> None:
    """Raise ValueError where addresses or bits overlap, are misaligned or do not fit."""
    offsets, names = set[int](), set[str]()
    for register in registers:
        if register.offset % 4 or not 0 <= register.offset < 1 << ADDRESS_BITS:
            raise ValueError(f"{register.name}: no register can be at {register.offset:#x}")
        if register.offset in offsets or register.name in names:
            raise ValueError(f"{register.name} at {register.offset:#x} is there twice")
        offsets.add(register.offset)
        names.add(register.name)
        end = 0
        for field in register.fields:
            if field.low < end or field.low + field.width > DATA_BITS:
                raise ValueError(f"{register.name}: field {field.name} does not fit")
            end = field.low + field.width
