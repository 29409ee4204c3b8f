"""A parameter of a design, and those that designs share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from ...golden.formats.block import Rounding, vector_format
from ...golden.formats.catalogue import MXSF
from ...golden.formats.scale_rule import ScaleRule
from ...golden.formats.word import BF16, FP32, WORDS
from ...hdl.checks import BLOCK_BOUND, LANES_BOUND, OUTPUTS_BOUND
from ...hdl.layouts import Fabric
from ...hdl.quantize.storage import STORAGES
from ...hdl.stream.points import Points
from .kind import Choice, Element, Integer, Kind, OneOf, Registers, YesNo

__all__ = [
    "ACCUMULATE",
    "BLOCK",
    "ELEMENT",
    "FABRIC",
    "LANES",
    "OUTPUTS",
    "OVERFLOW",
    "RESULT",
    "ROUNDING",
    "RULE",
    "SOURCE",
    "STORAGE",
    "Parameter",
    "of_format",
    "registers",
    "roundings",
    "tile",
    "with_blocks",
]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a design.

    Args:
        name: keyword of the component's constructor, attribute of the component that has its
            value, and long option of the command line.
        kind: how values are read and written.
        default: default value, ready to build with; None where it depends on the others, and the
            component finds it.
        help: what it is, one line for people, without its values and its default.
        default_help: the default in words, where it depends on others.
        in_every_name: whether a module name says it even where it has its default.
        counts_elements: whether it counts the elements of a block or a beat: plots, which show
            figures an element, tell designs apart by the others.
        follows: name of the parameter whose value it has by default. None stands for that value.
        of_format: whether the default is what the block format of ``element`` has under this name.
    """

    name: str
    kind: Kind
    default: Any
    help: str
    default_help: str = ""
    in_every_name: bool = False
    counts_elements: bool = False
    follows: str = ""
    of_format: bool = False

    def read(self, value: Any) -> Any:
        """Turn text into a value; what is no text is one already."""
        return self.kind.read(self.name, value) if isinstance(value, str) else value

    def settled(self, values: Mapping[str, Any]) -> Any:
        """Its value among those of a design, None where it follows another one's."""
        value = values[self.name]
        return None if self.follows and value == values[self.follows] else value

    def is_default(self, values: Mapping[str, Any]) -> bool:
        """Whether a design's values have the default here."""
        value = values[self.name]
        if self.of_format:
            return value == getattr(vector_format(values["element"]), self.name)
        return value == self.default

    def tag(self, value: Any) -> str:
        """Part of a module name."""
        return self.kind.tag(value)

    @property
    def meaning(self) -> str:
        """What it is, and which values there are."""
        return f"{self.help}: {self.kind.values}" if self.kind.values else self.help

    @property
    def description(self) -> str:
        """What it is, which values there are, and the default.

        >>> BLOCK.description
        "elements that share a scale: 1 to 1024 [default: the block format's, else 32]"
        """
        default = self.default_help or (self.default is not None and self.kind.show(self.default))
        return f"{self.meaning} [default: {default or 'none'}]"


ELEMENT = Parameter("element", Element(), MXSF, "element format", in_every_name=True)

BLOCK = Parameter(
    "block",
    Integer(BLOCK_BOUND, "b"),
    None,
    "elements that share a scale",
    "the block format's, else 32",
    in_every_name=True,
    counts_elements=True,
)

LANES = Parameter(
    "lanes",
    Integer(LANES_BOUND, "l"),
    None,
    "elements a beat, a divisor of the block",
    "block",
    counts_elements=True,
    follows="block",
)

SOURCE = Parameter("source", Choice(WORDS), BF16, "source word")

RULE = Parameter(
    "rule", Choice({rule.value: rule for rule in ScaleRule}), ScaleRule.FLOOR, "scale rule"
)

ROUNDING = Parameter(
    "rounding",
    Choice({rounding.value: rounding for rounding in Rounding}),
    Rounding.NEAREST_EVEN,
    "rounding to codes",
)

OVERFLOW = Parameter(
    "overflow",
    Choice({"saturate": "saturate", "ovf": "ovf"}),
    "saturate",
    "beyond the largest value comes that value, or Inf or NaN",
)

STORAGE = Parameter(
    "storage",
    Choice({name: name for name in STORAGES}),
    "registers",
    "what holds tiles, and blocks of several beats",
)

FABRIC = Parameter(
    "fabric",
    Choice({name: name for name in get_args(Fabric)}),
    "asic",
    "structure for standard cells, LUTs, or LUTs and hard multipliers",
)


OUTPUTS = Parameter(
    "outputs",
    Integer(OUTPUTS_BOUND, "o"),
    0,
    "long dot products that may be under way at once; 0: each block is one by itself",
)

ACCUMULATE = Parameter("accumulate", YesNo("acc", "noacc"), True, "add to acc")

RESULT = Parameter("result", Choice(WORDS), FP32, "result word")


def tile(sizes: Sequence[int]) -> Parameter:
    """Rows and columns of a tile, of some sizes."""
    return Parameter("tile", OneOf(sizes, "t"), 8, "rows and columns of a tile", in_every_name=True)


def roundings(known: Sequence[Rounding]) -> Parameter:
    """The rounding of a design that has some of them."""
    return replace(ROUNDING, kind=Choice({rounding.value: rounding for rounding in known}))


def registers(points: Points) -> Parameter:
    """Where pipeline registers stand, of a design with these points."""
    return Parameter("stages", Registers(points), points.default, "pipeline registers")


def with_blocks(pairs: bool = False) -> Parameter:
    """The element of designs that take block formats too, and perhaps a pair."""
    return replace(ELEMENT, kind=Element(blocks=True, pairs=pairs))


def of_format(parameter: Parameter) -> Parameter:
    """The parameter with the default of the element's block format."""
    shown = parameter.kind.show(parameter.default)
    return replace(
        parameter,
        default=None,
        default_help=f"the block format's, else {shown}",
        of_format=True,
    )
