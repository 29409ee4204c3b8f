"""``mxsf quantize``: tensors to block tensors and back."""

import math
from pathlib import Path
from typing import Any, get_args

import click
import numpy as np

from ...golden.files import whole_file
from ...golden.formats.block import rule_of
from ...golden.formats.block_catalogue import parse_format
from ...golden.formats.factor import LARGEST_FACTOR, LEAST_FACTOR, Factor, FactorAxis
from ...golden.formats.quotient_rule import QuotientRule
from ...golden.formats.scale_rule import ScaleRule
from ...golden.packing import plane_widths
from ...golden.quantize.encoder import chosen
from ...golden.quantize.encoder import quantize as quantize_tensor
from ...golden.quantize.tensor import BlockTensor
from .inputs import EXISTING, FILE, load_array, read_block
from .progress import progress
from .values import Checked, Count, Name

__all__ = ["quantize"]

_RULES = click.Choice([rule.value for rule in (*ScaleRule, *QuotientRule)], case_sensitive=False)
_FOUND = {source.value: source for source in Factor if source is not Factor.GIVEN}


def _factor(text: str) -> Factor | float:
    """Where a factor comes from, or the number that it is."""
    if text in _FOUND:
        return _FOUND[text]
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if LEAST_FACTOR <= number <= LARGEST_FACTOR:
        return number
    raise ValueError(
        f"a factor is {', '.join(_FOUND)} or a number from {LEAST_FACTOR:.3g} to "
        f"{LARGEST_FACTOR:.3g}, not {text!r}"
    )


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
@click.option(
    "--factor",
    type=Name(_factor, "none|amax|pow2|number"),
    help="What multiplies all values of the tensor [default: the block format's, else none].",
)
@click.option(
    "--factor-axis",
    type=click.Choice(get_args(FactorAxis), case_sensitive=False),
    help="What has a factor [default: the block format's, else tensor].",
)
@click.option("--least", type=Count(0, 255), help="Least scale code of a block that is not zero.")
@click.option("--reciprocal", is_flag=True, help="Multiply by the scale's reciprocal, in FP32.")
def quantize(source: Path, target: Path, **options: Any) -> None:
    """Quantize a float tensor SOURCE (.npy) to a block tensor TARGET (.npz), or decode it back."""
    kinds = (source.suffix, target.suffix)
    if kinds == (".npy", ".npz"):
        with progress(f"quantizing {source}") as step:
            tensor = _quantized(source, **options)
            step(f"writing {target}")
            tensor.save(target)
        widths = "+".join(map(str, plane_widths(tensor.element.bits)))
        rows, columns = tensor.format.block
        what = f"{tensor.format} {rows}x{columns}, shape {tensor.shape}"
        print(f"{target}: {what}, planes of {widths} bits")
    elif kinds == (".npz", ".npy"):
        for name, value in options.items():
            if value not in (None, False):
                shown = "" if value is True else f" {value}"
                option = f"--{name.replace('_', '-')}{shown}"
                raise ValueError(f"{option} has no effect where a block tensor is decoded")
        with progress(f"decoding {source}") as step:
            values = BlockTensor.load(source).dequantize()
            step(f"writing {target}")
            with whole_file(target) as file:
                np.save(file, values)
        print(f"{target}: float32, shape {values.shape}")
    else:
        raise ValueError(f"quantize goes from .npy to .npz or back, not {source} to {target}")


def _quantized(
    source: Path,
    element: str | None,
    block: str | None,
    rule: str | None,
    factor: str | None,
    factor_axis: FactorAxis | None,
    least: int | None,
    reciprocal: bool,
) -> BlockTensor:
    """The tensor of a file in the format that options describe."""
    number = None if factor is None else _factor(factor)
    fmt = chosen(
        parse_format(element or "mxsf"),
        block=None if block is None else read_block(block),
        rule=None if rule is None else rule_of(rule),
        factor=Factor.GIVEN if isinstance(number, float) else number,
        factor_axis=factor_axis,
        least=least,
        reciprocal=reciprocal or None,
    )
    return quantize_tensor(load_array(source), fmt, factor=number)
