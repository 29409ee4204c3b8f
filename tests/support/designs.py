"""What several hardware tests need: formats, words, a check of a whole design, planted bugs."""

import shutil
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import pytest
from mxsf.flow.catalogue.catalogue import CATALOGUE, Variant, variant
from mxsf.flow.export.verilog import verilog
from mxsf.flow.simulate import make_simulator
from mxsf.golden import FORMATS
from mxsf.sim.bench.encoder import mixed_blocks
from mxsf.sim.result import NO_STALLS, Result, Stalls
from mxsf.sim.simulator.verilog import ICARUS, VERILATOR
from mxsf.sim.stimulus.stimulus import Stimulus
from mxsf.sim.stimulus.words import EDGES, directed_words, random_words

NAMED = list(FORMATS)
OTHERS = ["e3m4", "e0m5", "e5m0", "e1m2", "e2m3+e2m1", "e3m3+e2m1+e1m0", "e8m7", "e4m11"]

ACCELERATOR = ("accelerator", {"tile": 4, "pes": 1, "depth": 16, "element": "e2m1"})

SMALL = [
    ("decoder", {"element": "int8"}),
    ("decoder", {"element": "mx9"}),
    ("encoder", {"block": 8, "lanes": 2}),
    ("encoder", {"element": "mx4", "block": 4, "lanes": 2}),
    ("product_sum", {"block": 4}),
    ("accumulator", {"block": 4, "outputs": 3}),
    ("dot", {"block": 4, "stages": 0}),
    ("requantizer", {"tile": 4}),
    ("requantizer", {"tile": 4, "both": True, "storage": "memory"}),
    ("baseline", {"block": 2, "method": "window"}),
    ("matmul", {"tile": 4, "pes": 2, "depth": 8, "element": "e2m1"}),
    ACCELERATOR,
    ("pack", {"bits": 7, "lanes": 8}),
    ("unpack", {"bits": 7, "lanes": 8, "stages": 0}),
]
"""Every design of the catalogue, small: names and parameters."""

STREAMING = [(name, options) for name, options in SMALL if name not in ("decoder", "accelerator")]
"""Those that have streams."""


def interfaces(name: str) -> list[str]:
    """Interfaces that a design can have."""
    found = CATALOGUE[name].interfaces
    return [kind for kind in found if (name, kind) != ("decoder", "axi")]  # it has no streams


needs_gcc = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
needs_verilator = pytest.mark.skipif(
    not VERILATOR.available(), reason="needs verilator (apt-get install)"
)
needs_icarus = pytest.mark.skipif(not ICARUS.available(), reason="needs iverilog (apt-get install)")


@cache
def exported(name: str, **options: Any) -> tuple[Variant, str]:
    """A design and its Verilog, made once a process."""
    design = variant(name, **options)
    return design, verilog(design)


def tiers(quick: Iterable[Any], everything: Iterable[Any]) -> list[Any]:
    """Parameters of a test: the quick ones by default, all others in the long tier.

    Each is one parameter, or a tuple of as many as the test takes.
    """
    fast = list(quick)
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=() if case in fast else pytest.mark.long,
        )
        for case in dict.fromkeys([*fast, *everything])
    ]


def edge_blocks(variant: Variant, blocks: int = 60, seed: int = 0) -> Stimulus:
    """Edge, directed and random blocks for an encoder, some of them ended early."""
    encoder = variant.component
    random = np.random.default_rng(seed)
    directed = directed_words(encoder.format, encoder.block, encoder.source)
    chosen = directed[EDGES:][random.permutation(len(directed) - EDGES)[:blocks]]
    edges = directed[:EDGES]
    words = np.concatenate(
        [edges, chosen, random_words(random, blocks, encoder.block, encoder.source)]
    )
    return mixed_blocks(encoder, words, random)


def check(variant: Variant, simulator: str, stalls: Stalls = NO_STALLS) -> Result:
    """Run the bench of a design and fail on any mismatch."""
    result = variant.bench(make_simulator(variant, simulator), None, stalls)
    assert result.passed, result.mismatches
    return result


def plant(monkeypatch, kind, where, change):
    """Put a component in place of another, with a change to what it drives."""

    class Broken(kind):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            m.d.comb += change(self)
            return m

    monkeypatch.setattr(where, kind.__name__, Broken)
