"""Train a small digit classifier in NumPy and save real tensors for hardware tests.

The network is 64 -> 128 (ReLU) -> 10 (softmax cross-entropy) without biases, trained in
float32 on the 8x8 digits that scikit-learn bundles. Every matrix product goes through one
`matmul(a, b)` function, so the same training can run with another number format in its place.

With `--engine golden` it trains in FP32, BF16 and three element formats in 8x8 tiles, exactly as
the matrix engine computes, from several seeds. With `--engine rtl` it runs one training step on
the simulated hardware and compares it with the golden model bit for bit.

Usage: python examples/train_digits.py [--output PATH] [--seed N] [--epochs N]
       python examples/train_digits.py --engine golden [--seeds N] [--epochs N] [--plot PATH]
       python examples/train_digits.py --engine rtl [--seed N]
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
MatMul = Callable[[Floats, Floats], Floats]

DEFAULT_OUTPUT = (
    Path(__file__).resolve().parent.parent / "flow" / "catalogue" / "data" / "digits.npz"
)
DEFAULT_SEED = 0
DEFAULT_EPOCHS = 20
DEFAULT_SEEDS = 5

INPUTS = 64
HIDDEN = 128
CLASSES = 10
BATCH = 64
# A low rate: halfway through, most images of a batch still have a gradient worth measuring.
LEARNING_RATE = 0.02
MOMENTUM = 0.9
TEST_IMAGES = 360
# The split has its own seed, so that runs with different --seed share one test set.
SPLIT_SEED = 0
REPORT_EVERY = 5


class Split(NamedTuple):
    """Digits as train and test parts: x (n, 64) float32 in 0..1, y (n,) int64 in 0..9."""

    x_train: Floats
    y_train: Labels
    x_test: Floats
    y_test: Labels


class Weights(NamedTuple):
    """Weights w1 (64, 128) and w2 (128, 10), float32; also used for their gradients."""

    w1: Floats
    w2: Floats


class Gradients(NamedTuple):
    """Gradients of the batch-mean loss, float32, for a batch of n images.

    dz2 (n, 10) at the logits, dh (n, 128) at the hidden pre-activation, dw (64, 128) and
    (128, 10) at the weights.
    """

    dz2: Floats
    dh: Floats
    dw: Weights


class Trained(NamedTuple):
    """Final weights, final test accuracy (fraction in 0..1) and the mid-training tensors."""

    weights: Weights
    accuracy: float
    snapshot: dict[str, Floats]


def float32_matmul(a: Floats, b: Floats) -> Floats:
    """Return the float32 product (m, n) of a (m, k) and b (k, n)."""
    return a @ b


def load() -> Split:
    """Load the 1797 digits: 1437 for training and 360 for testing, pixels scaled to 0..1."""
    # Imported here so that the training functions are usable without scikit-learn.
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    # Pixels are integers 0..16, so this division is exact in float32.
    x = np.asarray(images, dtype=np.float32) / np.float32(16)
    y = np.asarray(labels, dtype=np.int64)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(x))
    test, train_part = order[:TEST_IMAGES], order[TEST_IMAGES:]
    return Split(x[train_part], y[train_part], x[test], y[test])


def initial_weights(rng: np.random.Generator) -> Weights:
    """Draw float32 weights, normal with variance 2 / fan-in (He initialisation)."""

    def draw(rows: int, columns: int) -> Floats:
        scale = np.float32(np.sqrt(2 / rows))
        return rng.standard_normal((rows, columns), dtype=np.float32) * scale

    return Weights(draw(INPUTS, HIDDEN), draw(HIDDEN, CLASSES))


def forward(weights: Weights, x: Floats, matmul: MatMul) -> tuple[Floats, Floats]:
    """Map x (n, 64) to the hidden activations h (n, 128) and the logits z2 (n, 10)."""
    h = np.maximum(matmul(x, weights.w1), np.float32(0))
    return h, matmul(h, weights.w2)


def logit_gradient(z2: Floats, y: Labels) -> Floats:
    """Return the gradient (n, 10) of the batch-mean cross-entropy at the logits z2 (n, 10)."""
    # Subtracting the row maximum leaves the softmax unchanged and keeps exp from overflowing.
    probabilities = np.exp(z2 - z2.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    probabilities[np.arange(len(y)), y] -= np.float32(1)
    return probabilities / np.float32(len(y))


def cross_entropy(z2: Floats, y: Labels) -> float:
    """Return the batch-mean cross-entropy of the logits z2 (n, 10)."""
    shifted = z2 - z2.max(axis=1, keepdims=True)
    logarithms = np.log(np.exp(shifted).sum(axis=1))
    return float(np.mean(logarithms - shifted[np.arange(len(y)), y]))


def backward(weights: Weights, x: Floats, h: Floats, dz2: Floats, matmul: MatMul) -> Gradients:
    """Propagate dz2 (n, 10) back to the hidden layer and to both weight matrices.

    The first layer has no dX product: nothing below the input image needs its gradient.
    """
    # h > 0 exactly where the pre-activation is, so the pre-activation need not be kept.
    dh = matmul(dz2, weights.w2.T) * (h > 0)
    return Gradients(dz2, dh, Weights(matmul(x.T, dh), matmul(h.T, dz2)))


def accuracy(weights: Weights, x: Floats, y: Labels, matmul: MatMul) -> float:
    """Return the fraction (0..1) of the images x (n, 64) classified as their label y (n,)."""
    _, z2 = forward(weights, x, matmul)
    return float(np.mean(z2.argmax(axis=1) == y))


def tensors(weights: Weights, x: Floats, h: Floats, gradients: Gradients) -> dict[str, Floats]:
    """Copy the tensors of one training step, before its update, under their saved names."""
    named = {
        "w1": weights.w1,
        "w2": weights.w2,
        "x": x,
        "h": h,
        "dz2": gradients.dz2,
        "dh": gradients.dh,
        "dw1": gradients.dw.w1,
        "dw2": gradients.dw.w2,
    }
    # Copies, because the update changes the weights in place.
    return {name: np.array(value, dtype=np.float32, order="C") for name, value in named.items()}


def train(
    data: Split,
    epochs: int,
    seed: int,
    matmul: MatMul = float32_matmul,
    report: Callable[[str], None] = print,
    losses: list[float] | None = None,
) -> Trained:
    """Train with momentum SGD and return weights, test accuracy and mid-training tensors.

    Each epoch visits the training images in a new random order, in full batches of 64 only.
    All matrix products of training and testing go through `matmul`; progress lines go to
    `report`, the loss of each step to `losses`. The tensors are those of the step halfway through
    training.
    """
    rng = np.random.default_rng(seed)
    weights = initial_weights(rng)
    velocity = Weights(np.zeros_like(weights.w1), np.zeros_like(weights.w2))
    batches = len(data.x_train) // BATCH
    halfway = epochs * batches // 2
    snapshot: dict[str, Floats] = {}
    test_accuracy = 0.0
    for epoch in range(epochs):
        order = rng.permutation(len(data.x_train))
        for batch in range(batches):
            chosen = order[batch * BATCH : (batch + 1) * BATCH]
            x, y = data.x_train[chosen], data.y_train[chosen]
            h, z2 = forward(weights, x, matmul)
            if losses is not None:
                losses.append(cross_entropy(z2, y))
            gradients = backward(weights, x, h, logit_gradient(z2, y), matmul)
            if epoch * batches + batch == halfway:
                snapshot = tensors(weights, x, h, gradients)
            for w, v, dw in zip(weights, velocity, gradients.dw, strict=True):
                v *= np.float32(MOMENTUM)
                v -= np.float32(LEARNING_RATE) * dw
                w += v
        last = epoch + 1 == epochs
        if last or (epoch + 1) % REPORT_EVERY == 0:
            test_accuracy = accuracy(weights, data.x_test, data.y_test, matmul)
            report(f"epoch {epoch + 1:3d}: test accuracy {100 * test_accuracy:.2f} %")
    return Trained(weights, test_accuracy, snapshot)


def save(path: Path, named: dict[str, Floats]) -> None:
    """Write the tensors to `path` as a compressed npz, whole or not at all.

    Equal tensors give equal bytes: NumPy stamps each member with the fixed date 1980-01-01.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        # An open file, because NumPy would append .npz to a name that lacks it.
        with open(temporary, "wb") as file:
            np.savez_compressed(file, allow_pickle=False, **named)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def fail(message: str) -> NoReturn:
    """Print one error line to stderr and exit with status 2."""
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, without the usage text."""

    def error(self, message: str) -> NoReturn:
        """Report a bad command line and exit with status 2."""
        fail(message)


def integer_from(minimum: int) -> Callable[[str], int]:
    """Return an argparse type for an integer of at least `minimum`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = minimum - 1
        if value < minimum:
            raise argparse.ArgumentTypeError(f"{text!r} is not an integer of at least {minimum}")
        return value

    return parse


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line and check the output path before any training is spent on it."""
    parser = Parser(
        description="Train a 64-128-10 digit classifier and save tensors of one training step.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=DEFAULT_OUTPUT,
        metavar="PATH",
        help="npz file to write (default: flow/catalogue/data/digits.npz in the repository)",
    )
    parser.add_argument(
        "--seed",
        type=integer_from(0),
        default=DEFAULT_SEED,
        metavar="N",
        help="seed of the initial weights and the batch order (default: %(default)s)",
    )
    parser.add_argument(
        "--epochs",
        type=integer_from(1),
        default=DEFAULT_EPOCHS,
        metavar="N",
        help="passes over the training images (default: %(default)s)",
    )
    parser.add_argument(
        "--engine",
        choices=("golden", "rtl"),
        help="products on the engine: compare formats, or one step on the simulated hardware",
    )
    parser.add_argument(
        "--seeds",
        type=integer_from(1),
        default=DEFAULT_SEEDS,
        metavar="N",
        help="seeds of each format with --engine golden (default: %(default)s)",
    )
    parser.add_argument(
        "--plot", type=Path, metavar="PATH", help="loss curves of --engine golden: .svg, .png, .pdf"
    )
    options = parser.parse_args(arguments)
    if options.plot is not None and not options.plot.parent.is_dir():
        fail(f"argument --plot: folder {str(options.plot.parent)!r} does not exist")
    output: Path = options.output
    if not output.parent.is_dir():
        fail(f"argument --output: folder {str(output.parent)!r} does not exist")
    # Replacing a folder fails late, and replacing a device such as /dev/null does harm.
    if output.exists() and not output.is_file():
        fail(f"argument --output: {str(output)!r} is not a regular file")
    return options


def compare_formats(data: Split, options: argparse.Namespace) -> int:
    """Train in every format on the golden engine and return the exit status."""
    import digits_engine

    def run(seed: int, product: MatMul, losses: list[float]) -> float:
        return train(data, options.epochs, seed, product, lambda line: None, losses).accuracy

    rows = digits_engine.formats_table(run, options.seeds, lambda line: print(line, flush=True))
    if options.plot is not None:
        digits_engine.plot(rows, options.plot)
    return 0


def run_hardware(data: Split, seed: int) -> int:
    """Run a first training step on the simulated hardware and return the exit status."""
    import digits_engine

    weights = initial_weights(np.random.default_rng(seed))
    x, y = data.x_train[:BATCH], data.y_train[:BATCH]
    result = digits_engine.hardware_step(
        x, weights.w1, weights.w2, lambda logits: logit_gradient(logits, y)
    )
    print(
        f"one step, batch {BATCH}, on {result.simulator}: {result.blocks} tiles, "
        f"{result.beats} beats, {result.cycles} cycles, {result.count} mismatches"
    )
    for line in result.mismatches:
        print(f"  {line}")
    return 0 if result.passed else 1


def main(arguments: list[str] | None = None) -> int:
    """Train, report the test accuracy, save the tensors and return the exit status."""
    options = parse_arguments(arguments)
    try:
        data = load()
    except ImportError:
        fail("scikit-learn is not installed; it provides the digits (pip install scikit-learn)")
    if options.engine == "golden":
        return compare_formats(data, options)
    if options.engine == "rtl":
        return run_hardware(data, options.seed)
    result = train(data, options.epochs, options.seed)
    try:
        save(options.output, result.snapshot)
    except OSError as problem:
        fail(f"cannot write {str(options.output)!r}: {problem.strerror or problem}")
    correct = round(result.accuracy * len(data.y_test))
    print(f"final test accuracy {100 * result.accuracy:.2f} % ({correct}/{len(data.y_test)})")
    print(f"wrote {options.output} ({options.output.stat().st_size} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
