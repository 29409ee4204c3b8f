"""Train networks of the digits on the accelerator, and compare formats.

Every step is one program of the accelerator: forward, squared loss, backward, update. The host
writes the next images and targets into memory, and reads what the network said. The references do
the same in NumPy, in FP32 and with operands rounded to BF16.

Usage: python examples/train_network.py [--network mlp|cnn] [--format NAME ...] [--epochs N]
           [--seeds N] [--jobs N] [--plot PATH]
       python examples/train_network.py --network cnn --format mxsf --save PATH [--resume PATH]
       python examples/train_network.py --network cnn --format mxsf --epochs 1 --device rtl
       python examples/train_network.py --network cnn --costs [--bus BITS]

The accelerator is its golden machine. With `--device rtl` it is the Verilog that ships, compiled by
Verilator; the golden machine takes the same steps, and every byte of both memories is compared at
the end: exit 1 where one differs.
`--costs` prints what each layer of a training step costs by the cost model, and trains nothing.
`--save` keeps the accelerator's memory after each epoch; `--resume` goes on from it, and ends with
the memory that training without a break has.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from mxsf.flow.cli.tables import layer_table, show
from mxsf.flow.device.local import DEVICES, GoldenDevice, RtlDevice
from mxsf.flow.network.digits import digits_cnn, digits_mlp, digits_step
from mxsf.flow.network.figures import layer_costs
from mxsf.flow.network.network import Network
from mxsf.golden import FORMATS
from mxsf.golden.accelerator.configuration import BUS_BITS, Configuration
from mxsf.golden.accelerator.cost import cost
from network_trainer import BATCH, REFERENCES, Report, Run, Trainer, train_reference
from train_digits import Parser, Split, fail, integer_from, load

NETWORKS = {"mlp": digits_mlp, "cnn": digits_cnn}
Task = tuple[Split, argparse.Namespace, str, int]  # data, options, format, seed

STEPS = 22  # of an epoch: 1437 images
DEFAULT = ("fp32", "bf16", "mxsf", "e2m5", "e4m3", "e5m2", "int8")


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
    add("--jobs", type=integer_from(1), default=1, metavar="N", help="processes [1]")
    add("--device", choices=DEVICES, default=GoldenDevice.name, help="default: %(default)s")
    add("--costs", action="store_true", help="print what a step costs, and train nothing")
    add("--bus", type=int, choices=BUS_BITS, default=64, help="bits, for --costs")
    options = parser.parse_args(arguments)
    options.format = options.format or [*DEFAULT]
    if (options.save or options.resume) and (
        len(options.format) > 1 or options.seeds > 1 or options.format[0] in REFERENCES
    ):
        fail("arguments --save, --resume: they take one --format of the accelerator, one seed")
    if options.device == RtlDevice.name and {*options.format} & {*REFERENCES}:
        fail("argument --device: rtl takes formats of the accelerator, name one by --format")
    for name in ("plot", "save"):
        path: Path | None = getattr(options, name)
        if path is not None and not path.parent.is_dir():
            fail(f"argument --{name}: folder {str(path.parent)!r} does not exist")
    return options


def resume(trainer: Trainer, path: Path | None) -> None:
    """Go on from a saved memory, if one is named."""
    if path is not None:
        try:
            trainer.resume(path)
        except (ValueError, OSError) as problem:
            fail(f"argument --resume: {problem}")


def train_golden(task: Task) -> Run:
    """Train in one format from one seed, in NumPy or on the golden machine."""
    data, options, name, seed = task
    network = NETWORKS[options.network]()
    if name in REFERENCES:
        return train_reference(data, network, name, options.epochs, seed)
    trainer = Trainer(data, network, name, seed)
    resume(trainer, options.resume)
    return train(trainer, options.epochs, options.save, lambda line: say(f"{name} {seed}: {line}"))


def train_rtl(task: Task) -> Run:
    """Train on the Verilog and beside it on the golden machine.

    Raises:
        RuntimeError: a byte of their memories differs, or Verilator is not installed.
    """
    data, options, name, seed = task
    network = NETWORKS[options.network]()
    found, golden = (
        Trainer(data, network, name, seed, device, say) for device in (RtlDevice.name, "golden")
    )
    for trainer in (found, golden):
        resume(trainer, options.resume)
    run = train(found, options.epochs, options.save, lambda line: say(f"rtl: {line}"))
    train(golden, options.epochs, None, lambda line: say(f"golden: {line}"))
    if differing := int((found.memory != golden.memory).sum()):
        raise RuntimeError(f"{differing} bytes of memory differ from the golden machine's")
    print(f"{name}: all {len(found.memory)} bytes of memory equal the golden machine's")
    return run


def say(line: str) -> None:
    """Tell what is done, on standard error."""
    print(line, file=sys.stderr, flush=True)


def print_result(name: str, runs: Sequence[Run]) -> None:
    """Print the accuracy of the runs of a format."""
    percent = 100 * np.array([run.accuracy for run in runs])
    spread = f" +- {percent.std(ddof=1):.2f}" if len(runs) > 1 else ""
    loss = np.mean([run.losses[-STEPS:] for run in runs]) / BATCH
    line = f"{name:5s} {percent.mean():6.2f} %{spread}, loss {loss:.4f} ({len(runs)} seeds)"
    print(line, flush=True)


def train_all(data: Split, options: argparse.Namespace) -> dict[str, list[Run]]:
    """Train in all formats from all seeds; prints a line a format."""
    rows, seeds = dict[str, list[Run]](), range(options.seeds)
    tasks = [(data, options, name, seed) for name in options.format for seed in seeds]
    run = train_rtl if options.device == RtlDevice.name else train_golden
    with ProcessPoolExecutor(options.jobs) as pool:
        results = map(run, tasks) if options.jobs == 1 else pool.map(run, tasks)
        for name in options.format:
            rows[name] = [next(results) for _ in seeds]
            print_result(name, rows[name])
    return rows


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
    try:
        rows = train_all(data, options)
    except RuntimeError as problem:
        say(f"error: {problem}")
        return 1
    if options.plot is not None:
        plot(rows, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
