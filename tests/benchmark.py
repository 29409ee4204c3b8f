"""Speed and memory of the golden model beside common casts and products; by hand, not a test.

    python tests/benchmark.py --size 4096 --repeat 7

Goals, on one core and for 4096 x 4096 normal float32 numbers: ``quantize`` to MXSF in blocks of
1 x 32 takes at most 0.4 of the time of ``x.astype(ml_dtypes.float8_e4m3fn)``, and needs at most 3
times the memory of its input, the result included. Each repetition runs both one after the other;
the ratio is the median over the pairs, so that a machine that slows down for a while does not
count. ``dequantize`` is measured beside the cast from FP8 back to float32.

``matmul`` of 512 x 512 x 512 is measured beside NumPy's float32 ``@`` on one core. Goals: at most
10 times as long for MXSF, E4M3 and INT8 in blocks of 1 x 32, 25 times for MXSF in tiles of 8 x 8,
60 times for E5M2.

``pack`` and ``unpack_planes`` of as many codes as the tensor has are measured beside
``np.packbits`` and ``np.unpackbits`` of as many bits. Goals: ``pack`` takes at most 1.2 times as
long from 4 bits on, 2 times for 3 bits; ``unpack_planes`` no longer.
"""

import argparse
import os
import time
import tracemalloc
from collections.abc import Callable
from functools import partial

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported

import ml_dtypes
import numpy as np
from mxsf.golden import E4M3, E5M2, INT8, MXSF, matmul, quantize
from mxsf.golden.packing import pack, unpack_planes
from rich.console import Console
from rich.table import Table

CASES = [(MXSF, (1, 32)), (MXSF, (8, 8)), (E4M3, (1, 32)), (INT8, (1, 32))]

PRODUCTS = [(MXSF, (1, 32)), (E4M3, (1, 32)), (INT8, (1, 32)), (MXSF, (8, 8)), (E5M2, (1, 32))]

WIDTHS = (3, 4, 5, 6, 7, 9, 12)


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
        ratio, ours, theirs = compare(run, baseline, options.repeat)
        memory = peak_bytes(run) / x.nbytes
        numbers = (ratio, ours / x.size * 1e9, theirs / x.size * 1e9, memory)
        table.add_row(f"{verb} {element} {rows}x{columns}", *(f"{n:.2f}" for n in numbers))
    Console().print(table)

    table = Table("", "ratio", "ms", "float32 @, ms")
    x, y = np.random.default_rng(1).standard_normal((2, 512, 512), dtype=np.float32)
    for element, (rows, columns) in PRODUCTS:
        a, b = quantize(x, element, (rows, columns)), quantize(y, element, (columns, rows))
        ratio, ours, theirs = compare(partial(matmul, a, b), partial(np.matmul, x, y), 15)
        numbers = (f"{ratio:.1f}", f"{ours * 1e3:.1f}", f"{theirs * 1e3:.1f}")
        table.add_row(f"matmul {element} {rows}x{columns}", *numbers)
    Console().print(table)

    Console().print(packing_table(options.size**2, options.repeat))


def packing_table(count: int, repeat: int) -> Table:
    """Measure packing: both ways for every width."""
    table = Table("", "ratio", "GB/s of codes", "ns/code", "np.packbits, ns/code")
    random = np.random.default_rng(2)
    for width in WIDTHS:
        dtype = np.uint8 if width <= 8 else np.uint16
        codes = random.integers(0, 1 << width, count, dtype)
        bits = random.integers(0, 2, count * width, np.uint8)
        planes, packed = pack(codes, width), np.packbits(bits)
        runs = {
            "pack": (partial(pack, codes, width), partial(np.packbits, bits)),
            "unpack": (
                partial(unpack_planes, planes, width, count),
                partial(np.unpackbits, packed),
            ),
        }
        for verb, (run, baseline) in runs.items():
            ratio, ours, theirs = compare(run, baseline, repeat)
            numbers = (ratio, codes.nbytes / ours / 1e9, ours / count * 1e9, theirs / count * 1e9)
            table.add_row(f"{verb} {width} bits", *(f"{n:.2f}" for n in numbers))
    return table


def compare(
    run: Callable[[], object], baseline: Callable[[], object], repeat: int
) -> tuple[float, float, float]:
    """Median ratio over pairs, and the median seconds of both."""
    seconds(run), seconds(baseline)  # warm
    pairs = np.array([(seconds(run), seconds(baseline)) for _ in range(repeat)])
    ratio = np.median(pairs[:, 0] / pairs[:, 1])
    ours, theirs = np.median(pairs, axis=0)
    return float(ratio), float(ours), float(theirs)


if __name__ == "__main__":
    main()
