"""Areas of a report, kept by netlist, target and tool, for all sections that ask."""

from dataclasses import asdict
from pathlib import Path

from ...catalogue.catalogue import Variant
from ...synth.area import Area, area
from ..cache import cached, identity, netlist_key, tool_version
from ..scope import Scope

__all__ = ["kept_area"]


def kept_area(variant: Variant, target: str, scope: Scope, kept: Path) -> Area:
    """Area of a design, synthesized only where it is not known yet.

    Args:
        variant: the design.
        target: as in ``mxsf area --target``.
        scope: the Yosys.
        kept: folder of results kept from before.

    Raises:
        YosysError: Yosys failed.
    """
    key = ["area", netlist_key(variant, kept), identity(target), tool_version(scope.yosys)]
    return Area(**cached(kept, key, lambda: asdict(area(variant.netlist, target, scope.yosys))))
