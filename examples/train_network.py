"""Train networks of the digits on the accelerator's golden machine, and compare formats.

Every step is one program of the accelerator: forward, squared loss, backward, update. The host
writes the next images and targets into memory, and reads what the network said. The references do
the same in NumPy, in FP32 and with operands rounded to BF16.

Usage: python examples/train_network.py [--network mlp|cnn] [--format NAME ...] [--epochs N]
           [--seeds N] [--plot PATH]
       python examples/train_network.py --network cnn --format mxsf --save PATH [--resume PATH]

       python examples/train_network.py --network cnn --costs [--bus BITS]

`--costs` prints what each layer of a training step costs by the cost model, and trains nothing.
`--save` keeps the accelerator's memory after each epoch; `--resume` goes on from it, and ends with
the memory that training without a break has.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from float_network import FloatNetwork, bf16, fp32
from mxsf.flow.cli.tables import layer_table, show
from mxsf.flow.network.digits import CLASSES, SHIFT, digits_cnn, digits_mlp, digits_step
from mxsf.flow.network.figures import layer_costs
from mxsf.flow.network.inference import compile_network
from mxsf.flow.network.network import Network, Parameters
from mxsf.flow.network.training import compile_training
from mxsf.golden import FORMATS
from mxsf.golden.accelerator.configuration import BUS_BITS, Configuration
from mxsf.golden.accelerator.cost import cost
from mxsf.golden.accelerator.machine import Machine
from mxsf.golden.files import read_archive, write_archive
from numpy.typing import NDArray
from train_digits import Parser, Split, fail, integer_from, load

Floats = NDArray[np.float32]
Report = Callable[[str], None]

NETWORKS = {"mlp": digits_mlp, "cnn": digits_cnn}
REFERENCES = {"fp32": fp32, "bf16": bf16}
BATCH = 64
STEPS = 22  # of an epoch: 1437 images
DEFAULT = ("fp32", "bf16", "mxsf", "e2m5", "e4m3", "e5m2", "int8")


class Run(NamedTuple):
    """Losses, one a step, half the squared distance of a batch; the accuracy on the test images."""

    losses: list[float]
    accuracy: float


def batches(
    data: Split, network: Network, seed: int, epoch: int
) -> Iterator[tuple[Floats, Floats]]:
    """Images and targets of an epoch, in an order that its number and the seed say."""
    order = np.random.default_rng([seed, epoch]).permutation(len(data.x_train))
    one, shape = np.eye(CLASSES, dtype=np.float32), network.shapes[network.input]
    for first in range(0, len(order) - BATCH + 1, BATCH):
        some = order[first : first + BATCH]
        yield data.x_train[some].reshape(BATCH, *shape), one[data.y_train[some]]


def accuracy(said: Floats, labels: NDArray[np.int64]) -> float:
    """Share of images whose largest number is that of their class."""
    return float((said.argmax(axis=1) == labels).mean())


def train_reference(data: Split, network: Network, name: str, epochs: int, seed: int) -> Run:
    """Train in NumPy."""
    model = FloatNetwork(network, network.drawn(seed), REFERENCES[name])
    losses = [
        model.step(x, y, 2.0**-SHIFT)
        for epoch in range(epochs)
        for x, y in batches(data, network, seed, epoch)
    ]
    images = data.x_test.reshape(-1, *network.shapes[network.input])
    return Run(losses, accuracy(model.run(images), data.y_test))


class Trainer:
    """Training on the golden machine.

    Args:
        data: the digits.
        network: what learns.
        element: name of the element format.
        seed: of the weights at first and of the order of images.

    Attributes:
        machine: the accelerator, with the weights in its memory.
        epoch: how many are done.
        losses: of all steps.
    """

    def __init__(self, data: Split, network: Network, element: str, seed: int):
        self.data, self.network, self.seed = data, network, seed
        self.built = Configuration(FORMATS[element])
        parameters = network.drawn(seed)
        self.made = compile_training(network, parameters, BATCH, self.built, shift=SHIFT)
        self.machine = self.made.machine()
        self.epoch, self.losses = 0, list[float]()

    def run_epoch(self) -> None:
        """All images once."""
        for x, y in batches(self.data, self.network, self.seed, self.epoch):
            self.made.write(self.machine.memory, x, y)
            outcome = self.machine.run(self.made.program.start)
            if outcome.fault or outcome.breaches:
                raise RuntimeError(f"the program ended with {outcome}")
            said = self.made.read(self.machine.memory)
            self.losses.append(float(np.square(said - y).sum() / 2))
        self.epoch += 1

    def accuracy(self) -> float:
        """On the test images, by an inference program of the weights so far."""
        images = self.data.x_test.reshape(-1, *self.network.shapes[self.network.input])
        made = compile_network(self.network, self.parameters(), len(images), self.built)
        machine = Machine(self.built, made.program.image())
        made.write(machine.memory, images)
        machine.run(made.program.start)
        return accuracy(made.read(machine.memory), self.data.y_test)

    def parameters(self) -> Parameters:
        """Weights and biases so far."""
        return self.made.parameters(self.machine.memory)

    def save(self, path: Path) -> None:
        """Write the memory to a file, whole or not at all."""
        facts = {**self._facts(), "epoch": self.epoch, "losses": self.losses}
        write_archive(path, {"facts": json.dumps(facts), "memory": self.machine.memory})

    def resume(self, path: Path) -> None:
        """Go on from a saved memory.

        Raises:
            ValueError: it is that of another training, or damaged.
        """
        with read_archive(path, "memory of this training") as members:
            facts: dict[str, Any] = json.loads(str(members["facts"]))
            for name, value in self._facts().items():
                if facts[name] != value:
                    raise ValueError(f"{name} must be {value}, not {facts[name]}")
            if members["memory"].shape != self.machine.memory.shape:
                raise ValueError(f"memory has {members['memory'].shape} bytes")
            self.machine.memory[:] = members["memory"]
            self.epoch, self.losses = facts["epoch"], facts["losses"]

    def _facts(self) -> dict[str, Any]:
        return {
            "element": self.built.element.name,
            "network": [*self.network.nodes],
            "seed": self.seed,
        }


def train(trainer: Trainer, epochs: int, save: Path | None, report: Report) -> Run:
    """Train up to a number of epochs."""
    while trainer.epoch < epochs:
        trainer.run_epoch()
        if save is not None:
            trainer.save(save)
        loss = np.mean(trainer.losses[-STEPS:])
        report(f"epoch {trainer.epoch:3d}: loss {loss / BATCH:.4f} an image")
    return Run(trainer.losses, trainer.accuracy())


def plot(rows: dict[str, list[Run]], path: Path) -> None:
    """Draw the loss an image of each format: the mean of the seeds and of an epoch's steps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    axes = (figure := Figure(figsize=(7, 4.5), layout="constrained")).subplots()
    for name, runs in rows.items():
        losses = np.mean([run.losses for run in runs], axis=0) / BATCH
        epochs = losses.reshape(-1, STEPS).mean(axis=1)
        axes.plot(np.arange(len(epochs)) + 1, epochs, label=name, linewidth=1)
    axes.set(xlabel="epoch", ylabel="training loss an image", yscale="log")
    axes.legend()
    # No date and fixed ids: the same losses give the same file.
    with matplotlib.rc_context({"svg.hashsalt": "mxsf"}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def print_costs(network: Network, bus: int) -> None:
    """Print what the layers of a step cost, and what a further step does."""
    built = Configuration(bus=bus)
    one, two = (digits_step(network, built, steps=steps) for steps in (1, 2))
    show(layer_table(layer_costs(one.program, one.marks)))
    first, both = (cost(made.program.descriptors, built) for made in (one, two))
    cycles = both.cycles - first.cycles
    print(
        f"a further step: {cycles} cycles, {(both.steps - first.steps) / cycles:.1%} useful, "
        f"{both.read - first.read} bytes read, {both.written - first.written} written, "
        f"{both.products - first.products} multiplications"
    )


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = Parser(description=(__doc__ or "").partition("\n")[0], allow_abbrev=False)
    add = parser.add_argument
    add("--network", choices=[*NETWORKS], default="mlp", help="default: %(default)s")
    add("--format", choices=[*REFERENCES, *FORMATS], action="append", help="default: seven")
    add("--epochs", type=integer_from(1), default=20, metavar="N", help="default: %(default)s")
    add("--seeds", type=integer_from(1), default=1, metavar="N", help="default: %(default)s")
    add("--plot", type=Path, metavar="PATH", help="loss curves: .svg, .png, .pdf")
    add("--save", type=Path, metavar="PATH", help="keep the memory here after each epoch: .npz")
    add("--resume", type=Path, metavar="PATH", help="go on from what --save kept")
    add("--costs", action="store_true", help="print what a step costs, and train nothing")
    add("--bus", type=int, choices=BUS_BITS, default=64, help="bits, for --costs")
    options = parser.parse_args(arguments)
    options.format = options.format or [*DEFAULT]
    if (options.save or options.resume) and (
        len(options.format) > 1 or options.seeds > 1 or options.format[0] in REFERENCES
    ):
        fail("arguments --save, --resume: they take one --format of the accelerator, one seed")
    for name in ("plot", "save"):
        path: Path | None = getattr(options, name)
        if path is not None and not path.parent.is_dir():
            fail(f"argument --{name}: folder {str(path.parent)!r} does not exist")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Train, report and return the exit status."""
    options = parse_arguments(arguments)
    if options.costs:
        print_costs(NETWORKS[options.network](), options.bus)
        return 0
    try:
        data = load()
    except ImportError:
        fail("scikit-learn is not installed; it provides the digits (pip install scikit-learn)")
    network, rows = NETWORKS[options.network](), dict[str, list[Run]]()
    say: Report = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
    for name in options.format:
        runs = rows[name] = []
        for seed in range(options.seeds):
            if name in REFERENCES:
                runs.append(train_reference(data, network, name, options.epochs, seed))
                continue
            trainer = Trainer(data, network, name, seed)
            if options.resume is not None:
                try:
                    trainer.resume(options.resume)
                except (ValueError, OSError) as problem:
                    fail(f"argument --resume: {problem}")
            runs.append(train(trainer, options.epochs, options.save, say))
        percent = 100 * np.array([run.accuracy for run in runs])
        spread = f" +- {percent.std(ddof=1):.2f}" if len(runs) > 1 else ""
        loss = np.mean([run.losses[-STEPS:] for run in runs]) / BATCH
        line = f"{name:5s} {percent.mean():6.2f} %{spread}, loss {loss:.4f} ({len(runs)} seeds)"
        print(line, flush=True)
    if options.plot is not None:
        plot(rows, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
