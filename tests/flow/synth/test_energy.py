"""Energy: real operands; results that are compared."""

from dataclasses import replace

import numpy as np
import pytest
from cells import LIBRARY
from mxsf.flow.catalogue.catalogue import tensors, variant
from mxsf.flow.study.operands import tensor_blocks, tensor_pairs
from mxsf.flow.synth.energy import STREAMS, energy
from mxsf.golden import E4M3, MXSF, dot, matmul, quantize
from mxsf.golden.baseline import dot_bf16
from mxsf.golden.formats.word import BF16
from mxsf.sim.bench.dot import dot_stimulus


def test_tensor_pairs():
    """The accs of an output's blocks are the sums before them; the last sum is the product's."""
    count = 5 * 64
    pairs = tensor_pairs(MXSF, count)
    assert len(pairs.acc) == count
    results = dot(
        pairs.a_codes[:, 0],
        pairs.a_scale[:, 0],
        pairs.b_codes[:, 0],
        pairs.b_scale[:, 0],
        pairs.acc.view(np.float32),
        MXSF,
    )
    values = tensors()
    golden = matmul(*(quantize(values[n], MXSF, (8, 8)) for n in ("x", "w1")))
    places = np.linspace(0, golden.size, 8, endpoint=False).astype(int)
    np.testing.assert_array_equal(results[:64].reshape(8, 8)[:, -1], golden.reshape(-1)[places])
    np.testing.assert_array_equal(
        pairs.acc.view(np.float32)[:64].reshape(8, 8)[:, 1:], results[:64].reshape(8, 8)[:, :-1]
    )
    assert not pairs.acc[:64:8].any()


def test_tensor_blocks():
    blocks = tensor_blocks("window", 320)
    sums = dot_bf16(
        BF16.values(blocks.a), BF16.values(blocks.b), blocks.acc.view(np.float32), "window"
    )
    np.testing.assert_array_equal(blocks.acc.view(np.float32)[1:8], sums[:7])
    values = tensors()
    assert sums[7] == pytest.approx(float(values["x"][0] @ values["w1"][:, 0]), rel=0.02)


def small(element=MXSF, **options):
    design = variant("dot", element=element.name, block=8, **options)
    return design, dot_stimulus(design.component, tensor_pairs(element, STREAMS * 2))


@pytest.mark.long
@pytest.mark.parametrize(("element", "stages"), [(MXSF, 0), (E4M3, 3)], ids=str)
def test_generic(element, stages):
    design, stimulus = small(element, stages=stages)
    spent = energy(design, stimulus)
    assert spent.unit == "pins"
    assert spent.beats == 2 * STREAMS
    assert 0 < spent.settled < spent.logic
    assert (spent.clock > 0) == (spent.registers > 0) == (stages > 0)


@pytest.mark.long
def test_library_cells(tmp_path):
    """Twice the voltage, four times the energy, where nothing is inside the cells."""
    design, stimulus = small(stages=1)
    spent = []
    for volts in ("2.0", "4.0"):
        path = tmp_path / f"{volts}.lib"
        text = LIBRARY.replace("voltage : 2.0", f"voltage : {volts}")
        for figure in ("4, 8", "2, 2", '("5")', '("3")'):
            text = text.replace(figure, "0, 0" if "," in figure else '("0")')
        path.write_text(text)
        spent.append(energy(design, stimulus, f"liberty={path}"))
    assert spent[0].unit == "pJ"
    for part in ("logic", "registers", "clock", "settled"):
        assert getattr(spent[1], part) == pytest.approx(4 * getattr(spent[0], part))
    flip_flops = spent[0].clock / (2 * 2.0**2 / 2 * 3e-3)
    assert flip_flops == pytest.approx(design.ports["o__payload"][0] + 1)  # the word, and valid


@pytest.mark.long
def test_a_wrong_result_is_seen():
    design, stimulus = small(stages=0)
    outputs = stimulus.outputs.copy()
    outputs[700, 1] ^= 4
    with pytest.raises(RuntimeError, match="mxsf_dot_mxsf_b8_s0 does not compute"):
        energy(design, replace(stimulus, outputs=outputs))


def test_bad_requests():
    design, stimulus = small(stages=0)
    with pytest.raises(ValueError, match="generic gates and liberty=FILE, not 'ecp5'"):
        energy(design, stimulus, "ecp5")
