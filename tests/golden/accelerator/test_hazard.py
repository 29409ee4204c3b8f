"""The hazard report: each kind planted and seen, and what lies beside it and is right, not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mxsf.golden.accelerator import hazard, machine
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.descriptor import End, Fence, Load, Multiply, Place, encode
from mxsf.golden.accelerator.fields import SIZE, Opcode
from mxsf.golden.accelerator.hazard import Hazards, Touched
from mxsf.golden.accelerator.view import View

BUILT = Configuration(tile=4, pes=4, depth=16)
CODE, WORD = BUILT.code_record, BUILT.word_record  # 16 and 64 bytes
PROGRAM = 0x8000
PLAIN = View(pitch=2)
LOAD = Load(Opcode.LOAD_A, 2, 2, Place(0, 0), Place(0, 0x1000), PLAIN)
WORDS = Multiply(2, 2, 2, c_view=PLAIN, words=Place(0, 0x2000))
TILES = Multiply(2, 2, 2, c_view=PLAIN, codes=Place(0, 0x3000), scales=Place(0, 0x4001))


def breaches(*descriptors, program=PROGRAM):
    """Breaches of a program, as (kind, later, earlier, planes), descriptors by their number."""
    made = machine.Machine(BUILT, np.zeros(0x10000, np.uint8))
    data = b"".join(encode(d) for d in (*descriptors, End()))
    made.memory[program : program + len(data)] = np.frombuffer(data, np.uint8)
    outcome = made.run(program)
    assert outcome.fault == 0
    return [
        (b.kind, (b.descriptor - program) // SIZE, (b.earlier - program) // SIZE, b.planes)
        for b in outcome.breaches
    ]


def at(product, **places):
    return replace(product, **{name: Place(0, offset) for name, offset in places.items()})


BROKEN = {
    "LOAD reads codes that were written": (
        [TILES, at(LOAD, codes=0x3000)],
        ("read after write", 1, 0, ("codes", "codes")),
    ),
    "LOAD reads scales that were written": (
        [TILES, at(LOAD, scales=0x4004)],
        ("read after write", 1, 0, ("scales", "scales")),
    ),
    "init reads words that were written": (
        [WORDS, replace(at(WORDS, init_at=0x2000, words=0x5000), init=1)],
        ("read after write", 1, 0, ("init", "words")),
    ),
    "a row of init that was written": (
        [WORDS, replace(at(WORDS, init_at=0x20C0, words=0x5000), init=2)],
        ("read after write", 1, 0, ("init", "words")),
    ),
    "mask reads codes that were written": (
        [TILES, at(WORDS, mask=0x3030)],
        ("read after write", 1, 0, ("mask", "codes")),
    ),
    "codes over what a LOAD reads": (
        [at(LOAD, codes=0x3030), TILES],
        ("write after read", 1, 0, ("codes", "codes")),
    ),
    "words over what init read": (
        [replace(at(WORDS, init_at=0x5000), init=1), at(WORDS, words=0x50C0)],
        ("write after read", 1, 0, ("words", "init")),
    ),
    "words over words": ([WORDS, WORDS], ("write after write", 1, 0, ("words", "words"))),
    "one byte of scales over scales": (
        [TILES, at(TILES, codes=0x3800, scales=0x4004)],
        ("write after write", 1, 0, ("scales", "scales")),
    ),
    "scales into a plane of words": (
        [WORDS, at(TILES, scales=0x20FF)],
        ("write after write", 1, 0, ("scales", "words")),
    ),
    "itself: init at another index": (
        [replace(at(WORDS, init_at=0x2040), init=1)],
        ("write after read", 0, 0, ("words", "init")),
    ),
    "itself: a row of init": (
        [replace(at(WORDS, init_at=0x2000), init=2)],
        ("write after read", 0, 0, ("words", "init")),
    ),
    "itself: mask at another index": (
        [at(TILES, mask=0x3010)],
        ("write after read", 0, 0, ("codes", "mask")),
    ),
    "itself: a record twice": (
        [replace(WORDS, c_view=View(pitch=1))],
        ("write after write", 0, 0, ("words", "words")),
    ),
    "itself: words and codes": (
        [at(TILES, words=0x30C0, codes=0x3180)],
        ("write after write", 0, 0, ("codes", "words")),
    ),
    "a free LOAD of tiles under way": (
        [replace(WORDS, a_base=14), replace(LOAD, base=0, free=True)],
        ("free LOAD", 1, 0, ("tile memory a", "tile memory a")),
    ),
    "a free LOAD, the product's view reaches it": (
        [
            replace(WORDS, b_view=View(pitch=6)),
            replace(LOAD, opcode=Opcode.LOAD_B, base=7, free=True),
        ],
        ("free LOAD", 1, 0, ("tile memory b", "tile memory b")),
    ),
}
RIGHT = {
    "FENCE between": [WORDS, Fence(), WORDS, Fence(), at(LOAD, codes=0x2000)],
    "reads of the same": [LOAD, LOAD, at(WORDS, mask=0)],
    "init in place": [replace(at(WORDS, init_at=0x2000), init=1)],
    "mask in place": [at(TILES, mask=0x3000)],
    "init and mask in place, both outputs": [
        replace(at(TILES, words=0x2000, init_at=0x2000, mask=0x3000), init=1)
    ],
    "init row, then words beside it": [replace(at(WORDS, init_at=0x2100), init=2)],
    # Of the record that the bias is read from only the first row is touched: 16 bytes.
    "words behind the row of init": [
        at(replace(WORDS, m=1, n=1, init=2), init_at=0x2000, words=0x5000),
        at(replace(WORDS, m=1, n=1), words=0x2010),
    ],
    "neighbouring records": [WORDS, at(WORDS, words=0x2100), at(WORDS, words=0x1F00)],
    "scales in one beat": [TILES, at(TILES, codes=0x3040, scales=0x4005)],
    "scales that are interleaved": [
        replace(TILES, c_view=View(pitch=4)),
        replace(at(TILES, codes=0x3020, scales=0x4003), c_view=View(pitch=4)),
    ],
    "LOAD of scales beside those written": [TILES, at(LOAD, scales=0x4005, codes=0x5000)],
    "a LOAD that waits": [WORDS, LOAD],
    "a free LOAD beside": [replace(WORDS, a_base=14), replace(LOAD, base=1, free=True)],
    "a free LOAD between the tiles of a view": [
        replace(WORDS, a_view=View(pitch=6)),
        replace(LOAD, base=2, free=True),
    ],
    "a free LOAD of the other memory": [
        replace(WORDS, b_base=4),
        replace(LOAD, opcode=Opcode.LOAD_B, free=True),
    ],
    "a free LOAD after one that waited": [WORDS, LOAD, replace(LOAD, free=True)],
    "a free LOAD after FENCE": [WORDS, Fence(), replace(LOAD, free=True)],
    "a free LOAD before": [replace(LOAD, free=True), WORDS],
    "a free LOAD of what the product before read": [
        WORDS,
        replace(at(WORDS, words=0x5000), a_base=4),
        replace(LOAD, free=True),
    ],
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_hazard_is_reported(name):
    program, expected = BROKEN[name]
    assert expected in breaches(*program)
    assert len(breaches(*program)) == 1


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_not_reported(name):
    assert breaches(*RIGHT[name]) == []


@pytest.mark.parametrize("name", [n for n, (program, _) in BROKEN.items() if len(program) == 2])
def test_a_fence_mends_it(name):
    first, second = BROKEN[name][0]
    assert breaches(first, Fence(), second) == []


def test_a_program_that_writes_itself():
    """Whenever it happens, and over whichever of its descriptors."""
    into = at(WORDS, words=PROGRAM + 2 * SIZE)
    made = machine.Machine(BUILT, np.zeros(0x10000, np.uint8))
    data = encode(WORDS) + encode(Fence()) + encode(into)
    made.memory[PROGRAM : PROGRAM + len(data)] = np.frombuffer(data, np.uint8)
    done = made.run(PROGRAM)
    assert done.fault == 1  # its own descriptor and those behind it became words: zeros
    assert [(b.kind, b.descriptor, b.planes) for b in done.breaches] == [
        ("write after read", PROGRAM + 2 * SIZE, ("words", "program"))
    ]
    before = at(replace(WORDS, m=1, n=1), words=PROGRAM)
    assert breaches(before) == [("write after read", 0, 0, ("words", "program"))]
    assert breaches(at(WORDS, words=PROGRAM - 0x100)) == []


def test_where_it_happens():
    made = machine.Machine(BUILT, np.zeros(0x10000, np.uint8))
    data = encode(WORDS) + encode(at(WORDS, words=0x20C0)) + encode(End())
    made.memory[PROGRAM : PROGRAM + len(data)] = np.frombuffer(data, np.uint8)
    (breach,) = made.run(PROGRAM).breaches
    assert str(breach) == (
        "write after write: descriptor 0x8040 (words) and 0x8000 (words) meet at 0x20c0, "
        "and nothing orders them"
    )


@pytest.mark.parametrize("plant", ["meets", "same records", "free"])
def test_a_deaf_report_is_caught(monkeypatch, plant):
    if plant == "meets":
        monkeypatch.setattr(Hazards, "meets", lambda *_: [])
    elif plant == "same records":
        monkeypatch.setattr(hazard, "_same_records", lambda one, other: not other.writes)
    else:
        monkeypatch.setattr(machine.Machine, "_overwrites", lambda *_: [])
    missed = [name for name, (program, expected) in BROKEN.items() if breaches(*program) == []]
    assert missed


touches = st.builds(
    lambda starts, record, writes: Touched("x", np.int64(starts), record, writes),
    st.lists(st.integers(0, 40), min_size=1, max_size=5, unique=True),
    st.integers(1, 6),
    st.booleans(),
)


@settings(max_examples=50)
@given(touches, touches)
def test_two_accesses_meet_where_their_bytes_do(one, other):
    def every_byte(touched):
        return {int(a) + n for a in touched.addresses for n in range(touched.record)}

    hazards = Hazards()
    hazards.add(0, [one])
    found = hazards.meets(64, other)
    common = every_byte(one) & every_byte(other)
    if common and (one.writes or other.writes):
        assert [breach.address for breach in found] == [min(common)]
    else:
        assert found == []
