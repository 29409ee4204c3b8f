"""Every option of every command with values that people do not mean: one clear line, or it works.

The options are those that click has. Tools run once for the same input; what would take long (a
report, place and route, a bitstream) is not begun: that its options were accepted is what counts.
"""

import gc
import io
import os
import random
import re
import signal
import tempfile
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import click
import numpy as np
import pytest
from commands import commands
from mxsf.flow.catalogue.catalogue import CATALOGUE
from mxsf.flow.cli import main as cli
from mxsf.flow.cli.inputs import EXISTING, FILE, FOLDER
from mxsf.flow.network.image_file import ImageFile
from mxsf.flow.network.inference import compile_network
from mxsf.flow.network.layers import Dense
from mxsf.flow.network.network import Network
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.sim.simulator.program import Tool

SMALL = {
    "decoder": ["--element", "e2m1"],
    "encoder": ["--element", "e2m1", "--block", "2"],
    "requantizer": ["--element", "e2m1", "--tile", "4"],
    "product_sum": ["--element", "e2m1", "--lanes", "2"],
    "accumulator": [],
    "dot": ["--element", "e2m1", "--block", "2"],
    "matmul": ["--element", "e2m1", "--tile", "4", "--depth", "2"],
    "accelerator": ["--element", "e2m1", "--tile", "4", "--pes", "1", "--depth", "2"],
    "baseline": ["--block", "2"],
    "pack": ["--lanes", "8"],
    "unpack": ["--lanes", "8"],
}
"""What makes a design one that takes no time."""

QUICK = ("decoder", "pack", "unpack")
"""Designs that stand for all where an option is the command's, not the design's."""

REQUIRED = {
    "quantize": ["floats.npy", "out.npz"],
    "host": ["/nowhere"],
    "board": ["icebreaker"],
    "simulate": ["--simulator", "amaranth"],
    "compile": ["floats.npy", "--output", "image.npz"],
    "run": ["image.npz", "--input", "floats.npy", "--output", "said.npy"],
    "embed": ["image.npz", "--output", "network.c"],
}
"""What a command needs to run, and to be quick."""

LONG = {
    "report": "run_report",
    "growth": "grow",
    "transpose": "compare",
    "board": "build",
    "timing": "place_and_route",
    "compile": "read_onnx",
    "run": "make_device",
    "embed": "embedded",
}
"""What in a command's module takes long."""

TEXTS = [
    *(
        "",
        " ",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "-1",
        "-0.5",
        "1e400",
        "1e308",
        "9" * 30,
        "-" + "9" * 30,
    ),
    *(
        "0x10",
        "1_000",
        "\u0661\u0662",
        "\u00e9",
        "\U0001f600",
        "a\nb",
        "a\tb",
        "../..",
        "-",
        "--",
        "*",
    ),
    *("%s%n", "{}", "None", "e999m999", "e2m1," * 3, "9" * 5000, "x" * 5000, "1,", ",", "0/0"),
]
"""Values that no option takes but for paths."""

NUL = "a\0b"  # no shell can pass it, Python can

LIMIT = 10
"""Seconds after which a command counts as hanging."""


class Reached(BaseException):
    """A command has accepted its options and begins what takes long."""


def write_files(folder):
    """Write files that are no tensor, hardly one, or one of another kind."""
    floats = np.linspace(-3, 3, 12, dtype=np.float32)
    arrays = {
        "floats": floats.reshape(3, 4),
        **{f"dimensions{n}": floats.reshape((1,) * max(n - 1, 0) + (-1,)) for n in range(1, 6)},
        "dimensions0": np.array(1.5),
        "empty": np.zeros(0),
        "empty_rows": np.zeros((0, 4)),
        "empty_columns": np.zeros((4, 0), np.float32),
        "big_endian": floats.astype(">f4"),
        "big_endian_double": floats.astype(">f8"),
        "huge": np.array([1e300, -1e300, 1e-300, np.nan, np.inf, 0]),
        "half": floats.astype(np.float16),
        "long": floats.astype(np.longdouble),
        "integers": np.arange(4),
        "complex": floats.astype(complex),
        "booleans": floats > 0,
        "texts": np.array(["a", "b"]),
        "times": np.array(["2020-01-01"], "M8[D]"),
        "structured": np.zeros(3, [("a", "f4"), ("b", "i4")]),
        "fortran": np.asfortranarray(np.ones((3, 4))),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    np.save(folder / "objects.npy", np.array([None, {}], object), allow_pickle=True)
    whole = (folder / "floats.npy").read_bytes()
    (folder / "truncated.npy").write_bytes(whole[:-5])
    (folder / "header.npy").write_bytes(whole[:20])
    (folder / "long_header.npy").write_bytes(b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{")
    for name, shape in (("forged", b"(10**12, 1000)"), ("vast", b"(1000000000000, 1000)")):
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + b"}"
        size = len(header) + 1
        (folder / f"{name}.npy").write_bytes(
            b"\x93NUMPY\x01\x00" + size.to_bytes(2, "little") + header + b"\n"
        )
    (folder / "nothing.npy").write_bytes(b"")
    (folder / "text.npy").write_text("no array")
    np.savez(folder / "archive.npz", a=floats)
    network = Network.of((4,), [Dense(2)])
    small = Configuration(tile=4, pes=1, depth=2)
    ImageFile.of(compile_network(network, network.drawn(0), 4, small)).save(folder / "image.npz")
    (folder / "archive.npy").write_bytes((folder / "archive.npz").read_bytes())
    (folder / "truncated.npz").write_bytes((folder / "archive.npz").read_bytes()[:100])
    (folder / "folder.npy").mkdir()
    (folder / "loop.npy").symlink_to("loop.npy")
    os.mkfifo(folder / "pipe.npy")
    (folder / "unreadable.npy").write_bytes(whole)
    (folder / "unreadable.npy").chmod(0)
    return sorted(path.name for path in folder.iterdir())


def paths_to_read(names):
    return [
        *names,
        "/dev/null",
        "/dev/zero",
        "/",
        ".",
        "",
        NUL,
        "missing.npy",
        "x" * 5000,
        "/proc/self/mem",
    ]


def paths_to_write(ends):
    odd = [
        "",
        ".",
        "/",
        "/dev/full",
        "/proc/x",
        "loop.npy/x",
        "text.npy/x",
        "a\0b",
        "x" * 300,
        "\u00e9/\U0001f600",
    ]
    return [*odd, *(f"/proc/x{end}" for end in ends), *(f"\u00e9{end}" for end in ends), *ends]


def cases(names):
    """Every command line to try: (command, name of the parameter, value, words)."""
    for name, design, command in commands():
        parameters = [p.name for p in CATALOGUE[design].parameters] if design else []
        for parameter in command.params:
            values = TEXTS
            if parameter.type is EXISTING:
                values = paths_to_read(names)
            elif parameter.type in (FILE, FOLDER):
                values = paths_to_write([".npy", ".npz", ".json", ".svg", ".vcd", ".gtkw"])
            elif getattr(parameter, "is_flag", False):
                continue
            words = [name, *([design] if design else []), *SMALL.get(design, [])]
            required = REQUIRED.get(name, [])
            if design and design not in QUICK and parameter.name not in parameters:
                continue
            for value in values:
                if isinstance(parameter, click.Argument):
                    place = [p for p in command.params if isinstance(p, click.Argument)].index(
                        parameter
                    )
                    line = [*words, "--", *required[:place], value, *required[place + 1 :]]
                else:
                    line = [*words, *required, f"{parameter.opts[0]}={value}"]
                yield name, parameter, value, line


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a command line as the program does: (exit status, None for what takes long; stderr)."""
    known = {}
    collect = Tool.collect

    def once(tool, arguments, files, reads):
        key = (tool.command, *arguments, *sorted(files.items()), *reads)
        if key not in known:
            known[key] = collect(tool, arguments, files, reads)
        return known[key]

    def late(*_, **__):
        raise Reached

    def hangs(*_):
        raise AssertionError(f"no end within {LIMIT} s")

    monkeypatch.setattr(Tool, "collect", once)
    monkeypatch.setattr("mxsf.flow.cli.progress.FIRST", 1e6)
    for name, function in LONG.items():
        monkeypatch.setattr(f"mxsf.flow.cli.{name}.{function}", late)
    (tmp_path / "work").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "work")
    before = signal.signal(signal.SIGALRM, hangs)

    def call(words):
        monkeypatch.setattr("sys.argv", ["mxsf", *words])
        out, err = io.StringIO(), io.StringIO()
        signal.alarm(LIMIT)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                cli.main()
        except SystemExit as ended:
            return ended.code or 0, err.getvalue()
        except Reached:
            return None, err.getvalue()
        finally:
            signal.alarm(0)
        raise AssertionError("the command line returned")

    yield call
    signal.signal(signal.SIGALRM, before)


def fault(run, parameter, value, words, there):
    """What is wrong with the end of a command line, empty for nothing."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            status, errors = run(words)
        except Exception as problem:
            return f"{type(problem).__name__}: {problem}"
    left = {path.name for path in Path().iterdir()} - there
    if warned:
        return f"warns: {warned[0].message}"
    if any(Path(tempfile.gettempdir()).iterdir()):
        return "leaves temporary files"
    if status is None and parameter.name == "stages":
        return ""  # checked by the design, which what is not begun would build
    if status in (0, None):
        identifier = parameter.opts[0] in ("--name", "--prefix")
        meant = identifier and re.fullmatch(r"([a-zA-Z_]\w*)?", value, re.ASCII)
        if value in TEXTS and parameter.type not in (FILE, FOLDER) and not meant:
            return "is accepted"
        return "prints an error and exits 0" if "error" in errors else ""
    if status != 2:
        return f"exits {status}"
    if left:
        return f"fails and leaves {sorted(left)}"
    if not errors.startswith("error: ") or errors.count("\n") != 1:
        return f"says {errors!r}"
    if len(errors) > 1000:
        return f"says {len(errors)} letters"
    names = [
        parameter.name,
        *(name.lstrip("-") for name in parameter.opts),
        parameter.human_readable_name,
    ]
    if parameter.type is EXISTING or isinstance(parameter, click.Argument):
        return ""
    if not any(name.lower() in errors.lower() for name in names):
        return f"does not name the option: {errors!r}"
    if value.isalnum() and len(value) < 40 and value.lower() not in errors.lower():
        return f"does not name the value: {errors!r}"
    return ""


def check(run, count):
    """Try the first lines of a fixed order."""
    names = write_files(Path())
    there = {path.name for path in Path().iterdir()}
    todo = list(cases(names))
    random.Random(0).shuffle(todo)
    faults = []
    for _, parameter, value, words in todo[:count]:
        wrong = fault(run, parameter, value, words, there)
        if wrong:
            shown = " ".join(repr(word)[:60] for word in words)
            faults.append(f"{shown}: {wrong[:400]}")
        for path in Path().iterdir():
            if path.name not in there:
                remove(path)
    gc.collect()
    assert not faults, "\n".join(faults)


def remove(path):
    if path.is_dir() and not path.is_symlink():
        for inner in path.iterdir():
            remove(inner)
        path.rmdir()
    else:
        path.unlink()


def test_values_nobody_means(run):
    check(run, 500)


@pytest.mark.long
def test_many_values_nobody_means(run):
    check(run, 8000)
