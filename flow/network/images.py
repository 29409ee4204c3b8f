"""Planes of images in memory, as hosts write and read them."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.configuration import Configuration
from ...golden.accelerator.descriptor import Place
from ...golden.accelerator.plane import Image, Matrix, Plane, Words
from .layers import Shape
from .layout import Layout
from .stages import Tensor

__all__ = ["Images", "groups_of"]

Floats = NDArray[np.float32]


def groups_of(batch: int, built: Configuration) -> int:
    """Groups of images that are side by side in tiles."""
    return -(-batch // built.tile)


@dataclass(frozen=True)
class Images:
    """A plane of images, of tiles or of words.

    Attributes:
        name: for messages.
        plane: where they lie.
        layout: how.
        batch: how many.
        pixels: channels, height and width of each.
        shape: the same as the network says it: perhaps flat.
    """

    name: str
    plane: Matrix | Words
    layout: Layout
    batch: int
    pixels: tuple[int, int, int]
    shape: Shape

    @classmethod
    def of(
        cls, name: str, plane: Matrix | Words, tensor: Tensor, batch: int, shape: Shape, tile: int
    ) -> "Images":
        """Images that are a tensor of a network."""
        layout = tensor.layout(-(-batch // tile), tile)
        pixels = tensor.channels, tensor.height, tensor.width
        return cls(name, plane, layout, batch, pixels, tuple(shape))

    def write(self, image: Image, values: Floats, memory: NDArray[np.uint8] | None) -> None:
        """Put images into a memory.

        Args:
            image: in which the plane has its place.
            values: float32 (batch, *shape).
            memory: where to; None: into the image itself.

        Raises:
            ValueError: they have another shape.
        """
        if values.shape != (self.batch, *self.shape):
            expected = self.batch, *self.shape
            raise ValueError(f"{self.name} must have the shape {expected}, not {values.shape}")
        full = values.reshape(self.batch, *self.pixels).astype(np.float32)
        image.write(self.plane, self.layout.packed(full, image.built.tile), memory)

    def read(self, image: Image, memory: NDArray[np.uint8]) -> Floats:
        """What is in a memory, float32 (batch, *shape)."""
        found = image.read(self.plane, memory)
        matrix = found if isinstance(found, np.ndarray) else found.dequantize()
        values = self.layout.unpacked(matrix, self.batch, self.pixels[0])
        return values.reshape(self.batch, *self.shape)

    def spec(self) -> dict[str, Any]:
        """Plain data, for JSON; ``from_spec`` reads it back."""
        return {
            "name": self.name,
            "planes": [plane.place.offset for plane in self._planes()],
            "layout": asdict(self.layout),
            "batch": self.batch,
            "pixels": list(self.pixels),
            "shape": list(self.shape),
        }

    @classmethod
    def from_spec(cls, spec: dict[str, Any], built: Configuration) -> "Images":
        """Build it from what ``spec`` returned."""
        layout = Layout(**spec["layout"])
        size, tile = (layout.rows * built.tile, layout.channels * built.tile), built.tile
        places = [Place(0, int(offset)) for offset in spec["planes"]]
        name, pitch = spec["name"], layout.channels
        if len(places) == 1:
            plane = Words(name, size, tile, pitch, Plane(places[0], built.word_record))
        else:
            codes, scales = places
            planes = Plane(codes, built.code_record), Plane(scales, 1)
            plane = Matrix(name, size, tile, pitch, *planes)
        channels, height, width = spec["pixels"]
        return cls(
            name, plane, layout, spec["batch"], (channels, height, width), tuple(spec["shape"])
        )

    @property
    def ranges(self) -> list[slice]:
        """Bytes of memory that they take, by plane."""
        count = self.plane.rows * self.plane.columns
        starts = [(plane.place.offset, plane.record) for plane in self._planes()]
        return [slice(start, start + count * record) for start, record in starts]

    @property
    def end(self) -> int:
        """The byte behind the last plane."""
        return max(part.stop for part in self.ranges)

    def _planes(self) -> tuple[Plane, ...]:
        if isinstance(self.plane, Matrix):
            return self.plane.codes, self.plane.scales
        return (self.plane.words,)
