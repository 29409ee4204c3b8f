"""Matrices in the memory of an accelerator, and the image that they are laid out in.

Source: docs/accelerator.md.
"""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..engine.machine import join, split
from ..formats.word import FP32
from ..quantize.encoder import quantize
from ..quantize.tensor import BlockTensor
from .configuration import Configuration
from .descriptor import Place
from .view import View

__all__ = ["Image", "Matrix", "Plane", "Stored", "Words", "tile_range"]


class Plane(NamedTuple):
    """An array of records, a tile each.

    Attributes:
        place: where record 0 lies.
        record: bytes of a record.
    """

    place: Place
    record: int

    def after(self, count: int) -> "Plane":
        """The same without the first ``count`` records."""
        register, offset = self.place
        return self._replace(place=Place(register, offset + count * self.record))


@dataclass(frozen=True)
class Stored:
    """A matrix in memory, in planes with a tile for each place, one row of tiles after another.

    A part of it, tiles ``[first:last, first:last]`` of rows and columns, is a matrix too.

    Attributes:
        name: for messages.
        shape: rows and columns of elements; the last tiles are filled up with zeros.
        tile: rows and columns of a tile.
        pitch: tiles from a row of tiles to the next.
        layout: where its tiles stand, where that is no plain matrix.
    """

    name: str
    shape: tuple[int, int]
    tile: int
    pitch: int
    layout: View | None = field(default=None, kw_only=True)

    @property
    def rows(self) -> int:
        """Rows of tiles."""
        return -(-self.shape[0] // self.tile)

    @property
    def columns(self) -> int:
        """Columns of tiles."""
        return -(-self.shape[1] // self.tile)

    @property
    def view(self) -> View:
        """View of its planes."""
        return View(pitch=self.pitch) if self.layout is None else self.layout

    def seen(self, first: int, rows: int, columns: int, view: View) -> Self:
        """The same planes with tiles elsewhere, such as every other pixel of an image.

        Args:
            first: tile at row 0, column 0, counted from the first one of the planes.
            rows: of tiles.
            columns: of tiles.
            view: which tiles, counted from ``first``.
        """
        planes = {name: plane.after(first) for name, plane in self._planes()}
        shape, name = (rows * self.tile, columns * self.tile), f"{self.name}+{first}"
        plain = view == View(pitch=view.pitch)
        where = {"pitch": view.pitch, "layout": None} if plain else {"layout": view}
        return replace(self, name=name, shape=shape, **where, **planes)

    def __str__(self) -> str:
        return f"{self.name} ({self.rows} x {self.columns} tiles)"

    def __getitem__(self, place: tuple[slice, slice]) -> Self:
        """Return a part.

        Raises:
            IndexError: it is empty, or has steps.
            ValueError: this is no plain matrix.
        """
        if self.layout is not None:
            raise ValueError(f"{self} is no plain matrix, it has no parts")
        (top, bottom), (left, right) = (
            tile_range(self, axis, slice_)
            for axis, slice_ in zip((self.rows, self.columns), place, strict=True)
        )
        size, (height, width) = self.tile, self.shape
        shape = min(height, bottom * size) - top * size, min(width, right * size) - left * size
        planes = {name: plane.after(top * self.pitch + left) for name, plane in self._planes()}
        name = f"{self.name}[{top}:{bottom}, {left}:{right}]"
        return replace(self, name=name, shape=shape, **planes)

    def _planes(self) -> list[tuple[str, Plane]]:
        return [(name, value) for name, value in vars(self).items() if isinstance(value, Plane)]


@dataclass(frozen=True)
class Matrix(Stored):
    """A quantized matrix.

    Attributes:
        codes, scales: its planes.
    """

    codes: Plane
    scales: Plane


@dataclass(frozen=True)
class Words(Stored):
    """A matrix of FP32 words.

    Attributes:
        words: its plane.
    """

    words: Plane


def tile_range(whole: object, count: int, place: slice) -> tuple[int, int]:
    """First tile and the one after the last of a slice of ``count`` tiles.

    Raises:
        IndexError: it is empty, or has steps.
    """
    first, last, step = place.indices(count)
    if step != 1 or first >= last:
        raise IndexError(f"{whole} has no tiles {place.start}:{place.stop}:{place.step}")
    return first, last


class Image:
    """Memory from address 0 on, in which matrices find their places: one after another, aligned.

    The base registers that matrices name must hold the address at which the image is put.

    Args:
        built: the accelerator.

    >>> image = Image(Configuration(tile=4))
    >>> bias = image.words("bias", (1, 6))
    >>> image.write(bias, np.float32([[1, 2, 3, 4, 5, 6]]))
    >>> bias.columns, image.size, image.read(bias).tolist()
    (2, 128, [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    """

    def __init__(self, built: Configuration):
        self.built = built
        self._data = np.zeros(0, np.uint8)

    @property
    def size(self) -> int:
        """Bytes that are taken."""
        return len(self._data)

    @property
    def memory(self) -> NDArray[np.uint8]:
        """A copy of the bytes."""
        return self._data.copy()

    def matrix(self, name: str, shape: tuple[int, int], register: int = 0) -> Matrix:
        """Find places for a quantized matrix of zeros, ``shape`` in elements.

        Args:
            name: for messages.
            shape: rows and columns of elements.
            register: base register that its planes are addressed by.
        """
        layout, count = self._layout(name, shape)
        codes = self._plane(count, self.built.code_record, register)
        return Matrix(*layout, codes, self._plane(count, 1, register))

    def words(self, name: str, shape: tuple[int, int], register: int = 0) -> Words:
        """Find a place for a matrix of FP32 words, all zeros; arguments as for ``matrix``."""
        layout, count = self._layout(name, shape)
        return Words(*layout, self._plane(count, self.built.word_record, register))

    def write(
        self,
        matrix: Stored,
        values: ArrayLike | BlockTensor,
        memory: NDArray[np.uint8] | None = None,
    ) -> None:
        """Write a whole matrix.

        Args:
            matrix: where to.
            values: floats of its shape; quantized to nearest even in the accelerator's format for
                a ``Matrix``, which also takes a ``BlockTensor`` in square tiles.
            memory: where to, such as a machine's; None: into the image.

        Raises:
            TypeError: no floats, or a block tensor into words.
            ValueError: another shape or format.
        """
        memory = self._data if memory is None else memory
        if isinstance(matrix, Words):
            if isinstance(values, BlockTensor):
                raise TypeError(f"{matrix} holds words, not a block tensor")
            words = np.asarray(values)
            self._same_shape(matrix, words.shape)
            tiles = split(_filled(FP32.values(FP32.words(words)), matrix.tile), matrix.tile)
            memory[_bytes_of(matrix, matrix.words)] = self.built.pack_words(tiles)
        elif isinstance(matrix, Matrix):
            tensor = values if isinstance(values, BlockTensor) else self._quantized(values)
            self._same_shape(matrix, tensor.shape)
            if (tensor.element, tensor.block) != (self.built.element, self.built.format.block):
                raise ValueError(
                    f"{matrix} takes {self.built.element} in blocks {self.built.format.block}, "
                    f"not {tensor.element} in {tensor.block}"
                )
            codes = split(_filled(tensor.codes, matrix.tile), matrix.tile)
            memory[_bytes_of(matrix, matrix.codes)] = self.built.pack(codes)
            memory[_bytes_of(matrix, matrix.scales)] = tensor.scales.reshape(-1, 1)

    def read(self, matrix: Stored, memory: NDArray[np.uint8] | None = None) -> Any:
        """Return a matrix.

        Args:
            matrix: which one.
            memory: the image as a run left it; None: what was written into it.

        Returns:
            ``BlockTensor`` of a ``Matrix``; float32 of ``Words``. Of the matrix's shape.
        """
        data = self._data if memory is None else memory
        (height, width), grid = matrix.shape, (matrix.rows, matrix.columns)
        if isinstance(matrix, Words):
            words = self.built.unpack_words(data[_bytes_of(matrix, matrix.words)])
            return join(words, *grid)[:height, :width].copy()
        assert isinstance(matrix, Matrix)
        codes = join(self.built.unpack(data[_bytes_of(matrix, matrix.codes)]), *grid)
        scales = data[_bytes_of(matrix, matrix.scales)].reshape(grid)
        return BlockTensor(codes[:height, :width].copy(), scales, self.built.format)

    def _layout(
        self, name: str, shape: tuple[int, int]
    ) -> tuple[tuple[str, tuple[int, int], int, int], int]:
        """The fields of ``Stored``, and the number of tiles."""
        rows, columns = (-(-axis // self.built.tile) for axis in shape)
        if rows < 1 or columns < 1:
            raise ValueError(f"{name} must have rows and columns, its shape is {shape}")
        return (name, (int(shape[0]), int(shape[1])), self.built.tile, columns), rows * columns

    def _plane(self, count: int, record: int, register: int) -> Plane:
        start = len(self._data)
        end = start + count * record
        if end > 1 << 32:
            raise ValueError(f"an image ends by {1 << 32:#x}, not at {end:#x}")
        end += -end % self.built.beat
        self._data = np.concatenate([self._data, np.zeros(end - start, np.uint8)])
        return Plane(Place(register, start), record)

    def _quantized(self, values: ArrayLike) -> BlockTensor:
        return quantize(
            values,
            self.built.element,
            self.built.format.block,
            self.built.rule,
            overflow=self.built.overflow,
        )

    def _same_shape(self, matrix: Stored, shape: tuple[int, ...]) -> None:
        if shape != matrix.shape:
            raise ValueError(f"{matrix.name} has the shape {matrix.shape}, not {shape}")


def _filled(values: NDArray[Any], tile: int) -> NDArray[Any]:
    """A matrix with zeros up to whole tiles."""
    return np.pad(values, [(0, -axis % tile) for axis in values.shape])


def _bytes_of(matrix: Stored, plane: Plane) -> NDArray[np.int64]:
    """Where the bytes of a matrix's records lie: int64 (tiles, bytes)."""
    indices = matrix.view.indices(matrix.rows, matrix.columns).reshape(-1)
    return plane.place.offset + (indices * plane.record)[:, None] + np.arange(plane.record)
