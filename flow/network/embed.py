"""Networks as C, for systems without files: memory as an array, and what hosts know of it.

The C that reads it ships with the accelerator (``mxsf.flow.export.driver``).
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.configuration import Configuration
from ...golden.accelerator.fields import SIZE
from ...golden.accelerator.plane import Matrix, Words
from ...golden.formats.scale_rule import ScaleRule
from ...hdl.accelerator.register_map import accelerator_registers
from ..export.render import render
from .image_file import ImageFile
from .images import Images

__all__ = ["check_name", "embedded"]

Floats = NDArray[np.float32]

_REGISTERS = ("element", "nested", "quantizer")


def embedded(image: ImageFile, name: str = "network", values: Floats | None = None) -> str:
    """C source of a network: a ``const struct mxsf_accelerator_network``.

    Args:
        image: the network.
        name: of the struct.
        values: images, float32 (n, *shape of the input), which the source then has too, as
            ``<name>_images`` and ``<name>_image_count``; None: none.

    Raises:
        ValueError: the name is none in C; images of another shape, none at all, or not finite; or
            a network that the C code cannot run: of another rule than FLOOR, or not saturating.
    """
    check_name(name)
    built = image.built
    if built.rule is not ScaleRule.FLOOR or built.overflow != "saturate":
        raise ValueError(f"C quantizes by floor, saturating, not {built.rule.value}")
    if values is not None:
        image.check(values)
        if not len(values):
            raise ValueError("there must be an image at least")
        if not np.isfinite(values).all():
            raise ValueError("images must be finite")
    flat = [] if values is None else [_literal(float(v)) for v in values.reshape(-1)]
    filled = -(-(int(np.flatnonzero(image.memory)[-1]) + 1) // SIZE) * SIZE  # whole descriptors
    return render(
        "embedded.c",
        title=f"A network in {built.element}, {image.input.batch} images a run",
        name=name,
        image=_lines([f"0x{byte:02x}" for byte in image.memory[:filled].tolist()], 16),
        binades=built.element.binades,
        fields=_fields(image, filled),
        count=0 if values is None else len(values),
        floats=_lines(flat, 4),
    )


def check_name(name: str) -> None:
    """Raise ValueError where a name is none in C."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z_0-9]{0,30}", name):
        raise ValueError(f"name must be an identifier of C, not {name!r}")


def _fields(image: ImageFile, filled: int) -> dict[str, Any]:
    """Integers of the struct by name."""
    built = image.built
    return {
        **{"filled": filled, "size": len(image.memory), "start": image.start},
        **{"tile": built.tile, "code_bits": built.element.bits, "depth": built.depth},
        **{"beat": built.beat, "code_record": built.code_record},
        "word_record": built.word_record,
        **_registers(built),
        **{f"input.{key}": value for key, value in _images(image.input).items()},
        **{f"output.{key}": value for key, value in _images(image.output).items()},
        "binade_count": len(built.element.binades),
        "largest_code": built.element.largest_code,
        "twos_complement": int(built.element.twos_complement),
    }


def _registers(built: Configuration) -> dict[str, int]:
    """What registers of such an accelerator say."""
    known = {register.name: register.constant for register in accelerator_registers(built, 0, {})}
    return {name: known[name] or 0 for name in _REGISTERS}


def _images(images: Images) -> dict[str, int]:
    """``struct mxsf_accelerator_images``."""
    plane, layout = images.plane, images.layout
    if isinstance(plane, Words):
        values, scales = plane.words.place.offset, 0
    else:
        assert isinstance(plane, Matrix)
        values, scales = plane.codes.place.offset, plane.scales.place.offset
    names = "channels", "height", "width"
    return {
        **{"values": values, "scales": scales, "batch": images.batch},
        **dict(zip(names, images.pixels, strict=True)),
        **{"columns": layout.channels, "border": layout.border},
    }


def _literal(value: float) -> str:
    """A float of C that is exactly a number.

    >>> _literal(-0.1)
    '-0x1.999999999999ap-4f'
    """
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    return f"{sign}{abs(value).hex()}f"


def _lines(words: Sequence[str], each: int) -> Iterator[str]:
    """So many of the words in a line."""
    for first in range(0, len(words), each):
        yield ", ".join(words[first : first + each])
