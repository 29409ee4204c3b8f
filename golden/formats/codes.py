"""Codes: the small integers that elements and scales are written as."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["check_codes", "code_dtype"]


def code_dtype(bits: int) -> type[np.uint8] | type[np.uint16]:
    """``uint8``, or ``uint16`` above 8 bits."""
    return np.uint8 if bits <= 8 else np.uint16


def check_codes(name: str, codes: ArrayLike, last: int) -> NDArray[Any]:
    """Return codes as an integer array.

    Args:
        name: what errors call them.
        codes: any shape.
        last: the largest code there is; the least is 0.

    Raises:
        TypeError: codes are not integers.
        ValueError: one is out of range; the message names the first.

    >>> check_codes("e2m1 codes", [3, 16], 15)
    Traceback (most recent call last):
        ...
    ValueError: e2m1 codes are 0 to 15, not 16
    """
    array = np.asarray(codes)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, not {array.dtype}")
    if array.size and not 0 <= int(array.min()) <= int(array.max()) <= last:
        wrong = array[(array < 0) | (array > last)].flat[0]
        raise ValueError(f"{name} are 0 to {last}, not {wrong}")
    return array
