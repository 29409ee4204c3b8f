"""Special codes: which lanes hold NaN or Inf, what that makes the sum, and the sum plus acc.

Golden answer: the flags of ``mxsf.golden.dot.product_sum.product_sum``. Source: docs/numerics.md
section 4. Only what the formats have is built.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned

from ...golden.dot.product_sum import Pair
from ..arith.adder import wire

__all__ = ["add_specials", "gather_specials", "resolve_specials", "special_fields"]


def special_fields(pair: Pair) -> dict[str, Any]:
    """Fields of what the special codes of all lanes come to, before Inf - Inf is looked for."""
    fields = {"any_nan": unsigned(1)} if any(f.has_nan for f in pair) else {}
    if any(f.has_inf for f in pair):
        fields |= {"any_plus": unsigned(1), "any_minus": unsigned(1)}
    return fields


def gather_specials(m: Module, pair: Pair, lanes: list[tuple[Any, Any]], target: Any) -> None:
    """Drive ``special_fields`` of a payload.

    Args:
        m: the module that gets the logic.
        pair: the formats.
        lanes: operands (``mxsf.hdl.dot.operand``) of a and b for each lane.
        target: payload with the fields.
    """
    if not special_fields(pair):
        return
    nans, pluses, minuses = [], [], []
    for lane in lanes:
        sides = tuple(zip(lane, pair, strict=True))
        infinite = [x.inf for x, f in sides if f.has_inf]
        nans += [x.nan for x, f in sides if f.has_nan]
        for (x, f), (y, _) in (sides, sides[::-1]):
            nans += [x.inf & y.zero] if f.has_inf else []
        if infinite:
            signs = [x.significand[-1] if f.twos_complement else x.sign for x, f in sides]
            minus = signs[0] ^ signs[1]
            pluses.append(Cat(infinite).any() & ~minus)
            minuses.append(Cat(infinite).any() & minus)
    m.d.comb += target.any_nan.eq(Cat(nans).any())
    if pluses:
        m.d.comb += [
            target.any_plus.eq(Cat(pluses).any()),
            target.any_minus.eq(Cat(minuses).any()),
        ]


def resolve_specials(m: Module, pair: Pair, source: Any, target: Any) -> None:
    """Drive ``nan``, ``inf`` and ``inf_sign`` of a payload from the fields of another."""
    if not special_fields(pair):
        return
    nan: Value = source.any_nan
    if any(f.has_inf for f in pair):
        nan = wire(m, nan | (source.any_plus & source.any_minus), "nan")
        m.d.comb += [
            target.inf.eq((source.any_plus | source.any_minus) & ~nan),
            target.inf_sign.eq(source.any_minus & ~nan),
        ]
    m.d.comb += target.nan.eq(nan)


def add_specials(m: Module, sums: Any, acc: Any, target: Any) -> None:
    """Drive ``nan``, ``inf`` and ``inf_sign`` of sum plus acc, as far as they are known before.

    Args:
        m: the module that gets the logic.
        sums: payload with ``scale_nan`` and, where the formats have them, ``nan``, ``inf``,
            ``inf_sign`` of the sum.
        acc: FP32 word (``word_layout``), None without one.
        target: payload with the three.
    """
    known = [name for name, _ in sums.shape()]
    nan: Value = sums.scale_nan
    inf: Value = Const(0, 1)
    sign: Value = Const(0, 1)
    if "nan" in known:
        nan |= sums.nan
    if "inf" in known:
        inf, sign = sums.inf, sums.inf_sign
    if acc is not None:
        wild = Signal(name="acc_wild")
        infinite = Signal(name="acc_infinite")
        m.d.comb += [
            wild.eq(acc.biased_exponent.all()),
            infinite.eq(wild & ~acc.mantissa.any()),
        ]
        nan |= wild & acc.mantissa.any()
        if "inf" in known:
            nan |= infinite & inf & (acc.sign ^ sign)
            sign = Mux(infinite, acc.sign, sign)
        else:
            sign = acc.sign
        inf = inf | infinite
    m.d.comb += [target.nan.eq(nan), target.inf.eq(inf), target.inf_sign.eq(sign)]
