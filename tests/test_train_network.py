"""The example that trains on the accelerator: it learns, goes on where it stopped, and compares."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from float_network import FloatNetwork, bf16, fp32
from mxsf.flow.device.local import GoldenDevice
from mxsf.flow.network.digits import digits_batch, digits_mlp
from mxsf.flow.network.layers import AveragePool, Conv2d, Dense, Flatten, Relu
from mxsf.flow.network.network import Network
from mxsf.flow.network.training import compile_training
from mxsf.golden import ElementFormat
from mxsf.golden.accelerator.configuration import Configuration
from network_trainer import Run, Trainer
from train_digits import Split
from train_network import main, plot, train

SCRIPT = Path(__file__).parent.parent / "examples" / "train_network.py"


def shipped():
    """The shipped images for training and for testing: an epoch is a step."""
    x, y = digits_batch()
    labels = y.argmax(axis=1)
    return Split(x, labels, x, labels)


def test_training_goes_on_where_it_stopped(tmp_path):
    data, path = shipped(), tmp_path / "memory.npz"
    whole = Trainer(data, digits_mlp(), "mxsf", 3)
    for _ in range(4):
        whole.run_epoch()
    part = Trainer(data, digits_mlp(), "mxsf", 3)
    train(part, 2, path, lambda line: None)
    again = Trainer(data, digits_mlp(), "mxsf", 3)
    again.resume(path)
    train(again, 4, None, lambda line: None)
    assert again.memory.tobytes() == whole.memory.tobytes()
    assert again.losses == whole.losses
    assert whole.losses[-1] < whole.losses[0]
    for element, seed, what in [("e4m3", 3, "element"), ("mxsf", 4, "seed")]:
        other = Trainer(data, digits_mlp(), element, seed)
        with pytest.raises(ValueError, match=f"holds no memory of this training: {what} must be"):
            other.resume(path)


class Counterfeit(GoldenDevice):
    """What is taken for the Verilog; a byte of its memory may be wrong."""

    name, wrong = "rtl", 0

    def __init__(self, built, size, report=None):
        super().__init__(built, size)
        assert report is not None

    def run(self, program, limit=None, report=None):
        ran = super().run(program, limit, report)
        self.memory[-1] ^= self.wrong
        return ran


RTL = ("--format", "mxsf", "--epochs", "1", "--device", "rtl")


def test_every_byte_of_memory_is_compared(monkeypatch, capsys):
    monkeypatch.setattr("train_network.load", shipped)
    monkeypatch.setattr("network_trainer.RtlDevice", Counterfeit)
    assert main([*RTL]) == 0
    assert "bytes of memory equal the golden machine's\n" in capsys.readouterr().out
    monkeypatch.setattr(Counterfeit, "wrong", 1)
    assert main([*RTL]) == 1
    out, err = capsys.readouterr()
    assert "equal" not in out
    assert err.splitlines()[-1] == "error: 1 bytes of memory differ from the golden machine's"


def test_a_plot(tmp_path):
    runs = [Run([float(n) for n in range(44, 0, -1)], 0.5)]
    plot({"mxsf": runs, "fp32": runs * 2}, tmp_path / "losses.svg")
    assert (tmp_path / "losses.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize("rounded", [fp32, bf16])
def test_the_reference_takes_the_same_steps(rounded):
    """With elements of 16 bits the accelerator's weights are nearly the reference's."""
    layers = [Conv2d(5, 3), Relu(), Conv2d(6, 3, 2), Relu(), AveragePool(2), Flatten(), Dense(3)]
    network = Network.of((2, 7, 8), layers)
    random = np.random.default_rng(0)
    x, y = (random.standard_normal((8, *s)).astype(np.float32) for s in ((2, 7, 8), (3,)))
    start = network.drawn(1)
    built = Configuration(ElementFormat("e5m10", 5, 10), tile=4, pes=16, depth=256)
    made = compile_training(network, start, 8, built, shift=5)
    made.write(None, x, y)
    machine = made.machine()
    assert machine.run(made.program.start).fault == 0
    model = FloatNetwork(network, start, rounded)
    loss = model.step(x, y, 2.0**-5)
    assert loss == pytest.approx(np.square(made.read(machine.memory) - y).sum() / 2, rel=2e-2)
    for name, found in made.parameters(machine.memory).items():
        moved, expected = found - start[name], model.parameters[name] - start[name]
        assert np.abs(expected).max() > 1e-3
        assert np.abs(moved - expected).max() < 0.03 * np.abs(expected).max(), name


def test_costs(capsys):
    assert main(["--network", "mlp", "--costs", "--bus", "512"]) == 0
    lines = capsys.readouterr().out.splitlines()
    layers = [line.split()[0] for line in lines]
    assert layers == ["layer", "dense1", "dense3", "loss", "dense3", "dense1", "all", "a"]
    assert lines[-1].endswith(" 1523712 multiplications")


def run(*words):
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.long
def test_a_network_learns(tmp_path):
    plotted, saved = tmp_path / "losses.svg", tmp_path / "memory.npz"
    done = run("--epochs", 4, "--format", "fp32", "--format", "mxsf", "--plot", plotted)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [words[0] for words in lines] == ["fp32", "mxsf"]
    assert all(float(words[1]) > 60 for words in lines)
    assert plotted.exists()
    done = run("--network", "cnn", "--epochs", 1, "--format", "e5m2", "--save", saved)
    assert done.returncode == 0, done.stderr
    done = run("--network", "cnn", "--epochs", 1, "--format", "e5m2", "--resume", saved)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        ("--device", "rtl"),
        ("--epochs", 0),
        ("--save", "x.npz"),
        ("--format", "mxsf", "--resume", "nowhere.npz"),
        ("--plot", "nowhere/a.svg"),
        ("--network", "rnn"),
    ],
)
def test_bad_arguments(words):
    done = run(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
