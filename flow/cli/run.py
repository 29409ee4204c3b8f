"""``mxsf run``: a compiled network on images."""

from pathlib import Path

import click
import numpy as np

from ...golden.files import whole_file
from ..device.local import DEVICES, GoldenDevice, make_device
from ..network.image_file import load_image
from .inputs import EXISTING, FILE, load_words
from .progress import progress
from .values import Count

__all__ = ["run"]


@click.command()
@click.argument("image", type=EXISTING)
@click.option(
    "--input",
    "images",
    type=EXISTING,
    required=True,
    help="Images: a .npy file of floats (n, channels, height, width) or (n, features).",
)
@click.option("--output", type=FILE, required=True, help="What the network says: a .npy file.")
@click.option(
    "--device",
    type=click.Choice(DEVICES),
    default="golden",
    help="golden: the exact model; rtl: the Verilog under Verilator [default: golden].",
)
@click.option(
    "--limit",
    type=Count(1, 1 << 40),
    help="Cycles that a run of the program may take on rtl [default: as many as it needs].",
)
def run(image: Path, images: Path, output: Path, device: str, limit: int | None) -> None:
    """Run the network in IMAGE, which mxsf compile wrote, on images, of any number."""
    if limit is not None and device == GoldenDevice.name:
        raise ValueError("--limit is of no effect: the golden machine counts no cycles")
    with progress(f"reading {image}") as step:
        program, words = load_image(image), load_words(images)
        program.check(words)
        target = make_device(device, program.built, len(program.memory), step)
        found = program.run(words, target, step, limit)
        output.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(output) as file:
            np.save(file, found)
    print(f"{output}: float32, shape {found.shape}")
