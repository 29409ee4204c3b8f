"""Sizes of tensors and windows: in words, and the one that all directions have."""

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["one_size", "size_text"]


def size_text(sizes: Iterable[Any]) -> str:
    """Sizes as people write them; what is not known is a question mark."""
    return " x ".join(str(int(each)) if each else "?" for each in sizes)


def one_size(what: str, sizes: Sequence[Any]) -> int:
    """The one size of all axes.

    Args:
        what: what it is the size of, for the error.
        sizes: numbers, at least one.

    Raises:
        ValueError: they differ.
    """
    if len({int(each) for each in sizes}) != 1:
        raise ValueError(f"{what} must be the same in all directions, not {size_text(sizes)}")
    return int(sizes[0])
