"""The design's own names for the nets of a mapped netlist.

Technology mapping rebuilds the logic and forgets what its nets were called. Here the flattened
netlist before mapping and the one after it are computed on the same few thousand random values of
registers and inputs; a mapped net that equals a named signal of the design on all of them gets
that name. Only what people read depends on it.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["Bit", "Module", "matched", "names", "nets", "reference_script"]

_VECTORS = 4096
_RARE = 12  # values that differ from the rest; with fewer, equality is chance
_ALL = (1 << _VECTORS) - 1
_NAMELESS = re.compile(r"(^|\.)signal(_\d+)?(\[\d+\])?$")  # what flow.netlist calls those without

Bit = int | str
Module = dict[str, Any]
"""A module of Yosys' JSON: ``ports``, ``cells``, ``netnames``."""


def reference_script(top: str) -> str:
    """Yosys commands that write the netlist before mapping, as gates: reference.json."""
    return f"""read_rtlil design.il
hierarchy -top {top}
proc -norom
flatten
opt_clean
techmap
opt_clean
write_json reference.json"""


def names(module: Module) -> dict[Bit, list[str]]:
    """Names that people gave to each bit: the most specific first.

    Of the names of a bit that is the signal of fewest bits (one code rather than the whole
    payload), then the one highest in the hierarchy.
    """
    keyed: dict[Bit, list[tuple[bool, int, int, int, str]]] = {}
    for name, bit, width in _bits(module, hidden=False):
        nameless = _NAMELESS.search(name) is not None
        key = (nameless, width, name.count("."), len(name), name)
        keyed.setdefault(bit, []).append(key)
    return {bit: [key[-1] for key in sorted(keys)] for bit, keys in keyed.items()}


def nets(module: Module) -> dict[str, Bit]:
    """Bit of each net by its name as nextpnr writes it, hidden ones too."""
    return {name: bit for name, bit, _ in _bits(module, hidden=True)}


def matched(reference: Module, mapped: Module) -> dict[Bit, str]:
    """Name the bits of a mapped netlist.

    Args:
        reference: the design before mapping, as gates.
        mapped: the design after mapping, flat.

    Returns:
        The best name of each bit that has one; ``~name`` for the inverse of a signal.
    """
    stimulus = random.Random(0)
    known = names(reference)
    before = _evaluate(reference, lambda _: stimulus.getrandbits(_VECTORS))
    by_name: dict[str, int] = {}
    by_value: dict[int, str] = {}
    for bit, own in sorted(known.items(), key=lambda item: _rank(item[1][0])):
        if bit in before:
            by_name.update(dict.fromkeys(own, before[bit]))
            if _RARE <= before[bit].bit_count() <= _VECTORS - _RARE:
                by_value.setdefault(before[bit], own[0])
    kept = names(mapped)

    def source(bit: Bit) -> int:
        for name in kept.get(bit, ()):
            if name in by_name:
                return by_name[name]
        return stimulus.getrandbits(_VECTORS)

    after = _evaluate(mapped, source)
    matches = {}
    for bit, value in after.items():
        if bit in kept:
            matches[bit] = kept[bit][0]
        elif value in by_value:
            matches[bit] = by_value[value]
        elif value ^ _ALL in by_value:
            matches[bit] = f"~{by_value[value ^ _ALL]}"
    return matches


def _rank(name: str) -> tuple[bool, int, int, str]:
    return _NAMELESS.search(name) is not None, name.count("."), len(name), name


def _bits(module: Module, hidden: bool) -> Iterator[tuple[str, Bit, int]]:
    """Yield (name with index, bit, width of the signal)."""
    for name, net in module["netnames"].items():
        if net["hide_name"] and not hidden:
            continue
        bits, offset = net["bits"], net.get("offset", 0)
        for index, bit in enumerate(bits):
            if not isinstance(bit, str):  # "0", "1", "x": constants
                yield f"{name}[{index + offset}]" if len(bits) > 1 else name, bit, len(bits)


def _evaluate(module: Module, source: Callable[[Bit], int]) -> dict[Bit, int]:
    """Values of all bits; ``source`` gives those that no known gate drives."""
    drivers: dict[Bit, tuple[str, str]] = {}
    for name, cell in module["cells"].items():
        for port in _OUTPUTS.get(cell["type"], ()):
            for bit in cell["connections"].get(port, ()):
                drivers[bit] = (name, port)
    values: dict[Bit, int] = {"0": 0, "1": _ALL, "x": 0, "z": 0}
    wanted = sorted({bit for _, bit, _ in _bits(module, hidden=True)}, key=int)
    for bit in wanted:
        stack = [bit]
        while stack:
            now = stack[-1]
            if now in values:
                stack.pop()
            elif now not in drivers:
                values[now] = source(now)
            else:
                name, port = drivers[now]
                cell = module["cells"][name]
                pins = {
                    pin: bits[0]
                    for pin, bits in cell["connections"].items()
                    if bits and pin not in _OUTPUTS[cell["type"]]
                }
                missing = [b for b in pins.values() if b not in values]
                if missing:
                    stack += missing
                    if len(stack) > 10 * len(drivers) + 10:  # a loop, which is no design of ours
                        values[now] = source(now)
                else:
                    inputs = {pin: values[b] for pin, b in pins.items()}
                    values[now] = _output(cell, port, inputs)
    return {bit: value for bit, value in values.items() if not isinstance(bit, str)}


def _output(cell: Mapping[str, Any], port: str, pins: dict[str, int]) -> int:
    kind, parameters = cell["type"], cell.get("parameters", {})
    if kind in _GATES:
        return _GATES[kind](*(pins.get(pin, 0) for pin in "ABSCD" if pin in pins)) & _ALL
    if kind == "LUT4":
        return _lut(parameters["INIT"], [pins.get(pin, 0) for pin in "ABCD"])
    if kind == "SB_LUT4":
        return _lut(parameters["LUT_INIT"], [pins.get(f"I{i}", 0) for i in range(4)])
    if kind == "SB_CARRY":
        a, b, carry = (pins.get(pin, 0) for pin in ("I0", "I1", "CI"))
        return a & b | carry & (a | b)
    if kind == "PFUMX":
        return _mux(pins["BLUT"], pins["ALUT"], pins["C0"])
    if kind == "L6MUX21":
        return _mux(pins["D0"], pins["D1"], pins["SD"])
    return _carry_pair(parameters, port, pins)


def _carry_pair(parameters: Mapping[str, str], port: str, pins: dict[str, int]) -> int:
    """Return an output of ECP5's CCU2C: two LUTs, each with a carry multiplexer."""
    carry = pins.get("CIN", 0)
    for half in "01":
        inputs = [pins.get(f"{pin}{half}", 0) for pin in "ABCD"]
        full = _lut(parameters[f"INIT{half}"], inputs)
        free = parameters.get(f"INJECT1_{half}", "YES") == "YES"
        if port == f"S{half}":
            return full if free else full ^ carry
        low = 0 if free else _lut(parameters[f"INIT{half}"][-4:], inputs[:2])
        carry = _mux(low, carry, full)
    return carry


def _lut(table: str, inputs: list[int]) -> int:
    """Value of a look-up table whose text has the entry of all ones first."""
    if "1" not in table:
        return 0
    if "0" not in table:
        return _ALL
    half = len(table) // 2
    high, low = _lut(table[:half], inputs[:-1]), _lut(table[half:], inputs[:-1])
    return _mux(low, high, inputs[-1])


def _mux(a: int, b: int, select: int) -> int:
    return a & ~select | b & select


_GATES: dict[str, Callable[..., int]] = {
    "$_BUF_": lambda a: a,
    "$_NOT_": lambda a: ~a,
    "$_AND_": lambda a, b: a & b,
    "$_OR_": lambda a, b: a | b,
    "$_XOR_": lambda a, b: a ^ b,
    "$_NAND_": lambda a, b: ~(a & b),
    "$_NOR_": lambda a, b: ~(a | b),
    "$_XNOR_": lambda a, b: ~(a ^ b),
    "$_ANDNOT_": lambda a, b: a & ~b,
    "$_ORNOT_": lambda a, b: a | ~b,
    "$_MUX_": _mux,
}
_OUTPUTS = {
    **{gate: ("Y",) for gate in _GATES},
    "LUT4": ("Z",),
    "PFUMX": ("Z",),
    "L6MUX21": ("Z",),
    "CCU2C": ("S0", "S1", "COUT"),
    "SB_LUT4": ("O",),
    "SB_CARRY": ("CO",),
}
