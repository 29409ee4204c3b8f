"""The libraries that the golden model is held against."""

import importlib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import NamedTuple

from comparison import Comparison


class Library(NamedTuple):
    """A library of others.

    Attributes:
        module: what is imported.
        distribution: what it is installed as; empty for a folder of sources.
        install: how to install it.
    """

    module: str
    distribution: str
    install: str

    @property
    def version(self) -> str | None:
        """Its version, "from its sources" for a folder of them, or None where it is not there."""
        if not self.distribution:
            return "from its sources" if find_spec(self.module) else None
        try:
            return version(self.distribution)
        except PackageNotFoundError:
            return None

    @property
    def installed(self) -> bool:
        """Whether it is there."""
        return self.version is not None


LIBRARIES = {
    "ml_dtypes": Library("ml_dtypes", "ml_dtypes", "pip install ."),
    "gfloat": Library("gfloat", "gfloat", "pip install '.[peers]'"),
    "torchao": Library("torchao", "torchao", "pip install '.[peers-torch]'"),
    "microxcaling": Library(
        "mx",
        "",
        "torch, and a clone of github.com/microsoft/microxcaling in PYTHONPATH",
    ),
    "quark": Library("quark", "amd-quark", "pip install torch amd-quark transformers"),
}


def comparisons(name: str) -> Iterator[Comparison]:
    """Run the comparisons with a library."""
    return importlib.import_module(f"against_{name}").compare()
