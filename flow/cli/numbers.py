"""Commands on numbers: the base installation has all that they need."""

import json
import os
from pathlib import Path

import click
import numpy as np

from ...golden.formats.block_catalogue import BLOCK_FORMATS, parse_format
from ...golden.formats.catalogue import FORMATS
from ...golden.formats.scale import ScaleRule
from ...golden.packing import plane_widths
from ...golden.quantize.encoder import quantize as quantize_tensor
from ...golden.quantize.tensor import BlockTensor
from .inputs import load_array, read_block
from .tables import block_format_table, format_table, show

__all__ = ["formats", "quantize"]

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_RULES = click.Choice([rule.value for rule in ScaleRule])


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def formats(as_json: bool) -> None:
    """List the element formats and the block formats that have names."""
    if as_json:
        known = {**FORMATS, **BLOCK_FORMATS}
        print(json.dumps({name: f.spec() for name, f in known.items()}, indent=2))
    else:
        show(format_table(FORMATS.values()))
        show(block_format_table(BLOCK_FORMATS.values()))


@click.command()
@click.argument("source", type=_EXISTING)
@click.argument("target", type=_FILE)
@click.option("--element", default="mxsf", help="Element or block format [default: mxsf].")
@click.option("--block", default="1x32", help="Rows x columns that share a scale [default: 1x32].")
@click.option("--rule", type=_RULES, default="floor", help="Scale rule [default: floor].")
def quantize(source: Path, target: Path, element: str, block: str, rule: str) -> None:
    """Quantize a float tensor SOURCE (.npy) to a block tensor TARGET (.npz), or decode it back."""
    kinds = (source.suffix, target.suffix)
    if kinds == (".npy", ".npz"):
        wanted = parse_format(element), read_block(block), ScaleRule(rule)
        tensor = quantize_tensor(load_array(source), *wanted)
        tensor.save(target)
        widths = "+".join(map(str, plane_widths(tensor.element.bits)))
        rows, columns = tensor.format.block
        what = f"{tensor.format} {rows}x{columns}, shape {tensor.shape}"
        print(f"{target}: {what}, planes of {widths} bits")
    elif kinds == (".npz", ".npy"):
        values = BlockTensor.load(source).dequantize()
        temporary = target.with_suffix(".tmp.npy")
        np.save(temporary, values)
        os.replace(temporary, target)
        print(f"{target}: float32, shape {values.shape}")
    else:
        raise ValueError(f"quantize goes from .npy to .npz or back, not {source} to {target}")
