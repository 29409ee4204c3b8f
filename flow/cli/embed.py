"""``mxsf embed``: a compiled network as C."""

from pathlib import Path

import click

from ...golden.files import write_whole
from ..network.embed import check_name, embedded
from ..network.image_file import load_image
from .inputs import EXISTING, FILE, load_words
from .progress import progress
from .values import Checked

__all__ = ["embed"]


@click.command()
@click.argument("image", type=EXISTING)
@click.option("--output", type=FILE, required=True, help="The C source.")
@click.option(
    "--name",
    type=Checked(check_name, "name"),
    default="network",
    help="What it is called in C [default: network].",
)
@click.option(
    "--input",
    "images",
    type=EXISTING,
    help="Images that the source has too: a .npy file, as for mxsf run.",
)
def embed(image: Path, output: Path, name: str, images: Path | None) -> None:
    """Write the network in IMAGE, which mxsf compile wrote, as C for systems without files.

    mxsf generate accelerator writes the C that runs it.
    """
    with progress(f"reading {image}") as step:
        made, values = load_image(image), None if images is None else load_words(images)
        step("writing C")
        text = embedded(made, name, values)
        output.parent.mkdir(parents=True, exist_ok=True)
        write_whole(output, text)
    count = 0 if values is None else len(values)
    print(f"{output}: {name}, {len(made.memory)} bytes of memory, {count} images")
