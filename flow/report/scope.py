"""How much a report covers."""

from dataclasses import dataclass, replace

from ...golden.catalogue import FORMATS, parse
from ...golden.formats import ElementFormat
from ...sim.yosys import PINNED, Yosys

__all__ = ["DEFAULT_ELEMENTS", "Scope"]

DEFAULT_ELEMENTS = ("mxsf", "e2m5", "e4m3", "int8")


@dataclass(frozen=True)
class Scope:
    """What to cover.

    Attributes:
        elements: names of element formats.
        targets: what designs are synthesized for, as in ``mxsf area --target``.
        samples: random numbers of a distribution.
        seeds: training seeds; epochs: passes over the training images.
        routes: place-and-route seeds; 0 for none.
        beats: beats of operands whose energy is measured; 0 for none.
        without: sections that must be asked for.
        yosys: the Yosys that synthesizes.
    """

    elements: tuple[str, ...] = DEFAULT_ELEMENTS
    targets: tuple[str, ...] = ("generic", "ecp5")
    samples: int = 1 << 20
    seeds: int = 1
    epochs: int = 10
    routes: int = 1
    beats: int = 8192
    without: tuple[str, ...] = ("family",)
    yosys: Yosys = PINNED

    def quick(self) -> "Scope":
        """Two minutes: fewer samples, no training from scratch beyond one short run, no routing."""
        return replace(self, samples=1 << 16, epochs=2, routes=0, beats=0, targets=("generic",))

    def full(self) -> "Scope":
        """Everything: all formats and targets, three routes, five training seeds."""
        targets = ("generic", "ecp5", "ecp5-dsp", "ice40", "xilinx")
        full = replace(self, elements=tuple(FORMATS), targets=targets, without=())
        return replace(full, seeds=5, epochs=20, routes=3)

    @property
    def formats(self) -> list[ElementFormat]:
        """The element formats."""
        return [parse(name) for name in self.elements]
