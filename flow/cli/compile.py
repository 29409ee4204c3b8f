"""``mxsf compile``: a network to a program of the accelerator."""

from pathlib import Path

import click

from ...golden.accelerator.configuration import BUS_BITS, Configuration
from ...golden.formats.catalogue import parse
from ..network.figures import layer_costs
from ..network.image_file import ImageFile
from ..network.inference import compile_network
from ..network.onnx_model import read_onnx
from .inputs import EXISTING, FILE
from .progress import progress
from .tables import layer_table, show
from .values import Count, Name

__all__ = ["compile"]


@click.command()
@click.argument("model", type=EXISTING)
@click.option("--output", type=FILE, required=True, help="The image: an .npz file.")
@click.option("--batch", type=Count(1, 4096), default=8, help="Images of a run [default: 8].")
@click.option("--element", type=Name(parse), default="mxsf", help="Element format [default: mxsf].")
@click.option("--tile", type=Count(2, 32), default=8, help="Rows of a tile [default: 8].")
@click.option("--pes", type=Count(1, 1024), default=8, help="PEs [default: 8].")
@click.option(
    "--depth", type=Count(2, 32768), default=512, help="Tiles of each memory [default: 512]."
)
@click.option(
    "--bus",
    type=click.Choice([str(bits) for bits in BUS_BITS]),
    default="64",
    help="Bits of the bus [default: 64].",
)
def compile(
    model: Path, output: Path, batch: int, element: str, tile: int, pes: int, depth: int, bus: str
) -> None:
    """Compile the ONNX model MODEL to a program of the accelerator: an image of its memory.

    Prints what each layer costs by the model of cycles. A Softmax at the end is left to the host.
    """
    built = Configuration(parse(element), tile, pes, depth, int(bus))
    with progress(f"reading {model}") as step:
        found = read_onnx(model)
        step("compiling")
        made = compile_network(found.network, found.parameters, batch, built)
        costs = layer_costs(made.program, made.marks)
        image = ImageFile.of(made)
        output.parent.mkdir(parents=True, exist_ok=True)
        image.save(output)
    show(layer_table(costs))
    for name in found.host:
        print(f"left to the host: {name}")
    print(
        f"{output}: {len(image.memory)} bytes, {len(made.program.descriptors)} descriptors, "
        f"{batch} images a run"
    )
