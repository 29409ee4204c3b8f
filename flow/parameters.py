"""Parameters of designs: how they are read from text and what they add to a module name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..golden.catalogue import MXSF, parse
from ..golden.scale import ScaleRule
from ..golden.words import BF16, WORDS
from ..hdl.encoder import POINTS

__all__ = ["DECODER", "ENCODER", "Parameter", "read_rule"]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a design.

    Args:
        name: keyword of the component's constructor and long option of the command line.
        default: default value, ready to build with.
        read: turns text into a value, ValueError where it cannot.
        tag: value to its part of a module name.
        help: one line for people.
    """

    name: str
    default: Any
    read: Callable[[str], Any]
    tag: Callable[[Any], str]
    help: str


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

_ELEMENT = Parameter(
    "element",
    MXSF,
    parse,
    lambda element: element.name.replace("+", "_"),
    "element format: a name, eXmY, or eXmY+eXmY for a nested one",
)

_BLOCK = Parameter("block", 32, _integer, lambda n: f"b{n}", "elements that share a scale")

_LANES = Parameter("lanes", None, _integer, lambda n: f"l{n}", "elements a beat [default: block]")

_FABRIC = Parameter(
    "fabric",
    "asic",
    _choice("fabric", {"asic": "asic", "fpga": "fpga"}),
    str,
    "structure for asic (standard cells) or fpga (LUTs)",
)

DECODER = (_ELEMENT,)

ENCODER = (
    _ELEMENT,
    _BLOCK,
    _LANES,
    Parameter(
        "source",
        BF16,
        _choice("source", WORDS),
        lambda word: word.name,
        "source word: bf16 or fp32",
    ),
    Parameter(
        "rule",
        ScaleRule.FLOOR,
        read_rule,
        lambda rule: rule.value,
        "scale rule: floor, ceil, even or rceil",
    ),
    Parameter(
        "overflow",
        "saturate",
        _choice("overflow", {"saturate": "saturate", "ovf": "ovf"}),
        str,
        "saturate, or ovf: beyond the largest value comes Inf or NaN",
    ),
    Parameter("stages", 2, _integer, lambda n: f"s{n}", f"pipeline registers, 1 to {len(POINTS)}"),
    _FABRIC,
)
