"""Microexponents: MX9, MX6, MX4 and MSFP against exact fractions and published noise."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mxsf.golden import (
    BLOCK_FORMATS,
    E4M3,
    INT8,
    MSFP12,
    MX4,
    MX6,
    MX9,
    BlockFormat,
    BlockTensor,
    dot,
    matmul,
    quantize,
)
from mxsf.golden.quantize.error import error_db

BITS = {"mx9": 7, "mx6": 4, "mx4": 2, "msfp16": 7, "msfp12": 3}


def exponent(word):
    """Biased exponent of a word that is no subnormal one, else 0."""
    return int(np.float32(word).view(np.uint32)) >> 23 & 255


def reference(row, name):
    """Values, scale and microexponents of one block of 16, in fractions, as the contract says."""
    bits, row = BITS[name], [w if exponent(w) else np.float32(0) for w in row]
    top = max(map(exponent, row))
    if top == 255:
        return None
    values, micro = [], []
    for pair in range(8):
        two = row[2 * pair : 2 * pair + 2]
        below = min(top - max(map(exponent, two)), 1) if name.startswith("mx") else 0
        micro.append(below)
        unit = Fraction(2) ** (top - 127 - below + 1 - bits)
        for word in two:
            magnitude = abs(Fraction(float(word))) / unit
            code = min(int(magnitude + Fraction(1, 2)), (1 << bits) - 1)
            values.append((-1 if np.signbit(word) else 1) * code * unit)
    return values, top, micro


WORDS = st.integers(0, (1 << 32) - 1).map(lambda bits: np.uint32(bits).view(np.float32))
NEAR = st.tuples(st.integers(1, 12), st.integers(0, 1 << 23), st.booleans()).map(
    lambda parts: np.uint32(parts[0] << 23 | parts[1] & 0x7FFFFF | parts[2] << 31).view(np.float32)
)


@pytest.mark.parametrize("name", BITS)
@settings(max_examples=150, deadline=None)
@given(
    row=st.one_of(
        st.lists(WORDS, min_size=16, max_size=16), st.lists(NEAR, min_size=16, max_size=16)
    )
)
def test_against_fractions(name, row):
    q = quantize(np.array([row], np.float32), BLOCK_FORMATS[name])
    expected = reference(row, name)
    if expected is None:
        assert q.scales.tolist() == [[255]]
        assert not q.codes.any()
        assert q.micro is None or not q.micro.any()
        return
    values, top, micro = expected
    assert q.scales.tolist() == [[top]]
    if q.micro is not None:
        assert q.micro.tolist() == [micro]
    assert [Fraction(float(v)) for v in q.dequantize()[0]] == values


def test_ties_go_away_from_zero():
    row = np.zeros((1, 16), np.float32)
    row[0, :4] = [1.0, 1 + 1 / 128, -1 - 1 / 128, 0.0]
    assert quantize(row, MX9).dequantize()[0, 1:3].tolist() == [1 + 1 / 64, -1 - 1 / 64]
    even = BlockFormat(MX9.element, (1, 16), micro=(1, 2))
    assert quantize(row, even).dequantize()[0, 1:3].tolist() == [1.0, -1.0]


@pytest.mark.parametrize(
    ("name", "golden"),
    [("mx9", 46.6), ("mx6", 28.4), ("mx4", 15.8), ("msfp16", 43.0), ("msfp12", 18.8)],
)
def test_published_noise(name, golden):
    """N(0, |N(0, 1)|) in vectors of 256, as measured in arXiv 2302.08007."""
    random = np.random.default_rng(0)
    variance = np.abs(random.standard_normal((4096, 1)))
    x = (random.standard_normal((4096, 256)) * np.sqrt(variance)).astype(np.float32)
    measured = error_db(x, quantize(x, BLOCK_FORMATS[name]).dequantize())
    assert measured == pytest.approx(golden, abs=0.2)


@pytest.mark.parametrize("shape", [(3, 16), (5, 37), (2, 3, 40), (7,), (1, 1)])
@pytest.mark.parametrize("fmt", [MX9, MX4], ids=["mx9", "mx4"])
def test_parts_of_blocks_are_padded(fmt, shape):
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    q = quantize(x, fmt)
    columns = -(-shape[-1] // 16) * 16
    whole = np.zeros((*shape[:-1], columns), np.float32)
    whole[..., : shape[-1]] = x
    golden = quantize(whole, fmt)
    np.testing.assert_array_equal(q.dequantize(), golden.dequantize()[..., : shape[-1]])
    assert q.micro.shape == (*shape[:-1], -(-shape[-1] // 2))


def test_transpose_and_files(tmp_path):
    x = np.random.default_rng(1).standard_normal((20, 48)).astype(np.float32)
    q = quantize(x, MX6)
    np.testing.assert_array_equal(q.T.dequantize(), q.dequantize().T)
    assert q == q.T.T
    assert quantize(x.T, q.format.transposed) == q.T
    q.save(tmp_path / "q.npz")
    assert BlockTensor.load(tmp_path / "q.npz") == q
    other = BlockTensor(q.codes, q.scales, q.format, 1 - q.micro)
    assert other != q


def exact(a, b):
    return [
        [
            sum(Fraction(float(x)) * Fraction(float(y)) for x, y in zip(row, column, strict=True))
            for column in b.T
        ]
        for row in a
    ]


@pytest.mark.parametrize("names", [("mx9", "mx9"), ("mx4", "mx6"), ("mx9", "msfp12")])
def test_products(names):
    """A block of K at a time, each rounded once, from exact fractions."""
    random = np.random.default_rng(2)
    x = random.standard_normal((4, 32)) * 2.0 ** random.integers(-8, 8, (4, 32))
    y = random.standard_normal((32, 3)) * 2.0 ** random.integers(-8, 8, (32, 3))
    a = quantize(x.astype(np.float32), BLOCK_FORMATS[names[0]])
    b = quantize(y.T.astype(np.float32), BLOCK_FORMATS[names[1]]).T
    acc = np.zeros((4, 3), np.float32)
    for k in (0, 16):
        inner = slice(k, k + 16)
        sums = exact(a.dequantize()[:, inner], b.dequantize()[inner])
        for i in range(4):
            for j in range(3):
                total = sums[i][j] + Fraction(float(acc[i, j]))
                acc[i, j] = np.float32(float(total))  # few bits: float64 holds them
                part = dot(
                    a.codes[i, inner],
                    a.scales[i, k // 16],
                    b.codes[inner, j],
                    b.scales[k // 16, j],
                    element=(a.element, b.element),
                    a_micro=a.micro[i, k // 2 : k // 2 + 8],
                    b_micro=None if b.micro is None else b.micro[k // 2 : k // 2 + 8, j],
                )
                assert part == np.float32(float(sums[i][j]))
    np.testing.assert_array_equal(matmul(a, b), acc)


@pytest.mark.parametrize("names", [("mx9", "mx9"), ("mx4", "mx6"), ("msfp12", "mx9")])
def test_dot_takes_block_formats(names):
    """The codes of a row and its microexponents, as the tensors have them."""
    random = np.random.default_rng(3)
    x, y = (random.standard_normal((5, 16)).astype(np.float32) for _ in "ab")
    formats = BLOCK_FORMATS[names[0]], BLOCK_FORMATS[names[1]]
    a, b = (quantize(values, fmt) for values, fmt in zip((x, y), formats, strict=True))
    sums = exact(a.dequantize(), b.dequantize().T)
    results = dot(
        *(a.codes, a.scales[:, 0], b.codes, b.scales[:, 0]),
        element=formats,
        a_micro=a.micro,
        b_micro=b.micro,
    )
    assert results.tolist() == [float(np.float32(float(sums[i][i]))) for i in range(5)]
    elements = a.element, b.element
    micro = {"a_micro": a.micro, "b_micro": b.micro}
    again = dot(a.codes, a.scales[:, 0], b.codes, b.scales[:, 0], element=elements, **micro)
    np.testing.assert_array_equal(again, results)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BlockFormat(MX9.element, (1, 15), micro=(1, 2)), "must divide the block"),
        (lambda: BlockFormat(E4M3, (1, 16), micro=(1, 2)), "sign-magnitude integer, not e4m3"),
        (lambda: BlockFormat(INT8, (1, 16), micro=(1, 2)), "sign-magnitude integer, not int8"),
        (lambda: BlockFormat(MX9.element, (1, 16), micro=(0, 2)), "micro must be at least 1"),
        (lambda: quantize(np.ones((1, 16)), MX9, (1, 15)), "must divide the block"),
        (
            lambda: dot([1] * 16, 127, [1] * 16, 127, element=E4M3, a_micro=[0] * 8),
            "a_micro needs a sign-magnitude integer, not e4m3",
        ),
        (
            lambda: dot([1] * 16, 127, [1] * 16, 127, element=MX9.element, b_micro=[0] * 3),
            r"b_micro must divide a block of 16, its shape is \(3,\)",
        ),
        (
            lambda: dot([1] * 16, 127, [1] * 16, 127, element=MX9.element, b_micro=[2] * 8),
            "b_micro must hold 0 and 1 only",
        ),
        (
            lambda: dot([1] * 16, 127, [1] * 16, 127, element=MX9, a_micro=[0] * 8),
            "b_micro belongs to formats with microexponents, and mx9 is another",
        ),
        (
            lambda: dot([1] * 16, 127, [1] * 16, 127, element=MSFP12, a_micro=[0] * 8),
            "a_micro belongs to formats with microexponents, and msfp12 is another",
        ),
        (
            lambda: dot([1] * 16, 127, [1] * 16, 127, element=MX9, a_micro=[0] * 4),
            r"a_micro must be one for 2 of 16 codes, its shape is \(4,\)",
        ),
    ],
)
def test_bad_use(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_tensor_holds_what_its_format_says():
    q = quantize(np.ones((1, 16), np.float32), MX9)
    for micro in (None, q.micro[:, 1:], q.micro + np.uint8(2), q.micro.astype(int)):
        with pytest.raises(ValueError, match="microexponents"):
            BlockTensor(q.codes, q.scales, q.format, micro)
    plain = quantize(np.ones((1, 16), np.float32), MSFP12)
    with pytest.raises(ValueError, match="belong to formats that have them"):
        BlockTensor(plain.codes, plain.scales, plain.format, q.micro)
    assert MX9 != MX4
