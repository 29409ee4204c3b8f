"""Time and memory of `mxsf generate`; by hand, not a test.

    python tests/generation.py

Goals on an idle machine: a matrix engine of 64 PEs takes at most twice the time of one of 1 PE and
at most 600 MB; `encoder --block 128` takes at most 5 s, `dot --block 128` at most 10 s. Each runs
in a new process; the seconds are those of the processor, its children's among them, so that what
else the machine does counts little.
"""

import os
import sys
import tempfile
import time

from rich.console import Console
from rich.table import Table

_PROGRAM = "from mxsf.flow.cli.main import main; main()"

CASES = [
    ("encoder --block 32", None),
    ("encoder --block 128", 5.0),
    ("dot --block 32", None),
    ("dot --block 128", 10.0),
    ("matmul --pes 1", None),
    ("matmul --pes 8", None),
    ("matmul --pes 64", None),
]


def measure(options: str) -> tuple[float, float, float]:
    """Processor seconds, seconds, and peak memory in MB of one run."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _PROGRAM, "generate", *options.split()]
        start = time.perf_counter()
        child = os.spawnv(os.P_NOWAIT, sys.executable, [*command, "--output", folder])
        _, status, usage = os.wait4(child, 0)
        if status:
            raise RuntimeError(f"mxsf generate {options} failed")
    scale = 1024 if sys.platform != "darwin" else 1024 * 1024
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss / scale


def main() -> None:
    """Print one table."""
    table = Table("mxsf generate", "processor s", "s", "MB", "goal")
    seconds = {}
    for options, goal in CASES:
        spent, elapsed, peak = measure(options)
        seconds[options] = spent
        text = f"{goal:.0f} s" if goal else ""
        if options == "matmul --pes 64":
            text = f"2 x 1 PE: {2 * seconds['matmul --pes 1']:.0f} s; 600 MB"
        table.add_row(options, f"{spent:.1f}", f"{elapsed:.1f}", f"{peak:.0f}", text)
    Console().print(table)


if __name__ == "__main__":
    main()
