"""The named element formats, and names for all others.

Source: docs/numerics.md section 1.
"""

import re

from .element import ElementFormat

__all__ = [
    "E2M1",
    "E2M3",
    "E2M5",
    "E3M2",
    "E4M3",
    "E5M2",
    "FORMATS",
    "INT8",
    "MXSF",
    "parse",
    "registered",
]

MXSF = ElementFormat("mxsf", 2, 5, subnormal=ElementFormat("e3m2", 3, 2))
E2M5 = ElementFormat("e2m5", 2, 5)
E4M3 = ElementFormat("e4m3", 4, 3, special="nan")
E5M2 = ElementFormat("e5m2", 5, 2, special="ieee")
E3M2 = ElementFormat("e3m2", 3, 2)
E2M3 = ElementFormat("e2m3", 2, 3)
E2M1 = ElementFormat("e2m1", 2, 1)
INT8 = ElementFormat("int8", 0, 7, bias=6, twos_complement=True)

FORMATS: dict[str, ElementFormat] = {
    f.name: f for f in (MXSF, E2M5, E4M3, E5M2, E3M2, E2M3, E2M1, INT8)
}


def registered(element: ElementFormat) -> ElementFormat:
    """Return the registered format that means the same numbers, or the element itself."""
    return next((f for f in FORMATS.values() if f == element), element)


def parse(name: str) -> ElementFormat:
    """Return the format of that name: a registered one, any ``eXmY``, or a nest ``eXmY+eXmY``.

    Raises:
        TypeError: the name is no string.
        ValueError: no such format.

    >>> parse("mxsf") is MXSF and parse("e2m5+e3m2") is MXSF
    True
    >>> parse("e3m4").largest
    31.0
    """
    if not isinstance(name, str):
        raise TypeError(f"a format name must be a string, not {name!r}")
    text = name.strip().lower()
    if text in FORMATS:
        return FORMATS[text]
    parts = text.split("+")
    fields = [re.fullmatch(r"e(\d{1,2})m(\d{1,2})", part) for part in parts]
    if not all(fields):
        known = ", ".join(FORMATS)
        raise ValueError(f"unknown format {name!r}: use {known}, eXmY or eXmY+eXmY")
    element = None
    for part, match in zip(reversed(parts), reversed(fields), strict=True):
        assert match is not None
        label = part if element is None else f"{part}+{element.name}"
        element = ElementFormat(label, int(match[1]), int(match[2]), subnormal=element)
    assert element is not None
    return registered(element)
