"""The examples run, and the shipped tensors are what the example's network makes of the digits."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from designs import needs_gcc
from mxsf.flow.catalogue.catalogue import tensors

SCRIPT = Path(__file__).parent.parent / "examples" / "train_digits.py"


def run(*words):
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.long
def test_train_digits(tmp_path):
    done = run("--epochs", 2, "--output", tmp_path / "digits.npz")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "digits.npz") as made:
        shipped = tensors()
        assert {n: made[n].shape for n in made.files} == {n: x.shape for n, x in shipped.items()}


@pytest.mark.long
def test_formats_on_the_golden_engine(tmp_path):
    plot = tmp_path / "losses.svg"
    done = run("--engine", "golden", "--epochs", 2, "--seeds", 2, "--plot", plot)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [words[0] for words in lines] == ["fp32", "bf16", "mxsf", "e2m5", "e4m3"]
    assert all(float(words[words.index("%") - 1]) > 80 for words in lines)
    assert plot.read_text().startswith("<?xml")


@pytest.mark.long
@needs_gcc
def test_a_step_on_the_hardware():
    done = run("--engine", "rtl")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "432 tiles, 3456 beats" in done.stdout
    assert "0 mismatches" in done.stdout


@pytest.mark.long
def test_bad_arguments():
    done = run("--epochs", 0)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_shipped_tensors_belong_together():
    t = {name: values.astype(np.float64) for name, values in tensors().items()}
    np.testing.assert_allclose(np.maximum(t["x"] @ t["w1"], 0), t["h"], atol=1e-5)
    np.testing.assert_allclose(t["h"].T @ t["dz2"], t["dw2"], atol=1e-6)
    np.testing.assert_allclose(t["x"].T @ t["dh"], t["dw1"], atol=1e-6)
    assert all(np.isfinite(x).all() and x.any() for x in t.values())
