"""``mxsf quantize``: tensors to block tensors and back."""

from pathlib import Path

import click
import numpy as np

from ...golden.files import whole_file
from ...golden.formats.block_catalogue import parse_format
from ...golden.formats.scale_rule import ScaleRule
from ...golden.packing import plane_widths
from ...golden.quantize.encoder import quantize as quantize_tensor
from ...golden.quantize.tensor import BlockTensor
from .inputs import EXISTING, FILE, load_array, read_block
from .progress import progress
from .values import Checked, Name

__all__ = ["quantize"]

_RULES = click.Choice([rule.value for rule in ScaleRule], case_sensitive=False)


@click.command()
@click.argument("source", type=EXISTING)
@click.argument("target", type=FILE)
@click.option("--element", type=Name(parse_format), help="Element or block format [default: mxsf].")
@click.option(
    "--block",
    type=Checked(read_block),
    help="Rows x columns that share a scale [default: the block format's, else 1x32].",
)
@click.option("--rule", type=_RULES, help="Scale rule [default: the block format's, else floor].")
def quantize(
    source: Path, target: Path, element: str | None, block: str | None, rule: str | None
) -> None:
    """Quantize a float tensor SOURCE (.npy) to a block tensor TARGET (.npz), or decode it back."""
    kinds = (source.suffix, target.suffix)
    if kinds == (".npy", ".npz"):
        with progress(f"quantizing {source}") as step:
            tensor = quantize_tensor(
                load_array(source),
                parse_format(element or "mxsf"),
                None if block is None else read_block(block),
                None if rule is None else ScaleRule(rule),
            )
            step(f"writing {target}")
            tensor.save(target)
        widths = "+".join(map(str, plane_widths(tensor.element.bits)))
        rows, columns = tensor.format.block
        what = f"{tensor.format} {rows}x{columns}, shape {tensor.shape}"
        print(f"{target}: {what}, planes of {widths} bits")
    elif kinds == (".npz", ".npy"):
        for name, value in (("element", element), ("block", block), ("rule", rule)):
            if value is not None:
                raise ValueError(f"--{name} {value} has no effect where a block tensor is decoded")
        with progress(f"decoding {source}") as step:
            values = BlockTensor.load(source).dequantize()
            step(f"writing {target}")
            with whole_file(target) as file:
                np.save(file, values)
        print(f"{target}: float32, shape {values.shape}")
    else:
        raise ValueError(f"quantize goes from .npy to .npz or back, not {source} to {target}")
