"""How much a report covers."""

from dataclasses import dataclass, replace

from ...golden.formats.catalogue import FORMATS, parse
from ...golden.formats.element import ElementFormat
from ...sim.simulator.yosys import PINNED, Yosys
from ..study.growth import PES

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
        numbers: of each tensor, simulated by the designs; None for all.
        halves: whether the halves of the dot product are simulated by themselves as well.
        lanes: of the product sums and dot products whose areas are compared.
        pes: of the matrix engines whose areas are compared.
        beats: beats of operands whose energy is measured.
        without: sections that must be asked for.
        yosys: the Yosys that synthesizes.
    """

    elements: tuple[str, ...] = DEFAULT_ELEMENTS
    targets: tuple[str, ...] = ("generic", "ecp5")
    samples: int = 1 << 20
    seeds: int = 1
    epochs: int = 10
    routes: int = 1
    numbers: int | None = None
    halves: bool = True
    lanes: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    pes: tuple[int, ...] = (1, 2, 4)
    beats: int = 8192
    without: tuple[str, ...] = ("family",)
    yosys: Yosys = PINNED

    def quick(self) -> "Scope":
        """Two minutes: two formats, generic gates, short runs, nothing routed, no growth.

        E2M5 is what MXSF is without its nested float.
        """
        return replace(
            self,
            elements=("mxsf", "e2m5"),
            targets=("generic",),
            samples=1 << 16,
            epochs=2,
            routes=0,
            numbers=256,
            halves=False,
            lanes=(),
            pes=(),
            beats=2048,
            without=("energy", "family"),
        )

    def full(self) -> "Scope":
        """Everything: all formats and targets, three routes, five training seeds, all engines."""
        targets = ("generic", "ecp5", "ecp5-dsp", "ice40", "xilinx")
        return replace(
            self,
            elements=tuple(FORMATS),
            targets=targets,
            seeds=5,
            epochs=20,
            routes=3,
            pes=PES,
            without=(),
        )

    @property
    def left_out(self) -> list[str]:
        """What a longer run has and this one has not, for people."""
        most = Scope().full()
        formats, targets = (
            [name for name in all_of if name not in some]
            for all_of, some in ((most.elements, self.elements), (most.targets, self.targets))
        )
        more = [pes for pes in most.pes if pes not in self.pes]
        cases = {
            f"formats {', '.join(formats)}": formats,
            f"targets {', '.join(targets)}": targets,
            "place and route": not self.routes,
            "areas against lanes": not self.lanes,
            f"engines of {', '.join(map(str, more))} PEs": more,
            f"all but {self.numbers} numbers of each tensor in simulation": self.numbers,
            "the halves of the dot product in simulation": not self.halves,
            f"sections {', '.join(self.without)}": self.without,
            "the spread over training seeds": self.seeds < 2,
        }
        return [what for what, left in cases.items() if left]

    @property
    def gates(self) -> str:
        """The target of standard cells: the first ``liberty=FILE``, or generic gates."""
        return next((t for t in self.targets if t.startswith("liberty=")), "generic")

    @property
    def formats(self) -> list[ElementFormat]:
        """The element formats."""
        return [parse(name) for name in self.elements]
