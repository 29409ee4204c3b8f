"""Expressions of the Verilog that Yosys writes: an operator each, over names, slices and constants.

What Verilog makes of an expression depends on where it stands: operands are extended to the widest
of their operator and of what it is assigned to. Source: IEEE 1364-2005, sections 5.4 and 5.5.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Expression", "Place", "read_expression", "read_width"]

_TOKEN = re.compile(
    r"\s*(\d+'s?[bdh][0-9a-fxz?]+|\d+(?=\{)|\$signed|[A-Za-z_]\w*(?:\[\d+(?::\d+)?\])?"
    r"|<<<|>>>|[=!]==|[<>=!]=|&&|\|\||<<|>>|~\^|[-+*&|^~!?:<>{},()])"
)
_COMPARE = {"==", "!=", "===", "!==", "<", "<=", ">", ">=", "&&", "||"}
_REDUCE = {"&", "|", "^", "~^", "!"}
_SHIFTS = {"<<", ">>", "<<<", ">>>"}
_OPERATORS = {*"+-*&|^", "~^", *_COMPARE, *_SHIFTS}


class Place(NamedTuple):
    """Where a name stands by itself in an expression.

    Attributes:
        start, end: its characters.
        width: bits to which it is extended there; 0 where that is its own width.
    """

    start: int
    end: int
    width: int


@dataclass(frozen=True)
class Expression:
    """What an expression is.

    Attributes:
        width: its own bits.
        signed: whether it is signed.
        closed: whether its value depends on nothing around it: a bit of a comparison or reduction.
        operator: its operator; ``?`` where it chooses, ``reduce`` or ``unary`` where it has one
            operand, empty where it has no operator.
        places: of the names in it, from left to right.
    """

    width: int
    signed: bool
    closed: bool
    operator: str
    places: dict[str, list[Place]]

    def fits(self, width: int) -> bool:
        """Whether it may stand for a wire of its width at a place with so many bits, see ``Place``.

        There its operands are extended as they were in the assignment to the wire.
        """
        return self.closed or (not self.signed and width in (0, self.width))


class _Operand(NamedTuple):
    width: int
    signed: bool
    name: str
    start: int
    end: int


def read_width(text: str, widths: Mapping[str, int]) -> int:
    """Bits of what an assignment has on its left; ValueError where they are not known."""
    reader = _Reader(text, widths)
    operand = reader.operand()
    reader.end()
    return operand.width


def read_expression(text: str, widths: Mapping[str, int], width: int = 0) -> Expression:
    """Read an expression with one operator, or none.

    Args:
        text: the expression.
        widths: bits of each name.
        width: bits of what it is assigned to; 0 where it stands by itself, as in a condition.

    Raises:
        ValueError: it is another kind of expression.
    """
    return _Reader(text, widths).expression(width)


class _Reader:
    def __init__(self, text: str, widths: Mapping[str, int]):
        self._widths = widths
        self._tokens: list[tuple[str, int, int]] = []
        self._places: dict[str, list[Place]] = {}
        self._next = at = 0
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is None:
                raise ValueError(f"no token: {text[at:]}")
            at = token.end()
            self._tokens.append((token[1], token.start(1), at))

    def expression(self, width: int) -> Expression:
        """See ``read_expression``."""
        if self._peek() in (*_REDUCE, "~", "-", "+"):
            operator, operands = self._take(), [self.operand()]
            operator = "unary" if operator in "~-+" else "reduce"
        else:
            operands, operator = [self.operand()], self._peek()
            if operator:
                self._take()
                operands.append(self.operand())
            if operator == "?":
                self._take(":")
                operands.append(self.operand())
            elif operator and operator not in _OPERATORS:
                raise ValueError(f"no operator: {operator}")
        self.end()
        own, signed, closed = self._shape(operator, operands, width)
        return Expression(own, signed, closed, operator, self._places)

    def _shape(self, operator: str, operands: list[_Operand], width: int) -> tuple[int, bool, bool]:
        """Own width, signedness and closedness; note the width at the place of each operand."""
        first, *rest = operands
        if operator == "reduce" or operator in ("&&", "||"):
            self._note(operands, 0)
            return 1, False, True
        if operator in _COMPARE:
            self._note(operands, max(operand.width for operand in operands))
            return 1, False, True
        alone = [first] if operator == "?" else rest if operator in _SHIFTS else []
        shared = [operand for operand in operands if operand not in alone]
        own = max(operand.width for operand in shared)
        self._note(alone, 0)
        self._note(shared, max(own, width))
        return own, all(operand.signed for operand in shared), False

    def _note(self, operands: list[_Operand], width: int) -> None:
        for operand in operands:
            if operand.name:
                place = Place(operand.start, operand.end, width)
                self._places.setdefault(operand.name, []).append(place)

    def operand(self) -> _Operand:
        """A name, a slice, a constant, a concatenation, or one of these as signed."""
        token = self._take()
        _, start, end = self._tokens[self._next - 1]
        if token == "$signed":
            self._take("(")
            inner = self.operand()
            self._note([inner], 0)
            self._take(")")
            return _Operand(inner.width, True, "", start, self._tokens[self._next - 1][2])
        if token == "{":
            if self._peek().isdecimal():
                times = int(self._take())
                total = times * self.operand().width
                self._take("}")
                return _Operand(total, False, "", start, self._tokens[self._next - 1][2])
            total = 0
            while token != "}":
                part = self.operand()
                self._note([part], 0)
                total += part.width
                token = self._take()
                if token not in ("}", ","):
                    raise ValueError(f"in a concatenation: {token}")
            return _Operand(total, False, "", start, self._tokens[self._next - 1][2])
        bits, quote, base = token.partition("'")
        if quote:
            return _Operand(int(bits), base.startswith("s"), "", start, end)
        name, bracket, select = token.removesuffix("]").partition("[")
        if name not in self._widths:
            raise ValueError(f"no name: {token}")
        if not bracket:
            return _Operand(self._widths[name], False, name, start, end)
        high, _, low = select.partition(":")
        return _Operand(int(high) - int(low or high) + 1, False, "", start, end)

    def end(self) -> None:
        """Raise ValueError where there is more."""
        if self._peek():
            raise ValueError(f"more: {self._peek()}")

    def _peek(self) -> str:
        return self._tokens[self._next][0] if self._next < len(self._tokens) else ""

    def _take(self, wanted: str = "") -> str:
        token = self._peek()
        if not token or (wanted and token != wanted):
            raise ValueError(f"{wanted or 'more'} is needed, not {token!r}")
        self._next += 1
        return token
