"""Files of programs: memory, where the program starts, where images go in and answers come out.

An ``.npz`` archive with ``memory``, uint8, and ``image``, JSON text of all else.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.configuration import Configuration
from ...golden.accelerator.fields import SIZE
from ...golden.accelerator.plane import Image
from ...golden.files import read_archive, write_archive
from ...golden.formats.block import BlockFormat
from ...golden.formats.scale_rule import ScaleRule
from ..device.device import Device
from ..device.local import GoldenDevice
from .images import Images
from .inference import Inference

__all__ = ["ImageFile", "load_image"]

Floats = NDArray[np.float32]

_VERSION = 1
_SIZES = ("pes", "depth", "bus", "address", "requantize")


@dataclass(frozen=True)
class ImageFile:
    """A program and the memory that it runs in.

    Attributes:
        built: the accelerator that it is for.
        memory: uint8, from address 0 on.
        start: address of the program.
        input: images that go in.
        output: what comes out.
    """

    built: Configuration
    memory: NDArray[np.uint8]
    start: int
    input: Images
    output: Images

    @classmethod
    def of(cls, made: Inference) -> "ImageFile":
        """The program of a network."""
        program = made.program
        return cls(program.built, program.image(), program.start, made.input, made.output)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file, whole or not at all."""
        facts = {
            "version": _VERSION,
            "format": self.built.format.spec(),
            **{name: getattr(self.built, name) for name in _SIZES},
            "start": self.start,
            "input": self.input.spec(),
            "output": self.output.spec(),
            "sha256": hashlib.sha256(self.memory.tobytes()).hexdigest(),
        }
        write_archive(path, {"image": json.dumps(facts), "memory": self.memory})

    def run(
        self,
        values: Floats,
        device: Device | None = None,
        report: Callable[[str, int, int], None] | None = None,
        limit: int | None = None,
    ) -> Floats:
        """Run the program on a device, batch after batch.

        Args:
            values: images, float32 (n, *shape of the input), any number of them.
            device: whose memory holds ``memory``; None: the golden machine.
            report: called with what the device does, how many images are done, and how many there
                are.
            limit: cycles that a run of the program may take, on a device that counts them.

        Returns:
            float32 (n, *shape of the output).

        Raises:
            ValueError: images of another shape, or a memory that is too small.
            RuntimeError: the program ends with a fault, or breaks the rules of order.
            TimeoutError: a run takes more cycles than the limit.
        """
        self.check(values)
        device = device or GoldenDevice(self.built, len(self.memory))
        image, batch, found = Image(self.built), self.input.batch, list[Floats]()
        here = self.memory.copy()  # what the host knows of the memory
        device.put(0, here)
        for first in range(0, len(values), batch):
            told = report and partial(_tell, report, first, len(values))
            some = values[first : first + batch]
            more = [(0, batch - len(some)), *[(0, 0)] * (some.ndim - 1)]
            self.input.write(image, np.pad(some, more), here)
            for part in self.input.ranges:
                device.put(part.start, here[part])
            device.run(self.start, limit, told)
            for part in self.output.ranges:
                here[part] = device.get(part.start, part.stop - part.start)
            found.append(self.output.read(image, here)[: len(some)])
        return np.concatenate(found) if found else np.zeros((0, *self.output.shape), np.float32)

    def check(self, values: Floats) -> None:
        """Raise ValueError for images of another shape than (n, *shape of the input)."""
        if values.ndim != len(self.input.shape) + 1 or values.shape[1:] != self.input.shape:
            shape = ", ".join(map(str, self.input.shape))
            raise ValueError(f"input must have the shape (n, {shape}), not {values.shape}")


def _tell(report: Callable[[str, int, int], None], done: int, total: int, what: str) -> None:
    report(what, done, total)


def load_image(path: str | os.PathLike[str]) -> ImageFile:
    """Read what ``ImageFile.save`` wrote.

    Raises:
        ValueError: the file holds no program, or not all of one.
        OSError: it cannot be read.
    """
    with read_archive(path, "program of an accelerator") as members:
        facts, memory = json.loads(str(members["image"])), members["memory"]
        if facts["version"] != _VERSION:
            raise ValueError(f"version must be {_VERSION}, not {facts['version']}")
        if memory.dtype != np.uint8 or memory.ndim != 1:
            raise ValueError(f"memory must be bytes, not {memory.dtype} {memory.shape}")
        if hashlib.sha256(memory.tobytes()).hexdigest() != facts["sha256"]:
            raise ValueError("its memory is not what was written")
        form = BlockFormat.from_spec(facts["format"])
        if not isinstance(form.rule, ScaleRule):
            raise ValueError(f"rule must choose powers of two, not {form.rule.value}")
        built = Configuration(
            form.element,
            form.block[0],
            rule=form.rule,
            rounding=form.rounding,
            overflow=form.overflow,
            **{name: facts[name] for name in _SIZES},
        )
        images = [Images.from_spec(facts[name], built) for name in ("input", "output")]
        start = int(facts["start"])
        if not 0 <= start <= len(memory) - SIZE or start % SIZE:
            raise ValueError(f"no program can start at {start:#x}")
        for each in images:
            if each.end > len(memory):
                raise ValueError(f"{each.name} ends at {each.end:#x}, beyond the memory")
        return ImageFile(built, memory, start, *images)
