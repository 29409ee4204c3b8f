"""What the tests of the re-quantizer share: designs, tiles to run, a checked run."""

import numpy as np
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.simulate import make_simulator
from mxsf.sim.bench.requantizer import (
    Tiles,
    directed_tiles,
    random_tiles,
    run_requantizer,
)
from mxsf.sim.result import Stalls

STALLS = Stalls(valid=0.8, ready=0.7, seed=5)
ROUNDINGS = ["nearest_even", "half_away", "stochastic"]


def build(**options):
    return variant("requantizer", **{"tile": 4, "stages": 1, **options})


def mix(design, count=24, seed=0):
    """Edge, directed and random tiles, straight, transposed, and some of them ended early."""
    part, random = design.component, np.random.default_rng(seed)
    directed = directed_tiles(random, part.element, part.tile, part.source)
    chosen = directed[random.permutation(len(directed))[:count]]
    extra = directed[-48::4]  # one huge value, Inf and NaN, subnormal words, one word all over
    words = [chosen, extra, random_tiles(random, count // 2, part.tile, part.source)]
    return Tiles.mixed(np.concatenate(words), random)


def run(design, simulator="amaranth", stalls=STALLS, count=24, tiles=None):
    tiles = mix(design, count) if tiles is None else tiles
    result = run_requantizer(
        make_simulator(design, simulator), design.component, stalls=stalls, tiles=tiles
    )
    assert result.passed, result.mismatches
    assert result.blocks == len(tiles.words)
    return result
