"""What is wrong with a descriptor, or with the bus.

Source: docs/accelerator.md. The checks of a descriptor touch nothing.
"""

import enum
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..formats.block import Rounding
from .access import Access, accesses
from .configuration import Configuration
from .descriptor import Descriptor, Load, Multiply
from .fields import reserved

__all__ = ["Fault", "Window", "descriptor_fault", "reserved_set"]


class Fault(enum.IntEnum):
    """Why a program stopped; of several things wrong with a descriptor the first counts."""

    NONE = 0
    OPCODE = 1
    """No such opcode or start of sums."""
    RESERVED = 2
    """A reserved bit is set."""
    SIZE = 3
    """A size or a run is zero, or a LOAD has more tiles than the memory."""
    OUTPUT = 4
    """No output, or an output or a rounding that the accelerator was made without."""
    ALIGNMENT = 5
    """A plane of codes or words does not begin at a multiple of the bus."""
    WINDOW = 6
    """A plane reaches out of the window, or an index does not fit 32 bits."""
    FETCH = 7
    """The bus refused to read a descriptor, or its address is no multiple of 64."""
    READ = 8
    """The bus refused to read."""
    WRITE = 9
    """The bus refused to write."""


class Window(NamedTuple):
    """Addresses that a program may touch: from ``low`` up to but not including ``high``."""

    low: int
    high: int


def reserved_set(opcode: int, data: bytes) -> bool:
    """Whether a reserved bit is set in the bytes of a descriptor."""
    words = np.frombuffer(data, "<u4").tolist()
    return any(word & mask for word, mask in zip(words, reserved(opcode), strict=True))


def descriptor_fault(
    descriptor: Descriptor, built: Configuration, bases: Sequence[int], window: Window
) -> Fault:
    """What is wrong with a descriptor whose opcode, init and reserved bits are right.

    Args:
        descriptor: the descriptor.
        built: the accelerator.
        bases: what the base registers hold.
        window: what a program may touch.
    """
    if _sizes_fault(descriptor, built):
        return Fault.SIZE
    if isinstance(descriptor, Multiply) and _output_fault(descriptor, built):
        return Fault.OUTPUT
    planes = list(accesses(descriptor, built))
    for plane in planes:
        if plane.record > 1 and plane.start(bases) % built.beat:
            return Fault.ALIGNMENT
    for plane in planes:
        (least, most), start = _extremes(plane), plane.start(bases)
        if not -(1 << 31) <= least <= most < 1 << 31:
            return Fault.WINDOW
        if start + least * plane.record < window.low:
            return Fault.WINDOW
        if start + most * plane.record + plane.size > window.high:
            return Fault.WINDOW
    return Fault.NONE


def _sizes_fault(descriptor: Descriptor, built: Configuration) -> bool:
    match descriptor:
        case Load():
            view, sizes = descriptor.view, (descriptor.rows, descriptor.columns)
            room = descriptor.rows * descriptor.columns <= built.depth
            return not (all(sizes) and view.run and view.crun and room)
        case Multiply():
            sizes = descriptor.m, descriptor.n, descriptor.k, descriptor.c_view.run
            views = descriptor.a_view, descriptor.b_view
            return not (all(sizes) and all(view.run and view.crun for view in views))
        case _:
            return False


def _output_fault(product: Multiply, built: Configuration) -> bool:
    tiles = product.codes is not None
    if not tiles and product.words is None:
        return True
    if tiles and not built.requantize:
        return True
    able = built.requantize and built.rounding is Rounding.STOCHASTIC
    return product.stochastic and not able


def _extremes(plane: Access) -> tuple[int, int]:
    """Least and largest index: those of the rows and of the columns, added."""
    down = plane.view.indices(plane.rows, 1)
    along = plane.view.indices(1, plane.columns)
    return int(down.min() + along.min()), int(down.max() + along.max())
