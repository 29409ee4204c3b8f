"""The designs that a command line chooses: by name and parameters, or by a file."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from ..catalogue.catalogue import CATALOGUE, Design, Variant, variant
from ..catalogue.configuration import from_config, from_manifest, versions_in
from ..export.manifest import other_versions
from ..synth.area import fabric_of

__all__ = ["Chosen", "of_files", "of_options"]


@dataclass(frozen=True)
class Chosen:
    """What a command works on.

    Args:
        name: what was chosen, for people.
        each: builds the designs, for targets where the command has some: (design, target).
    """

    name: str
    each: Callable[[Sequence[str]], list[tuple[Variant, str]]]

    def all(self) -> list[Variant]:
        """Build the designs; ValueError where one cannot be."""
        return [design for design, _ in self.each([""])]

    def one(self) -> Variant:
        """Build the design, where only one can be chosen."""
        (design,) = self.all()
        return design


def of_options(name: str, options: Mapping[str, Any]) -> Chosen:
    """Choose by name; options that were not given (None, an empty tuple) take their defaults.

    Of an option with several values (a tuple) each makes a design with each of the others'. The
    fabric follows the target unless it was given; targets of one fabric share their designs.
    """
    values = {k: v if isinstance(v, tuple) else (v,) for k, v in options.items() if v is not None}
    given = {key: several for key, several in values.items() if several}

    def each(targets: Sequence[str]) -> list[tuple[Variant, str]]:
        follows = CATALOGUE.find(name).takes("fabric") and "fabric" not in given
        variants: list[tuple[Variant, str]] = []
        for combination in product(*given.values()):
            one = dict(zip(given, combination, strict=True))
            shared: dict[str, Variant] = {}
            for target in targets:
                fabric = fabric_of(target) if follows and target else ""
                if fabric not in shared:
                    more = {"fabric": fabric} if fabric else {}
                    shared[fabric] = _checked(variant(name, **one, **more), one)
                variants.append((shared[fabric], target))
        # Of several designs, some may have no use for what others need.
        for key in given:
            if all(key in made.idle for made, _ in variants):
                variants[0][0].check_effect([key])
        return variants

    return Chosen(name, each)


def _checked(made: Variant, given: Mapping[str, Any]) -> Variant:
    """The design; ValueError where an option about its reset was given, and it has none."""
    for key, option in (("reset", "--reset"), ("polarity", "--reset-polarity")):
        if key in given and not made.clocked:
            raise ValueError(f"{option} {given[key]} has no effect: {made.top} is combinational")
    return made


def of_files(
    manifest: Path | None, config: Path | None = None, takes: Callable[[Design], bool] | None = None
) -> Chosen:
    """Choose the design of a manifest, or those of a TOML file.

    Where other versions wrote the manifest than are installed, a line on standard error says so.

    Args:
        manifest: a file of one design; None for the other.
        config: a file of several.
        takes: whether the command takes a design; all, where None.

    Raises:
        ValueError: both files are given, or none.
    """
    if (manifest is None) == (config is None):
        raise ValueError("--from is for one design, --config for several: give one of them")
    path = manifest or config or Path()

    def each(targets: Sequence[str]) -> list[tuple[Variant, str]]:
        designs = from_config(path) if manifest is None else [from_manifest(path)]
        for made in designs:
            if takes is not None and not takes(made.design):
                raise ValueError(f"--from {path}: not a command for {made.design.name}")
        other = "" if manifest is None else other_versions(versions_in(path))
        if other:
            print(f"warning: {path} was made by {other}: files may differ", file=sys.stderr)
        return [(design, target) for design in designs for target in targets]

    return Chosen(path.name, each)
