"""Parameters of designs: how they are read from text and what they add to a module name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from ...golden.baseline import WINDOW, Method
from ...golden.formats.block import BlockFormat, Rounding, vector_format
from ...golden.formats.block_catalogue import BLOCK_FORMATS, parse_format
from ...golden.formats.catalogue import MXSF
from ...golden.formats.scale import ScaleRule
from ...golden.formats.word import BF16, FP32, WORDS
from ...hdl.dot.dot import STAGES as DOT_STAGES
from ...hdl.layouts import Fabric
from ...hdl.quantize.encoder import POINTS as ENCODER_POINTS
from ...hdl.quantize.requantizer import POINTS as REQUANTIZER_POINTS
from ...hdl.quantize.storage import STORAGES

__all__ = [
    "ACCUMULATOR",
    "BASELINE",
    "DECODER",
    "DOT",
    "ENCODER",
    "MATMUL",
    "PACKING",
    "PRODUCT_SUM",
    "REQUANTIZER",
    "Parameter",
    "read_rule",
]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a design.

    Args:
        name: keyword of the component's constructor and long option of the command line.
        default: default value, ready to build with; None where it depends on the others, and the
            component finds it.
        read: turns text into a value, ValueError where it cannot.
        tag: value to its part of a module name.
        help: one line for people.
        of_format: whether the default is what the element's block format has under this name.
    """

    name: str
    default: Any
    read: Callable[[str], Any]
    tag: Callable[[Any], str]
    help: str
    of_format: bool = False

    def is_default(self, values: Mapping[str, Any]) -> bool:
        """Whether a design's values have the default here."""
        value = values[self.name]
        if self.of_format:
            return value == getattr(vector_format(values["element"]), self.name)
        return value == self.default


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"an integer is needed, not {text!r}") from None


def _choice(kind: str, table: Mapping[str, Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if text not in table:
            raise ValueError(f"unknown {kind} {text!r}: use {', '.join(table)}")
        return table[text]

    return read


read_rule = _choice("rule", {rule.value: rule for rule in ScaleRule})
"""Turns the name of a scale rule into the rule, ValueError where there is none."""


def _element(text: str) -> Any:
    found = parse_format(text)
    if isinstance(found, BlockFormat):
        raise ValueError(f"element must be an element format, not the block format {text!r}")
    return found


def _pair(text: str) -> Any:
    formats = [parse_format(name) for name in text.split(",")]
    if len(formats) > 2:
        raise ValueError(f"element must be a format or two with a comma between, not {text!r}")
    return formats[0] if len(formats) == 1 or formats[0] == formats[1] else tuple(formats)


def _element_tag(element: Any) -> str:
    formats = element if isinstance(element, tuple) else (element,)
    return "_".join(str(f).replace("+", "") for f in formats)


def _places(text: str) -> Any:
    return int(text) if text.isdecimal() else tuple(text.split(","))


def _places_tag(stages: Any) -> str:
    if isinstance(stages, int):
        return f"s{stages}"
    return "_".join(["s", *(name.replace("/", "") for name in stages)])


_ELEMENT = Parameter(
    "element",
    MXSF,
    _element,
    _element_tag,
    "element format: a name, eXmY, or eXmY+eXmY for a nested one; or a block format: "
    f"{', '.join(BLOCK_FORMATS)}; dot products also take two with a comma between",
)

_FORMAT = replace(_ELEMENT, read=parse_format)

_PAIR = replace(_ELEMENT, read=_pair)

_BLOCK = Parameter(
    "block",
    None,
    _integer,
    lambda n: f"b{n}",
    "elements that share a scale [default: the block format's, else 32]",
)

_LANES = Parameter("lanes", None, _integer, lambda n: f"l{n}", "elements a beat [default: block]")

_FABRIC = Parameter(
    "fabric",
    "asic",
    _choice("fabric", {name: name for name in get_args(Fabric)}),
    str,
    "structure for asic (standard cells), fpga (LUTs) or dsp (LUTs and hard multipliers)",
)

_STAGES = Parameter(
    "stages",
    2,
    _integer,
    lambda n: f"s{n}",
    "pipeline registers: a number, or the names of the points where they stand, with commas",
)

_BOOLEAN = _choice("choice", {"yes": True, "no": False})

_SOURCE = Parameter(
    "source",
    BF16,
    _choice("source", WORDS),
    lambda word: word.name,
    "source word: bf16 or fp32",
)

_RULE = Parameter(
    "rule",
    ScaleRule.FLOOR,
    read_rule,
    lambda rule: rule.value,
    "scale rule: floor, ceil, even or rceil",
)

_OVERFLOW = Parameter(
    "overflow",
    "saturate",
    _choice("overflow", {"saturate": "saturate", "ovf": "ovf"}),
    str,
    "saturate, or ovf: beyond the largest value comes Inf or NaN",
)

_ROUNDING = Parameter(
    "rounding",
    Rounding.NEAREST_EVEN,
    _choice("rounding", {rounding.value: rounding for rounding in Rounding}),
    lambda rounding: rounding.value,
    "nearest_even, half_away or stochastic [default: the block format's, else nearest_even]",
)


_STORAGE = Parameter(
    "storage",
    "registers",
    _choice("storage", {name: name for name in STORAGES}),
    str,
    "what holds tiles, and blocks of several beats: registers or memory",
)


def _of_format(parameter: Parameter) -> Parameter:
    """The parameter with the default of the element's block format."""
    return replace(parameter, default=None, of_format=True)


DECODER = (_FORMAT,)

ENCODER = (
    _FORMAT,
    _BLOCK,
    _LANES,
    _SOURCE,
    _of_format(_RULE),
    _of_format(_ROUNDING),
    _of_format(_OVERFLOW),
    replace(_STORAGE, default="memory"),
    replace(_STAGES, default=ENCODER_POINTS.default, read=_places, tag=_places_tag),
    _FABRIC,
)

REQUANTIZER = (
    _ELEMENT,
    Parameter("tile", 8, _integer, lambda n: f"t{n}", "rows and columns of a tile: 4, 8, 16, 32"),
    replace(_SOURCE, default=FP32),
    _RULE,
    _ROUNDING,
    _OVERFLOW,
    Parameter(
        "both",
        False,
        _BOOLEAN,
        lambda on: "both" if on else "single",
        "straight and transposed tile from one quantization, on two streams: yes or no",
    ),
    _STORAGE,
    replace(_STAGES, default=REQUANTIZER_POINTS.default, read=_places, tag=_places_tag),
    _FABRIC,
)

PRODUCT_SUM = (
    _PAIR,
    _BLOCK,
    _LANES,
    replace(_STAGES, default=(), read=_places, tag=_places_tag),
    _FABRIC,
)

ACCUMULATOR = (
    _PAIR,
    _BLOCK,
    _LANES,
    Parameter(
        "outputs",
        0,
        _integer,
        lambda n: f"o{n}",
        "long dot products that may be under way at once [default: 0, each block by itself]",
    ),
    Parameter(
        "accumulate", True, _BOOLEAN, lambda on: "acc" if on else "noacc", "add to acc: yes or no"
    ),
    Parameter(
        "result", FP32, _choice("result", WORDS), lambda w: w.name, "result word: fp32 or bf16"
    ),
    replace(_STAGES, default=1, read=_places, tag=_places_tag),
    _FABRIC,
)

DOT = (*ACCUMULATOR[:-2], replace(ACCUMULATOR[-2], default=DOT_STAGES), _FABRIC)

MATMUL = (
    _ELEMENT,
    REQUANTIZER[1],
    Parameter(
        "pes",
        8,
        _integer,
        lambda n: f"p{n}",
        "dot products in parallel, of a tile's width: a power of two, 1 to tile * tile",
    ),
    Parameter("depth", 64, _integer, lambda n: f"d{n}", "tiles that each tile memory holds"),
    _RULE,
    _ROUNDING,
    _OVERFLOW,
    replace(_STAGES, default=DOT_STAGES, read=_places, tag=_places_tag),
    _FABRIC,
    Parameter(
        "requantize",
        True,
        _BOOLEAN,
        lambda on: "requantize" if on else "rows",
        "matrix engine with a re-quantizer: yes or no (FP32 rows only)",
    ),
)

BASELINE = (
    replace(_BLOCK, default=32, help="products in a sum"),
    Parameter(
        "method",
        "tree",
        _choice("method", {name: name for name in get_args(Method)}),
        str,
        "how a baseline adds: tree (FP32 additions) or window (aligned to the largest exponent)",
    ),
    Parameter(
        "window",
        WINDOW,
        _integer,
        lambda n: f"w{n}",
        "bits below the largest exponent that a baseline keeps [default: 26]",
    ),
    replace(_STAGES, default=0, read=_places, tag=_places_tag),
    _FABRIC,
)

PACKING = (
    Parameter("bits", 6, _integer, lambda n: f"{n}bit", "width of a code that is packed: 3 to 16"),
    replace(_LANES, default=32),
    replace(_STAGES, default=1),
)
