"""What exhaustive tests of encoders share: every word at every scale."""

import numpy as np
from mxsf.flow.simulate import cxxrtl_simulator
from mxsf.sim.bench.encoder import encoder_stimulus

EXPONENTS = [*range(0, 40), 100, 127, 128, *range(236, 255)]
"""Where the byte clamps, where words flush, the middle, the top.

Between them the hardware reads differences of exponents only.
"""


def words_below(exponent):
    """Every BF16 word of an exponent up to the given one, both signs."""
    magnitudes = np.arange((exponent + 1) << 7, dtype=np.uint32)
    return np.concatenate([magnitudes, magnitudes | 0x8000])


def exhaust(design, exponents, free=slice(1, None)):
    """Each word against each larger or equal block exponent: (words compared, mismatches).

    Words stand in the free lanes; a power of two in each of the others holds the block's exponent.
    """
    encoder, block = design.component, design.component.block
    simulator = cxxrtl_simulator(design)
    lanes = len(range(block)[free])
    compared = wrong = 0
    for exponent in exponents:
        words = words_below(exponent)
        rows = -(-len(words) // lanes)
        filled = np.zeros(rows * lanes, np.uint32)
        filled[: len(words)] = words
        blocks = np.full((rows, block), exponent << 7, np.uint32)
        blocks[:, free] = filled.reshape(rows, lanes)
        case = encoder_stimulus(encoder, blocks)
        seen = simulator.stream(case.inputs, case.outputs.shape[1], valid=0.9, ready=0.9)
        assert not seen.violation
        compared += len(words)
        wrong += int((seen.outputs != case.outputs).any(axis=1).sum())
    return compared, wrong
