"""Payloads as bytes: arrays of fields to bit vectors and back, by an Amaranth layout."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from amaranth.hdl import Shape
from numpy.typing import ArrayLike, NDArray

from ...hdl.ports import fields

__all__ = ["pack", "payload_bytes", "to_int", "unpack", "whole_rows"]


_NARROW = 63  # bits of an item that int64 holds, signed or not


def payload_bytes(layout: Any) -> int:
    """Bytes that hold a payload."""
    return -(-Shape.cast(layout).width // 8)


def pack(layout: Any, values: Mapping[str, ArrayLike]) -> NDArray[np.uint8]:
    """Pack n payloads.

    Args:
        layout: the payload's layout.
        values: for each field an integer array of shape (n,), or (n, length) for an array field;
            a field wider than 63 bits may be an array of Python integers.

    Returns:
        uint8 of shape (n, bytes), little-endian: bit k of a payload is bit k % 8 of byte k // 8.

    >>> from amaranth.lib import data
    >>> layout = data.StructLayout({"codes": data.ArrayLayout(4, 2), "scale": 8})
    >>> pack(layout, {"codes": [[1, 2]], "scale": [255]}).tolist()
    [[33, 255]]
    """
    places = fields(layout)
    count = len(np.asarray(values[places[0].name]))
    bits = np.zeros((count, payload_bytes(layout) * 8), np.uint8)
    for place in places:
        items = np.asarray(values[place.name]).reshape(count, place.length)
        if place.width > _NARROW:
            spread = _spread_wide(items, place.width)
        else:
            spread = (items.astype(np.int64)[..., None] >> np.arange(place.width)) & 1
        stop = place.offset + place.width * place.length
        bits[:, place.offset : stop] = spread.reshape(count, -1)
    return np.packbits(bits, axis=1, bitorder="little")


def unpack(layout: Any, payloads: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Undo ``pack``: an integer array of shape (n,) or (n, length) for each field.

    It is int64; of Python integers (dtype object) where the field is wider than 63 bits.

    >>> from amaranth.lib import data
    >>> layout = data.StructLayout({"codes": data.ArrayLayout(4, 2), "scale": 8})
    >>> {k: v.tolist() for k, v in unpack(layout, np.uint8([[33, 255]])).items()}
    {'codes': [[1, 2]], 'scale': [255]}
    """
    bits = np.unpackbits(payloads, axis=1, bitorder="little")
    values = {}
    for place in fields(layout):
        stop = place.offset + place.width * place.length
        spread = bits[:, place.offset : stop].reshape(len(bits), place.length, place.width)
        if place.width > _NARROW:
            items = _gather_wide(spread)
        else:
            items = (spread.astype(np.int64) << np.arange(place.width)).sum(axis=-1)
        if place.signed:
            items -= (items >> (place.width - 1)) << place.width
        values[place.name] = items if place.array else items[:, 0]
    return values


def whole_rows(values: NDArray[Any], length: int) -> NDArray[Any]:
    """Cut the last axis into rows of some length, filled up with zeros: (rows, length)."""
    rows = values.reshape(-1, values.shape[-1])
    return np.pad(rows, ((0, 0), (0, -rows.shape[-1] % length))).reshape(-1, length)


def to_int(payload: NDArray[np.uint8]) -> int:
    """Return one packed payload as an integer."""
    return int.from_bytes(payload.tobytes(), "little")


def _spread_wide(items: NDArray[Any], width: int) -> NDArray[np.uint8]:
    """Bits of Python integers along a new last axis, lowest first."""
    size, mask = -(-width // 8), (1 << width) - 1
    text = b"".join((int(item) & mask).to_bytes(size, "little") for item in items.flat)
    data = np.frombuffer(text, np.uint8).reshape(*items.shape, size)
    return np.unpackbits(data, axis=-1, bitorder="little")[..., :width]


def _gather_wide(spread: NDArray[np.uint8]) -> NDArray[Any]:
    """Undo ``_spread_wide``, unsigned."""
    data = np.packbits(spread, axis=-1, bitorder="little")
    items = np.empty(data.shape[:-1], dtype=object)
    for index in np.ndindex(*items.shape):
        items[index] = int.from_bytes(data[index].tobytes(), "little")
    return items
