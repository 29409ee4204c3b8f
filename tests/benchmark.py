"""Speed and memory of quantization beside the FP8 cast of ml_dtypes; run by hand, not a test.

    python tests/benchmark.py --size 4096 --repeat 7

Goals, on one core and for 4096 x 4096 normal float32 numbers: ``quantize`` to MXSF in blocks of
1 x 32 takes at most 0.4 of the time of ``x.astype(ml_dtypes.float8_e4m3fn)``, and needs at most 3
times the memory of its input, the result included. Each repetition runs both one after the other;
the ratio is the median over the pairs, so that a machine that slows down for a while does not
count. ``dequantize`` is measured beside the cast from FP8 back to float32.
"""

import argparse
import time
import tracemalloc
from collections.abc import Callable
from functools import partial

import ml_dtypes
import numpy as np
from mxsf.golden import E4M3, INT8, MXSF, quantize
from rich.console import Console
from rich.table import Table

CASES = [(MXSF, (1, 32)), (MXSF, (8, 8)), (E4M3, (1, 32)), (INT8, (1, 32))]


def seconds(run: Callable[[], object]) -> float:
    """Time of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def peak_bytes(run: Callable[[], object]) -> int:
    """Most memory that a call holds at a time, its result included."""
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", type=int, default=4096, help="rows and columns of the tensor")
    parser.add_argument("--repeat", type=int, default=7, help="pairs of runs per line")
    options = parser.parse_args()

    shape = (options.size, options.size)
    x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    fp8 = x.astype(ml_dtypes.float8_e4m3fn)
    encode, decode = partial(x.astype, fp8.dtype), partial(fp8.astype, x.dtype)
    runs = [("quantize", c, partial(quantize, x, *c), encode) for c in CASES]
    runs += [("dequantize", c, quantize(x, *c).dequantize, decode) for c in CASES[:2]]

    table = Table("", "ratio", "ns/element", "ml_dtypes", "peak memory / input")
    for verb, (element, (rows, columns)), run, baseline in runs:
        seconds(run), seconds(baseline)  # warm
        pairs = np.array([(seconds(run), seconds(baseline)) for _ in range(options.repeat)])
        ratio = np.median(pairs[:, 0] / pairs[:, 1])
        ours, theirs = np.median(pairs, axis=0) / x.size * 1e9
        memory = peak_bytes(run) / x.nbytes
        numbers = (f"{number:.2f}" for number in (ratio, ours, theirs, memory))
        table.add_row(f"{verb} {element} {rows}x{columns}", *numbers)
    Console().print(table)


if __name__ == "__main__":
    main()
