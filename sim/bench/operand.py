"""Bench of the operand of a product: every code."""

from typing import Any

import numpy as np

from ...golden.dot.decoder import unpack
from ...hdl.dot.operand import Operand

__all__ = ["operand_case"]

Table = dict[str, list[int]]


def operand_case(operand: Operand) -> tuple[Table, Table]:
    """All codes, and each output port's golden value of each code."""
    element = operand.element
    codes = np.arange(1 << element.bits)
    golden = unpack(codes, element)
    wild = golden.nan | golden.inf if element.has_inf else np.zeros(codes.shape, bool)
    significand = np.where(wild, 0, golden.significand)
    if element.twos_complement:
        significand = np.where(golden.sign, -golden.significand, golden.significand)
    elif operand.shifted:
        significand = significand << golden.shift
    values: dict[str, Any] = {
        "significand": significand,
        "sign": golden.sign,
        "place": golden.shift + 1,
        "nan": golden.nan,
        "inf": golden.inf,
        "zero": golden.significand == 0,
    }
    outputs = {name: values[name].astype(int).tolist() for name in map(str, dict(operand.layout))}
    return {"code": codes.tolist()}, outputs
