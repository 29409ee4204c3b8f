"""Registers of the accelerator: identity, program, bases, window, control, status, counters."""

from collections.abc import Mapping

from ...golden.accelerator.configuration import BASES, Configuration
from ...golden.accelerator.fault import Fault
from ...golden.formats.block import Rounding
from ..engine.capability import capability, constant, format_registers, quantizer_facts
from ..register_map import Access, BitField, Register
from .counters import COUNTER_BITS

__all__ = ["COUNTERS_AT", "accelerator_registers", "halves"]

_ID = int.from_bytes(b"MXSA", "big")
_VERSION = 1 << 16  # of this map: major << 16 | minor

COUNTERS_AT = 0x100
"""Byte address of the first counter; each has two registers."""


def halves(name: str) -> tuple[str, str]:
    """Names of the registers of a value of up to 64 bits."""
    return f"{name}_low", f"{name}_high"


def accelerator_registers(
    built: Configuration, outstanding: int, counters: Mapping[str, str]
) -> tuple[Register, ...]:
    """Describe the registers of an accelerator.

    Args:
        built: what it is.
        outstanding: bursts that it has under way each way.
        counters: title of each counter by name, in the order of their addresses.
    """
    address = built.address
    return (
        constant("id", 0x00, "Identity: MXSA in ASCII", _ID, "constant"),
        constant("version", 0x04, "Version of this map: major, minor", _VERSION, "16 bits each"),
        *_built_as(built, outstanding),
        *_acts(),
        *_wide("program", 0x30, Access.SHARED, address, _PROGRAM, lowest=6),
        *_wide("descriptor", 0x38, Access.READ, address, "Descriptor that ended the last program"),
        *_wide("bus", 0x40, Access.READ, address, "Burst that the bus refused, 0 for none"),
        *_wide("window_low", 0x48, Access.WRITE, address, "First address that planes may have"),
        *_wide(
            *("window_high", 0x50, Access.WRITE, address),
            "First address behind those that planes may have; 0: the end of all addresses",
        ),
        *(
            register
            for number in range(BASES)
            for register in _wide(
                *(f"base_{number}", 0x60 + 8 * number, Access.WRITE, address),
                f"Base register {number}",
            )
        ),
        *(
            register
            for number, (name, title) in enumerate(counters.items())
            for register in _wide(
                *(f"count_{name}", COUNTERS_AT + 8 * number, Access.READ, COUNTER_BITS),
                f"{title}; cleared by reset only; right when no program runs",
            )
        ),
    )


def _acts() -> tuple[Register, ...]:
    """Registers that say what goes on, and make it so."""
    faults = ", ".join(f"{fault.value} {fault.name}" for fault in Fault)
    return (
        Register(
            "status",
            0x24,
            Access.READ,
            "What goes on",
            (
                BitField("running", 0, 1, "a program runs; go would be refused"),
                BitField("irq", 1, 1, "an END asked for an interrupt, or there was a fault"),
                BitField("fault", 4, 4, f"why the last program stopped: {faults}"),
            ),
        ),
        Register(
            "control",
            0x28,
            Access.ACT,
            "Begins and ends programs; a write with go is refused while one runs",
            (
                BitField("go", 0, 1, "1: run the program at program"),
                BitField("abort", 1, 1, "1: end it; bursts under way are finished, without effect"),
                BitField("clear", 2, 1, "1: take the interrupt back"),
            ),
        ),
        Register(
            "irq_enable",
            0x2C,
            Access.WRITE,
            "Whether irq follows status.irq",
            (BitField("enable", 0, 1, "1: it does"),),
        ),
    )


_PROGRAM = "Next program; an END leaves what follows it here, a fault the bad descriptor"


def _built_as(built: Configuration, outstanding: int) -> tuple[Register, ...]:
    """Registers that say what an accelerator has."""
    stochastic = int(built.rounding is Rounding.STOCHASTIC)
    return (
        capability(
            *("capability", 0x08, "What this accelerator was built as"),
            {
                "tile": (0, 8, built.tile, "rows and columns of a tile"),
                "code_bits": (8, 8, built.element.bits, "bits of an element code"),
                "pes": (16, 12, built.pes, "dot products in parallel"),
                "requantize": (30, 1, int(built.requantize), "whether tiles can leave"),
                "stochastic": (31, 1, stochastic, "whether they can be rounded stochastically"),
            },
        ),
        capability(
            *("memory", 0x0C, "Its memories and its bus"),
            {
                "depth": (0, 16, built.depth, "tiles of each tile memory"),
                "bus": (16, 8, built.beat, "bytes of a beat"),
                "outstanding": (24, 8, outstanding, "bursts under way each way"),
            },
        ),
        capability(
            *("records", 0x10, "Sizes of the records of planes"),
            {
                "codes": (0, 16, built.code_record, "bytes of the codes of a tile"),
                "words": (16, 16, built.word_record, "bytes of the words of a tile"),
            },
        ),
        *format_registers(built.element, 0x14),
        capability(
            *("quantizer", 0x1C, "How the re-quantizer works; 0 without one"),
            quantizer_facts(built.rule, built.overflow, requantize=built.requantize),
        ),
        capability(
            *("address", 0x20, "Addresses"),
            {"bits": (0, 8, built.address, "bits of a byte address")},
        ),
    )


def _wide(
    name: str, offset: int, access: Access, bits: int, title: str, *, lowest: int = 0
) -> tuple[Register, Register]:
    """Two registers, of the lower and the upper 32 bits of a value."""
    low, high = halves(name)
    upper = (BitField("value", 0, bits - 32, "bits from 32 on", built=True),) if bits > 32 else ()
    return (
        Register(
            *(low, offset, access, f"{title}: low half"),
            (BitField("value", lowest, 32 - lowest, f"bits {lowest} to 31"),),
        ),
        Register(high, offset + 4, access, f"{title}: high half", upper),
    )
