"""Faults: each number, which of several counts, and that a bad descriptor touches nothing."""

from dataclasses import replace

import numpy as np
import pytest
from mxsf.golden import MXSF, Rounding
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.descriptor import End, Fence, Load, Multiply, Place, encode
from mxsf.golden.accelerator.fault import Fault, Window
from mxsf.golden.accelerator.fields import SIZE, Opcode
from mxsf.golden.accelerator.machine import Machine
from mxsf.golden.accelerator.view import View

BUILT = Configuration(MXSF, 4, 4, 16, 64, rounding=Rounding.STOCHASTIC)
SIZE_OF_MEMORY = 0x4000
LOAD = Load(Opcode.LOAD_A, 2, 2, Place(0, 0x1000), Place(0, 0x1101), View(pitch=2))
PRODUCT = Multiply(
    *(2, 2, 2),
    c_view=View(pitch=2),
    init=1,
    init_at=Place(0, 0x1800),
    mask=Place(0, 0x1000),
    words=Place(0, 0x2000),
    codes=Place(0, 0x2800),
    scales=Place(0, 0x2C01),
)
ROW = replace(PRODUCT, init=2)
FIRST = replace(PRODUCT, words=Place(0, 0x3000), codes=None, scales=None, init=0, mask=None)
GOOD = [LOAD, replace(LOAD, opcode=Opcode.LOAD_B), FIRST]
"""What stands before the descriptor in question."""


def machine(built=BUILT):
    made = Machine(built, np.random.default_rng(0).integers(0, 120, SIZE_OF_MEMORY, dtype=np.uint8))
    made.window = Window(0, SIZE_OF_MEMORY)
    return made


def run(made, *descriptors):
    """Run descriptors (or their bytes) from address 0 on."""
    data = b"".join(d if isinstance(d, bytes) else encode(d) for d in descriptors)
    made.memory[: len(data)] = np.frombuffer(data, np.uint8)
    return made.run(0)


def with_bit(descriptor, word, bit):
    data = bytearray(encode(descriptor))
    data[4 * word + bit // 8] |= 1 << bit % 8
    return bytes(data)


FAULTS = {
    Fault.OPCODE: [
        bytes(SIZE),
        *(bytes([opcode]).ljust(SIZE, b"\0") for opcode in range(6, 16)),
        replace(PRODUCT, init=3),
    ],
    Fault.RESERVED: [
        *(with_bit(LOAD, 0, bit) for bit in (5, 11, 16, 31)),
        with_bit(LOAD, 3, 16),
        *(with_bit(LOAD, word, 0) for word in range(7, 14)),
        *(with_bit(Fence(), 0, bit) for bit in (4, 31)),
        *(with_bit(Fence(), word, 31) for word in range(1, 16)),
        with_bit(End(), 0, 5),
        with_bit(End(), 15, 0),
    ],
    Fault.SIZE: [
        *(replace(LOAD, **{name: 0}) for name in ("rows", "columns")),
        *(replace(LOAD, view=View(**{name: 0})) for name in ("run", "crun")),
        replace(LOAD, rows=17, columns=1),
        replace(LOAD, rows=1, columns=17),
        replace(LOAD, rows=4, columns=5, view=View(pitch=0)),
        replace(LOAD, rows=0xFFFF, columns=0xFFFF),
        *(replace(PRODUCT, **{name: 0}) for name in ("m", "n", "k")),
        *(
            replace(PRODUCT, **{f"{side}_view": View(**{name: 0})})
            for side in "ab"
            for name in ("run", "crun")
        ),
        replace(PRODUCT, c_view=View(run=0)),
    ],
    Fault.OUTPUT: [
        replace(PRODUCT, words=None, codes=None, scales=None),
        replace(PRODUCT, words=None, codes=None, scales=None, stochastic=True),
    ],
    Fault.ALIGNMENT: [
        *(replace(LOAD, codes=Place(0, 0x1000 + away)) for away in (1, 4, 7)),
        *(
            replace(PRODUCT, **{name: Place(0, 0x1004)})
            for name in ("init_at", "mask", "words", "codes")
        ),
        replace(ROW, init_at=Place(0, 0x1804)),
    ],
    Fault.WINDOW: [
        replace(LOAD, codes=Place(0, 0xFFFFFFF8)),
        replace(LOAD, scales=Place(0, 0xFFFFFFFF)),
        replace(LOAD, view=View(pitch=-0x110)),
        replace(LOAD, view=View(pitch=(1 << 31) - 1)),
        replace(PRODUCT, c_view=View(pitch=-0x100)),
        *(
            replace(PRODUCT, **{name: Place(0, SIZE_OF_MEMORY)})
            for name in ("init_at", "mask", "words", "codes", "scales")
        ),
    ],
}
CASES = [(fault, number) for fault, bad in FAULTS.items() for number in range(len(bad))]


@pytest.mark.parametrize(("fault", "number"), CASES, ids=lambda x: getattr(x, "name", x))
def test_a_bad_descriptor_touches_nothing(fault, number):
    bad = FAULTS[fault][number]
    made, good = machine(), machine()
    outcome = run(made, *GOOD, bad, End())
    assert outcome.fault == fault
    assert (outcome.descriptor, outcome.program) == (3 * SIZE, 3 * SIZE)
    assert outcome.irq
    assert outcome.bus_address == 0
    run(good, *GOOD, End())
    assert np.array_equal(made.memory[5 * SIZE :], good.memory[5 * SIZE :])
    assert made.memory[0x3000:0x3100].any()
    for side in "ab":
        for mine, other in zip(made.core.tiles[side], good.core.tiles[side], strict=True):
            assert np.array_equal(mine, other)
    done = {"descriptors": good.counters["descriptors"] - 1}
    assert made.counters == {**good.counters, **done}


def test_after_a_fault_the_next_program_runs():
    made, other = machine(), machine()
    program = *GOOD, replace(PRODUCT, stochastic=True)
    assert run(made, *program, bytes(SIZE)).fault == Fault.OPCODE
    made.memory[:] = other.memory
    assert run(made, *program, End()).fault == Fault.NONE
    run(other, *program, End())
    assert np.array_equal(made.memory, other.memory)  # the same random numbers


def test_random_numbers_run_on_without_a_fault():
    made, other = machine(), machine()
    twice = [replace(PRODUCT, stochastic=True), replace(PRODUCT, stochastic=True)]
    twice[1] = replace(twice[1], codes=Place(0, 0x2900), words=Place(0, 0x2400))
    run(made, *GOOD, *twice, End())
    run(other, *GOOD, twice[0], End())
    run(other, twice[1], End())
    assert np.array_equal(made.memory[0x1000:], other.memory[0x1000:])
    assert not np.array_equal(made.memory[0x2800:0x2840], made.memory[0x2900:0x2940])


@pytest.mark.parametrize(
    ("options", "product", "fault"),
    [
        ({"requantize": False}, PRODUCT, Fault.OUTPUT),
        ({"requantize": False}, replace(FIRST, stochastic=True), Fault.OUTPUT),
        ({"requantize": False}, FIRST, Fault.NONE),
        ({"rounding": Rounding.NEAREST_EVEN}, replace(PRODUCT, stochastic=True), Fault.OUTPUT),
        ({"rounding": Rounding.NEAREST_EVEN}, replace(FIRST, stochastic=True), Fault.OUTPUT),
        ({"rounding": Rounding.NEAREST_EVEN}, PRODUCT, Fault.NONE),
        ({}, replace(FIRST, stochastic=True), Fault.NONE),
    ],
)
def test_what_the_accelerator_was_made_without(options, product, fault):
    assert run(machine(replace(BUILT, **options)), product, End()).fault == fault


def test_the_first_of_several_counts():
    """Everything is wrong at once; then what counted is mended, and the next thing counts."""
    load = replace(LOAD, rows=0, codes=Place(0, 0x1004), scales=Place(0, SIZE_OF_MEMORY))
    made = machine()
    assert run(made, with_bit(load, 7, 0)).fault == Fault.RESERVED
    assert run(made, load).fault == Fault.SIZE
    load = replace(load, rows=2)
    assert run(made, load).fault == Fault.ALIGNMENT
    load = replace(load, codes=LOAD.codes)
    assert run(made, load).fault == Fault.WINDOW
    made.window = Window(0, 1 << 32)
    assert run(made, load).fault == Fault.READ

    product = replace(PRODUCT, m=0, init=3, words=Place(0, 4), codes=None, scales=None)
    product = replace(product, words=None, mask=Place(0, SIZE_OF_MEMORY + 4))
    made = machine()
    assert run(made, product).fault == Fault.OPCODE
    product = replace(product, init=0)
    assert run(made, product).fault == Fault.SIZE
    product = replace(product, m=1)
    assert run(made, product).fault == Fault.OUTPUT
    product = replace(product, words=Place(0, 2 * SIZE_OF_MEMORY))
    assert run(made, product).fault == Fault.ALIGNMENT
    product = replace(product, mask=Place(0, SIZE_OF_MEMORY))
    assert run(made, product).fault == Fault.WINDOW
    made.window = Window(0, 1 << 32)
    assert run(made, product).fault == Fault.READ
    assert run(made, replace(product, mask=None)).fault == Fault.WRITE
    assert made.run(4).fault == Fault.FETCH


PLANES = [
    (LOAD, "codes", 4 * 16),
    (LOAD, "scales", 4),
    (PRODUCT, "init_at", 4 * 64),
    (ROW, "init_at", 64 + 16),  # of the second record only the first row
    (PRODUCT, "mask", 4 * 16),
    (PRODUCT, "words", 4 * 64),
    (PRODUCT, "codes", 4 * 16),
    (PRODUCT, "scales", 4),
]
both_ends = pytest.mark.parametrize(
    ("descriptor", "name", "size"), PLANES, ids=[f"{type(d).__name__} {n}" for d, n, _ in PLANES]
)


@both_ends
def test_edges_of_the_window(descriptor, name, size):
    """A plane that fills the window to the byte is right; a byte less at either end is not."""
    for start in (0x400, 0x3800):
        alone = replace(descriptor, **{name: Place(0, start)})
        if start == 0x400:
            for low, fault in ((start, Fault.NONE), (start + 1, Fault.WINDOW)):
                made = machine()
                made.window = Window(low, SIZE_OF_MEMORY)
                assert run(made, alone, End()).fault == fault
        else:
            end = start + size
            for high, fault in ((end, Fault.NONE), (end - 1, Fault.WINDOW)):
                made = machine()
                made.window = Window(0, high)
                assert run(made, alone, End()).fault == fault


@both_ends
def test_edges_of_memory(descriptor, name, size):
    """The same for what the bus refuses, which may lie in the window."""
    writes = name in ("words", "codes", "scales") and isinstance(descriptor, Multiply)
    refused = Fault.WRITE if writes else Fault.READ
    step = 1 if name == "scales" else BUILT.beat
    start = SIZE_OF_MEMORY - size
    for away, fault in ((0, Fault.NONE), (step, refused)):
        made = machine()
        made.window = Window(0, 1 << 32)
        before = made.memory.copy()
        outcome = run(made, replace(descriptor, **{name: Place(0, start + away)}), End())
        assert outcome.fault == fault
        if fault:
            assert np.array_equal(made.memory[0x1000:], before[0x1000:])
            assert start <= outcome.bus_address < SIZE_OF_MEMORY + step


def test_an_index_has_32_bits():
    """On a bus of 64 address bits the window leaves room for more."""
    built = replace(BUILT, address=64)
    most = (1 << 31) - 1
    for view, columns, fault in [
        (View(pitch=most), 1, Fault.READ),
        (View(pitch=most), 2, Fault.WINDOW),
        (View(pitch=-most - 1), 1, Fault.READ),
        (View(pitch=-most - 1, crun=1, cjump=-1), 2, Fault.WINDOW),
    ]:
        made = machine(built)
        made.bases[1], made.window = 1 << 40, Window(0, 1 << 64)
        load = replace(LOAD, codes=Place(1), scales=Place(1), view=view, columns=columns)
        assert run(made, load).fault == fault
    made.bases[1] = (1 << 64) - 64  # a base beyond all memory is no trouble
    outcome = run(made, replace(LOAD, codes=Place(1), view=View(pitch=2, cjump=0)))
    assert (outcome.fault, outcome.bus_address) == (Fault.READ, (1 << 64) - 64)
    assert run(made, replace(LOAD, codes=Place(1, 64))).fault == Fault.WINDOW


def test_addresses_are_not_truncated():
    """A negative index takes the address back below base + offset."""
    made = machine()
    made.bases[2] = 0x1800
    load = replace(LOAD, codes=Place(2, 0x800), scales=Place(0, 0x1101), view=View(pitch=-0x80))
    assert run(made, load, End()).fault == Fault.NONE
    expected = BUILT.unpack(made.memory[0x2000 - 0x800 :][: BUILT.code_record])
    assert np.array_equal(made.core.tiles["a"].codes[2], expected)


@pytest.mark.parametrize("program", [4, 32, SIZE_OF_MEMORY, 1 << 40, SIZE_OF_MEMORY - 32])
def test_fetch(program):
    outcome = machine().run(program)
    assert outcome.fault == Fault.FETCH
    assert (outcome.descriptor, outcome.bus_address) == (program, program)


def test_a_program_that_runs_off_the_end_of_memory():
    made = machine()
    made.memory[-2 * SIZE :] = np.frombuffer(2 * encode(Fence()), np.uint8)
    outcome = made.run(SIZE_OF_MEMORY - 2 * SIZE)
    assert (outcome.fault, outcome.descriptor) == (Fault.FETCH, SIZE_OF_MEMORY)
    assert made.counters["descriptors"] == 2


def test_memory_that_does_not_begin_at_zero():
    built, memory = BUILT, machine().memory
    made = Machine(built, memory, origin=0x80000000)
    made.bases[:] = [0x80000000] * 4
    other = machine()
    data = np.frombuffer(encode(LOAD) + encode(PRODUCT) + encode(End()), np.uint8)
    memory[: len(data)] = data
    outcome = made.run(0x80000000)
    assert (outcome.fault, outcome.program) == (Fault.NONE, 0x80000000 + 3 * SIZE)
    run(other, LOAD, PRODUCT, End())
    assert np.array_equal(made.memory, other.memory)
    with pytest.raises(ValueError, match=r"^origin must be 0 to"):
        Machine(built, memory, origin=1 << 62)
