"""FuseSoC: a core file beside the Verilog, so that it is a dependency of other cores.

Source: FuseSoC's CAPI2 core file format.
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from ...golden.files import write_whole
from ..catalogue.variant import Variant
from .extras import waivers
from .render import render

__all__ = ["write_core"]


def write_core(variant: Variant, folder: Path, data: Sequence[str] = ()) -> list[Path]:
    """Write ``<top>.core``, and the waivers of its target ``lint``, each whole or not at all.

    Args:
        variant: the design.
        folder: where its Verilog is.
        data: names of the files that its testbench ``<top>_tb.v`` reads; with any of them the core
            has the target ``sim``.
    """
    top = variant.top
    core = render(
        "fusesoc.core",
        vlnv=f"mxsf:generated:{top}:{version('mxsf')}",
        title=variant.design.title,
        top=top,
        bench=bool(data),
        data=data,
    )
    paths = []
    for name, text in {f"{top}.core": core, f"{top}.vlt": waivers(variant)}.items():
        paths.append(folder / name)
        write_whole(paths[-1], text)
    return paths
