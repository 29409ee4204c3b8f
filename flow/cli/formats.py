"""``mxsf formats``: the formats that have names."""

import json

import click

from ...golden.formats.block_catalogue import BLOCK_FORMATS
from ...golden.formats.catalogue import FORMATS
from .tables import block_format_table, format_table, show

__all__ = ["formats"]


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
