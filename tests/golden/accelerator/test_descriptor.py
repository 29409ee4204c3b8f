"""Descriptors to bytes and back."""

import dataclasses
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mxsf.golden.accelerator.descriptor import (
    End,
    Fence,
    Load,
    Multiply,
    Place,
    decode,
    encode,
)
from mxsf.golden.accelerator.fields import FIELDS, SIZE, Opcode, pack, reserved, unpack
from mxsf.golden.accelerator.view import View

PLACE = Place(1, 64)
PRODUCT = Multiply(1, 2, 3, words=PLACE)


def values(opcode):
    """Any field values of an opcode."""
    ranges = {}
    for field in FIELDS[opcode]:
        low = -(1 << field.width - 1) if field.signed else 0
        ranges[field.name] = st.integers(low, low + (1 << field.width) - 1)
    return st.fixed_dictionaries({**ranges, "opcode": st.just(int(opcode))})


any_values = st.sampled_from(list(FIELDS)).flatmap(values)


@settings(max_examples=30)
@given(any_values)
def test_fields_survive(fields):
    data = pack(fields)
    assert len(data) == SIZE
    assert unpack(data) == fields
    words = [int.from_bytes(data[4 * n : 4 * n + 4], "little") for n in range(16)]
    assert not any(
        word & mask for word, mask in zip(words, reserved(fields["opcode"]), strict=True)
    )


@settings(max_examples=30)
@given(any_values)
def test_descriptors_survive(fields):
    descriptor = decode(fields)
    assert decode(unpack(encode(descriptor))) == descriptor


@settings(max_examples=30)
@given(any_values)
def test_used_fields_lie_where_they_were(fields):
    """What ``encode`` writes of a decoded descriptor is what it was, but for unused places."""
    again = unpack(encode(decode(fields)))
    if fields["opcode"] == Opcode.MULTIPLY:
        uses = {
            "mask": ("mask_reg", "mask_at"),
            "to_words": ("words_reg", "words"),
            "to_tiles": ("codes_reg", "codes", "scales_reg", "scales"),
        }
        for flag, names in uses.items():
            if not fields[flag]:
                fields = {**fields, **dict.fromkeys(names, 0)}
    assert again == fields


@pytest.mark.parametrize("opcode", FIELDS)
def test_bits_belong_to_one_field_or_are_reserved(opcode):
    words = list(reserved(opcode))
    for field in FIELDS[opcode]:
        mask = (1 << field.width) - 1 << field.low
        assert mask < 1 << 32, field
        assert words[field.word] & mask == 0, field
        words[field.word] |= mask
    assert words == [0xFFFFFFFF] * 16


@pytest.mark.parametrize(
    ("descriptor", "message"),
    [
        (dataclasses.replace(PRODUCT, m=1 << 16), "m must be 0 to 65535, not 65536"),
        (dataclasses.replace(PRODUCT, shift=128), "shift must be -128 to 127, not 128"),
        (dataclasses.replace(PRODUCT, init=4), "init must be 0 to 3, not 4"),
        (
            dataclasses.replace(PRODUCT, a_view=View(pitch=-32769)),
            "a_pitch must be -32768 to 32767, not -32769",
        ),
        (
            dataclasses.replace(PRODUCT, c_view=View(jump=1 << 31)),
            "c_jump must be -2147483648 to 2147483647, not 2147483648",
        ),
        (dataclasses.replace(PRODUCT, words=Place(4)), "words_reg must be 0 to 3, not 4"),
        (
            dataclasses.replace(PRODUCT, mask=Place(0, 1 << 32)),
            "mask_at must be 0 to 4294967295, not 4294967296",
        ),
        (
            Load(Opcode.LOAD_A, 1, 1, PLACE, PLACE, View(crun=-1)),
            "crun must be 0 to 65535, not -1",
        ),
    ],
)
def test_a_field_out_of_range_is_named(descriptor, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        encode(descriptor)


def test_no_such_opcode():
    with pytest.raises(ValueError, match=r"^opcode must be 1, 2, 3, 4, 5, not 6$"):
        pack({"opcode": 6})


def test_codes_leave_with_scales():
    with pytest.raises(ValueError, match="leave together"):
        Multiply(1, 1, 1, codes=PLACE)


def test_bytes_of_the_table():
    """By hand from the table in docs/accelerator.md."""
    product = Multiply(
        *(0x0102, 0x0304, 0x0506, 0x1111, 0x2222),
        a_view=View(1, -2, -3, 4, -5),
        b_view=View(6, -7, -8, 9, -10),
        a_transposed=True,
        c_view=View(11, -12, -13),
        init=2,
        init_at=Place(1, 0xA0),
        shift=-2,
        negate=True,
        relu=True,
        mask=Place(2, 0xB0),
        words=Place(3, 0xC0),
        codes=Place(0, 0xD0),
        scales=Place(1, 0xE0),
        stochastic=True,
    )
    first = (
        3 | 2 << 4 | 0b111111 << 6 | 1 << 12 | 2 << 14 | 3 << 16 | 1 << 20 | 1 << 22 | 0xFE << 24
    )
    low = 0xFFFF
    words = [
        *(first, 0x03040102, 11 << 16 | 0x0506, 0x22221111),
        *(1 | (-2 & low) << 16, -3 & low | 4 << 16, -5 & low | 6 << 16),
        *((-7 & low) | (-8 & low) << 16, 9 | (-10 & low) << 16),
        *(-12 & 0xFFFFFFFF, -13 & 0xFFFFFFFF, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0),
    ]
    assert encode(product) == b"".join(word.to_bytes(4, "little") for word in words)
    assert encode(Fence())[:4].hex() == "04000000"
    assert encode(End())[:4].hex() == "15000000"
