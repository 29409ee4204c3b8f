"""The designs by name: each is described beside its bench, and read when it is asked for."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...sim.design.design import Design
from .interfaces import INTERFACES
from .module_name import check_name, check_prefix
from .variant import Variant

__all__ = ["CATALOGUE", "Catalogue", "Design", "Variant", "tensors", "variant"]


class Catalogue(Mapping[str, Design]):
    """Designs by name, in the order in which people see them; a module is read at first use.

    Args:
        homes: for each design the module of ``mxsf.sim.bench`` whose ``DESIGNS`` has it.
    """

    def __init__(self, homes: Mapping[str, str]):
        self.homes = homes

    def __getitem__(self, name: str) -> Design:
        module = import_module(f"....sim.bench.{self.homes[name]}", __name__)
        return next(design for design in module.DESIGNS if design.name == name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.homes)

    def __len__(self) -> int:
        return len(self.homes)

    def find(self, name: str) -> Design:
        """Return the design of a name, in any case; ValueError, which names all, where none is."""
        if name.lower() not in self.homes:
            raise ValueError(f"unknown design {name!r}: use {', '.join(self)}")
        return self[name.lower()]


CATALOGUE = Catalogue(
    {
        "decoder": "decoder",
        "encoder": "encoder",
        "requantizer": "requantizer",
        "product_sum": "product_sum",
        "accumulator": "accumulator",
        "dot": "dot",
        "matmul": "engine",
        "accelerator": "accelerator",
        "baseline": "baseline",
        "pack": "packing",
        "unpack": "packing",
    }
)
"""Every design by name."""


def variant(
    name: str,
    prefix: str = "",
    *,
    interface: str | None = None,
    reset: str = "sync",
    polarity: str | None = None,
    module: str | None = None,
    tkeep: str | None = None,
    **values: Any,
) -> Variant:
    """Build a design by name.

    Args:
        name: name in the catalogue.
        prefix: text in front of every module name.
        interface: name of its interface, in ``flow.catalogue.interfaces``; by default the
            design's first.
        reset: ``"sync"`` or ``"async"``.
        polarity: of the reset, ``"high"`` or ``"low"``; by default what the interface has.
        module: name of the top module; by default one that says the parameters.
        tkeep: whether AXI4-Stream inputs with arrays have tkeep, ``"yes"`` or ``"no"``; by default
            they have.
        values: parameters, as values or as text; the rest take their defaults.

    Raises:
        ValueError: no such design, interface or parameter, a bad value, or a prefix of a name
            that was given whole.

    >>> variant("encoder", element="e4m3", lanes="8", stages=3).top
    'mxsf_encoder_e4m3_b32_l8_s3'
    """
    design = CATALOGUE.find(name)
    check_prefix(prefix)
    if module is not None:
        check_name(module)
        if prefix:
            raise ValueError(f"the name {module!r} is whole: it takes no prefix {prefix!r}")
    interface = design.interfaces[0] if interface is None else interface
    if interface not in INTERFACES:
        raise ValueError(f"unknown interface {interface!r}: use {', '.join(INTERFACES)}")
    if interface not in design.interfaces:
        raise ValueError(f"{name} has no {interface} ports: use {', '.join(design.interfaces)}")
    ports = INTERFACES[interface]
    clocking = ports.clocking(reset, polarity)
    if tkeep not in (None, "yes", "no"):
        raise ValueError(f"tkeep must be yes or no, not {tkeep!r}")
    if tkeep is not None and interface != "axi":
        raise ValueError(f"tkeep {tkeep} has no effect with {interface} ports: only axi has tkeep")
    kept = None if tkeep is None else tkeep == "yes"
    known = {parameter.name: parameter for parameter in design.parameters}
    for key in values:
        if key not in known:
            raise ValueError(f"{name} has no parameter {key!r}, only {', '.join(known)}")
    component = design.build(
        **{key: p.read(values.get(key, p.default)) for key, p in known.items()}
    )
    built = {key: getattr(component, key) for key in known}
    settled = {key: p.settled(built) for key, p in known.items()}
    return Variant(design, settled, component, prefix, ports, clocking, module or "", kept)


def tensors() -> dict[str, NDArray[np.float32]]:
    """Real tensors that ship with the project: one training step of a small network on digits.

    Weights, activations and gradients by name; see data/README.md for shapes and origin.
    """
    with (
        (files(__package__ or "") / "data" / "digits.npz").open("rb") as file,
        np.load(file) as data,
    ):
        return {name: data[name] for name in data.files}
