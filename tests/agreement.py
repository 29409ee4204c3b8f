"""Agreement with libraries that others wrote; prints the table of docs/agreement.md.

    pip install '.[peers]'
    python tests/agreement.py

Each comparison is exhaustive over the codes or the BF16 words of a format, or over random blocks.
Where a library follows another rule than docs/numerics.md, the comparison says in advance which
values this touches: ``by rule`` counts those that differ so, ``unexplained`` all that differ where
no rule says so, or agree where one does not let them. It has to be 0.
"""

from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
from mxsf.golden import E2M1, E2M3, E3M2, E4M3, E5M2, E8M0, INT8, quantize
from numpy.typing import NDArray

FP8 = {E4M3: ml_dtypes.float8_e4m3fn, E5M2: ml_dtypes.float8_e5m2}
FORMATS: dict[Any, Any] = {
    **FP8,
    E3M2: ml_dtypes.float6_e3m2fn,
    E2M3: ml_dtypes.float6_e2m3fn,
    E2M1: ml_dtypes.float4_e2m1fn,
}
SATURATES = "[3](numerics.md#3-encoding): what overflows saturates; there it becomes NaN or Inf"
SYMMETRIC = "[1](numerics.md#1-element-formats): INT8 saturates at +-127, there at -128"
FLUSHES = "[3](numerics.md#3-encoding): subnormal words are zero; there they count"


class Comparison(NamedTuple):
    """What was compared with a library.

    Attributes:
        library: its name.
        what: what was compared.
        differs: bool, one for each value: whether the two differ there.
        predicted: bool, the same: whether a rule says that they must.
        rules: the rules, empty where they should agree everywhere.
    """

    library: str
    what: str
    differs: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    rules: tuple[str, ...] = ()

    @property
    def unexplained(self) -> int:
        """Values at which they differ without a rule, or agree against one."""
        return int((self.differs != self.predicted).sum())

    def row(self) -> str:
        """A row of the table."""
        by_rule = int((self.differs & self.predicted).sum())
        numbers = [f"{n:,}" for n in (self.differs.size, by_rule, self.unexplained)]
        cells = [self.library, self.what, *numbers, "; ".join(self.rules)]
        return f"| {' | '.join(cells)} |"


def bf16_words() -> NDArray[np.float32]:
    """Every finite BF16 word."""
    words = (np.arange(1 << 16, dtype=np.uint32) << 16).view(np.float32)
    return words[np.isfinite(words)]


def unlike(ours: Any, theirs: Any) -> NDArray[np.bool_]:
    """Whether two arrays of values differ; NaN is NaN, and zeros have signs."""
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    same = (a == b) & (np.signbit(a) == np.signbit(b)) | (np.isnan(a) & np.isnan(b))
    return ~same


def none(differs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """No difference is predicted."""
    return np.zeros_like(differs)


def blocks(seed: int = 0, count: int = 2000) -> NDArray[np.float32]:
    """Blocks of 32 BF16 words, of all magnitudes, a tenth of them with subnormal words."""
    random = np.random.default_rng(seed)
    exponents = random.integers(-118, 120, (count, 1)) + random.integers(-4, 4, (count, 32))
    exponents[: count // 10] = random.integers(-134, -118, (count // 10, 1))
    values = (random.standard_normal((count, 32)) * 2.0**exponents).astype(ml_dtypes.bfloat16)
    values[-1] = 0
    return values.astype(np.float32)


def with_ml_dtypes() -> Iterator[Comparison]:
    """Codes to values, and BF16 words to codes, saturating and not."""
    words = bf16_words()
    for element, dtype in FORMATS.items():
        codes = np.arange(1 << element.bits, dtype=np.uint8)
        differs = unlike(element.decode(codes), codes.view(dtype).astype(np.float64))
        yield Comparison("ml_dtypes", f"{element.name}: every code", differs, none(differs))
        theirs = words.astype(dtype).view(np.uint8)
        differs = element.encode(words) != theirs
        if element not in FP8:
            yield Comparison("ml_dtypes", f"{element.name}: every word", differs, none(differs))
            continue
        codes = element.encode(words, overflow="ovf")
        beyond = ~np.isfinite(element.decode(codes))
        what = f"{element.name}: every word"
        yield Comparison("ml_dtypes", what, differs, beyond, (SATURATES,))
        differs = codes != theirs
        yield Comparison("ml_dtypes", f'{what}, `overflow="ovf"`', differs, none(differs))
    codes = np.arange(256, dtype=np.uint8)
    differs = unlike(E8M0.decode(codes), codes.view(ml_dtypes.float8_e8m0fnu).astype(np.float64))
    yield Comparison("ml_dtypes", "e8m0: every code", differs, none(differs))


def with_gfloat() -> Iterator[Comparison]:
    """Codes to values, BF16 words to codes, and blocks by the rule FLOOR."""
    from gfloat import RoundMode, decode_ndarray, encode_ndarray, formats, round_ndarray
    from gfloat.block import compute_scale_amax

    def encoded(peer: Any, values: Any) -> NDArray[np.uint8]:
        rounded = round_ndarray(peer, values, RoundMode.TiesToEven, sat=True)
        return np.asarray(encode_ndarray(peer, rounded), np.uint8)

    words, data = bf16_words(), blocks()
    for element in (*FORMATS, INT8):
        peer = getattr(formats, f"format_info_ocp_{element.name}")
        codes = np.arange(1 << element.bits, dtype=np.uint8)
        differs = unlike(element.decode(codes), decode_ndarray(peer, codes))
        yield Comparison("gfloat", f"{element.name}: every code", differs, none(differs))
        theirs = encoded(peer, words.astype(np.float64))
        rules = (SYMMETRIC,) if element is INT8 else ()
        below = (theirs == 0x80) & bool(rules)
        differs = element.encode(words) != theirs
        yield Comparison("gfloat", f"{element.name}: every word", differs, below, rules)

        scales = np.array([compute_scale_amax(peer.emax, x) for x in data.astype(np.float64)])
        theirs = encoded(peer, data / scales[:, None])
        values = decode_ndarray(peer, theirs) * scales[:, None]
        ours = quantize(data, element, (1, 32)).dequantize()  # FLOOR
        flushed = (data != 0) & (np.abs(data) < 2.0**-126) & (values != 0)
        below = (theirs == 0x80) & bool(rules)
        differs = (ours != values).reshape(data.shape)
        what = f"{element.name}: {data.size:,} elements of blocks of 32"
        yield Comparison("gfloat", what, differs, flushed | below, (FLUSHES, *rules))
    codes = np.arange(256, dtype=np.uint8)
    differs = unlike(E8M0.decode(codes), decode_ndarray(formats.format_info_ocp_e8m0, codes))
    yield Comparison("gfloat", "e8m0: every code", differs, none(differs))


LIBRARIES = {"ml_dtypes": with_ml_dtypes, "gfloat": with_gfloat}
HEAD = ("library", "what", "compared", "differ by rule", "unexplained", "rule")


def main() -> None:
    """Print the table as Markdown, and what is not installed."""
    lines = [f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]
    unexplained = 0
    for name, compare in LIBRARIES.items():
        if find_spec(name) is None:
            print(f"{name} is not installed: pip install '.[peers]'")
            continue
        print(f"{name} {version(name)}")
        for comparison in compare():
            lines.append(comparison.row())
            unexplained += comparison.unexplained
    print("\n".join(lines))
    if unexplained:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
