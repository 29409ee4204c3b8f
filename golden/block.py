"""Block tensors: codes and one E8M0 scale per rectangle of the last two axes.

Source: docs/numerics.md sections 2, 3 and 5.
"""

import enum
import json
import os
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .catalogue import registered
from .files import packed, read_archive, unpacked, write_archive
from .formats import ElementFormat, Overflow
from .micro import weights
from .scale import NAN_BYTE, ScaleRule, decode_scale
from .slabs import Scratch, block_counts, fit, matrices, slabs, spread, whole_blocks

__all__ = ["BlockFormat", "BlockTensor", "Rounding", "vector_format"]


class Rounding(enum.Enum):
    """How an element is rounded to a code."""

    NEAREST_EVEN = "nearest_even"
    STOCHASTIC = "stochastic"
    HALF_AWAY = "half_away"
    """To nearest, ties away from zero."""


@dataclass(frozen=True)
class BlockFormat:
    """Everything that fixes a block of codes: element, shape, rules, microexponents.

    Args:
        element: the element format.
        block: rows and columns that share a scale, both at least 1; ``(1, 32)`` is OCP's vector
            block, ``(8, 8)`` a square tile.
        rule: the scale rule.
        rounding: nearest even, stochastic, or half away.
        overflow: ``"saturate"`` or ``"ovf"`` (what rounds beyond the largest value becomes Inf, or
            NaN in a format without Inf).
        micro: rows and columns that share a microexponent, a bit; None for none. They divide the
            block, and the element is a sign-magnitude integer.
        name: lower-case label, for example ``"mx9"``. Only a label, as that of an element format.

    Raises:
        TypeError: a field is of the wrong kind.
        ValueError: a block of less than one element, ``"ovf"`` in a format without NaN, or
            microexponents that do not fit.
    """

    element: ElementFormat
    block: tuple[int, int] = (1, 32)
    rule: ScaleRule = ScaleRule.FLOOR
    rounding: Rounding = Rounding.NEAREST_EVEN
    overflow: Overflow = "saturate"
    micro: tuple[int, int] | None = None
    name: str = field(default="", compare=False, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.element, ElementFormat):
            raise TypeError(f"element must be an ElementFormat, not {self.element!r}")
        if not isinstance(self.rule, ScaleRule):
            raise TypeError(f"rule must be a ScaleRule, not {self.rule!r}")
        if not isinstance(self.rounding, Rounding):
            raise TypeError(f"rounding must be a Rounding, not {self.rounding!r}")
        object.__setattr__(self, "block", _pair("block", self.block))
        if self.micro is not None:
            object.__setattr__(self, "micro", micro := _pair("micro", self.micro))
            if any(size % part for size, part in zip(self.block, micro, strict=True)):
                raise ValueError(f"micro {micro} must divide the block {self.block}")
            if self.element.exponent_bits or self.element.twos_complement:
                raise ValueError(f"micro needs a sign-magnitude integer, not {self.element}")
        self.element.limit_code(self.overflow)  # raises where the policy does not fit

    def __str__(self) -> str:
        """The name; without one that of the element, and what is no default but the block."""
        if self.name:
            return self.name
        micro = [] if self.micro is None else [f"micro{self.micro[0]}x{self.micro[1]}"]
        rules = (self.rule, ScaleRule.FLOOR), (self.rounding, Rounding.NEAREST_EVEN)
        other = [one.value for one, default in rules if one is not default]
        overflow = [self.overflow] if self.overflow != "saturate" else []
        return "_".join([str(self.element), *micro, *other, *overflow])

    @property
    def unit_exponent(self) -> int:
        """Exponent that all values of a block have, beside its scale: those of the elements.

        A microexponent of 1 halves them.
        """
        return self.element.unit_exponent - (self.micro is not None)

    @property
    def max_shift(self) -> int:
        """Largest shift of an unpacked element (see ``mxsf.golden.decoder``)."""
        return self.element.max_shift + (self.micro is not None)

    @property
    def transposed(self) -> "BlockFormat":
        """The same format with rows and columns of the block exchanged."""
        micro = None if self.micro is None else self.micro[::-1]
        return replace(self, block=self.block[::-1], micro=micro)

    def spec(self) -> dict[str, Any]:
        """The format as plain data, for JSON; ``BlockFormat.from_spec`` reads it back."""
        return {
            "element": self.element.spec(),
            "block": list(self.block),
            "rule": self.rule.value,
            "rounding": self.rounding.value,
            "overflow": self.overflow,
            **({} if self.micro is None else {"micro": list(self.micro)}),
        }

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> "BlockFormat":
        """Build a format from what ``spec`` returned."""
        return cls(
            registered(ElementFormat.from_spec(spec["element"])),
            tuple(spec["block"]),
            ScaleRule(spec["rule"]),
            Rounding(spec["rounding"]),
            spec["overflow"],
            tuple(spec["micro"]) if "micro" in spec else None,
        )


def vector_format(element: ElementFormat | BlockFormat) -> BlockFormat:
    """Return the block format of vectors that a format stands for: an element format has defaults.

    Raises:
        TypeError: it is no format.
        ValueError: its blocks have several rows.

    >>> from mxsf.golden import MX9, MXSF
    >>> vector_format(MXSF).block, vector_format(MX9) is MX9
    ((1, 32), True)
    """
    if isinstance(element, ElementFormat):
        return BlockFormat(element)
    if not isinstance(element, BlockFormat):
        raise TypeError(f"element must be an ElementFormat or a BlockFormat, not {element!r}")
    if element.block[0] != 1:
        raise ValueError(f"element must have blocks of one row, not {element.block}")
    return element


def _pair(name: str, value: Any) -> tuple[int, int]:
    """Rows and columns, checked."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(f"{name} must be a pair (rows, columns), not {value!r}")
    for size in value:
        if isinstance(size, bool) or not isinstance(size, int | np.integer):
            raise TypeError(f"{name} must hold integers, not {size!r}")
        if size < 1:
            raise ValueError(f"{name} must be at least 1 in both directions, not {value!r}")
    return int(value[0]), int(value[1])


@dataclass(frozen=True, eq=False)
class BlockTensor:
    """A quantized tensor.

    Attributes:
        codes: element codes, uint8 (uint16 above 8 bits), the shape of the tensor.
        scales: E8M0 bytes, uint8, shape ``(..., ceil(rows / block[0]), ceil(columns / block[1]))``;
            ``(ceil(n / block[1]),)`` for one axis.
        format: element, block and rules.
        micro: microexponents, uint8 0 or 1, of the shape of scales for blocks of ``format.micro``;
            None where the format has none.

    >>> from mxsf.golden import MXSF, quantize
    >>> q = quantize(np.float32([[1, 2], [3, 4]]), MXSF, (2, 2))
    >>> q.codes.tolist(), q.scales.tolist(), q.T.dequantize().tolist()
    ([[32, 64], [80, 96]], [[127]], [[1.0, 3.0], [2.0, 4.0]])
    """

    codes: NDArray[Any]
    scales: NDArray[np.uint8]
    format: BlockFormat
    micro: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        element, codes = self.format.element, self.element.check_codes(self.codes)
        if codes.dtype != element.code_dtype:
            raise TypeError(f"{element} codes must be {element.code_dtype.__name__}: {codes.dtype}")
        if codes.size == 0 or codes.ndim == 0:
            raise ValueError(f"codes must have axes and elements, their shape is {codes.shape}")
        if self.scales.dtype != np.uint8:
            raise TypeError(f"scales must be uint8, not {self.scales.dtype}")
        expected = block_counts(codes.shape, self.format.block)
        if self.scales.shape != expected:
            raise ValueError(
                f"codes {codes.shape} in blocks {self.format.block} need scales {expected}, "
                f"not {self.scales.shape}"
            )
        if (self.micro is None) != (self.format.micro is None):
            raise ValueError("microexponents belong to formats that have them, and to no others")
        if self.micro is not None and self.format.micro is not None:
            if self.micro.dtype != np.uint8 or (self.micro > 1).any():
                raise ValueError("microexponents must be uint8, 0 or 1")
            weights(self.micro, self.format.micro, codes.shape)  # raises where the shape is wrong

    def __eq__(self, other: object) -> bool:
        """Whether codes, scales, microexponents and format are the same, bit for bit."""
        if not isinstance(other, BlockTensor):
            return NotImplemented
        names = ("codes", "scales") if self.micro is None else ("codes", "scales", "micro")
        same = (np.array_equal(getattr(self, name), getattr(other, name)) for name in names)
        return self.format == other.format and all(same)

    __hash__ = None  # type: ignore[assignment] - arrays can change

    @property
    def element(self) -> ElementFormat:
        """The element format."""
        return self.format.element

    @property
    def block(self) -> tuple[int, int]:
        """Rows and columns of a block."""
        return self.format.block

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        return self.codes.shape

    @property
    def T(self) -> "BlockTensor":  # noqa: N802 - NumPy's name
        """The transpose: the last two axes of codes, scales and block exchanged, no rounding.

        Raises:
            ValueError: the tensor has one axis.
        """
        if self.codes.ndim < 2:
            raise ValueError("a tensor of one axis has no transpose")
        codes, scales, micro = (
            None if array is None else np.ascontiguousarray(array.swapaxes(-1, -2))
            for array in (self.codes, self.scales, self.micro)
        )
        assert codes is not None
        assert scales is not None
        return BlockTensor(codes, scales, self.format.transposed, micro)

    def dequantize(self) -> NDArray[np.float32]:
        """Values: float32, shape of the codes; what FP32 cannot hold is Inf, NaN is 0x7FC00000."""
        element = self.element
        result = np.empty(self.shape, np.float32)
        codes, scales, out = (matrices(a) for a in (self.codes, self.scales, result))
        wide = element.largest >= 2.0**128 or element.least < 2.0**-126  # beyond FP32
        dtype = np.float64 if wide else np.float32
        values, factors = element.table.astype(dtype), decode_scale(np.arange(256)).astype(dtype)
        block, scratch = fit(self.block, codes.shape), Scratch()
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            for place, scale_place in slabs(codes.shape, block):
                byte = scales[scale_place]
                index = whole_blocks(codes[place], block, np.intp, scratch)
                found = scratch("values", index.shape, dtype)
                # Every index is in range; of NumPy's modes "wrap" is the fast one.
                np.take(values, index, mode="wrap", out=found)
                found *= spread(factors[byte], block[1])
                if element.has_nan or (byte == NAN_BYTE).any():
                    found[np.isnan(found)] = np.nan
                n, h, w = out[place].shape
                out[place] = found.reshape(n, -1, found.shape[-1])[:, :h, :w]
        if self.micro is not None and self.format.micro is not None:
            result *= weights(self.micro, self.format.micro, self.shape)  # exact
        return result

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write codes and microexponents as bit planes, scales and format to an ``.npz`` file.

        It is written whole or not at all. ``mxsf.golden.files`` says what is in it.
        """
        micro = {} if self.micro is None else packed("micro", self.micro, 1)
        members = {
            "format": json.dumps(self.format.spec()),
            **packed("codes", self.codes, self.element.bits),
            "scales": self.scales,
            **micro,
        }
        write_archive(path, members)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "BlockTensor":
        """Read what ``save`` wrote.

        Raises:
            ValueError: the file holds no block tensor.
            OSError: it cannot be read.
        """
        with read_archive(path, "block tensor") as members:
            spec = BlockFormat.from_spec(json.loads(str(members["format"])))
            codes = unpacked("codes", members, spec.element.bits)
            micro = None if spec.micro is None else unpacked("micro", members, 1)
            return cls(codes, members["scales"], spec, micro)
