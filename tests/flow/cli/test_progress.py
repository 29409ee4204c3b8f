"""What long work says on standard error: on a terminal, and elsewhere."""

import io
import re
import sys
import threading
import time
from contextlib import redirect_stderr

import numpy as np
import pytest
from mxsf.flow.cli import main as cli
from mxsf.flow.cli import progress as module
from mxsf.flow.cli.progress import progress
from rich.console import Console

HEAVY = {
    "generate": ("write_design", ["decoder"]),
    "vectors": ("write_vectors", ["decoder"]),
    "simulate": ("make_simulator", ["decoder"]),
    "area": ("count_cells", ["decoder"]),
    "timing": ("place_and_route", ["decoder"]),
    "prove": ("prove_equal", ["decoder"]),
    "quantize": ("quantize_tensor", ["x.npy", "x.npz"]),
    "transpose": ("compare", []),
    "growth": ("grow", []),
    "report": ("run_report", []),
    "board": ("build", ["icebreaker"]),
    "host": ("open_line", ["/nowhere"]),
    "compile": ("read_onnx", ["x.npy", "--output", "image.npz"]),
    "run": ("load_image", ["x.npy", "--input", "x.npy", "--output", "y.npy"]),
    "embed": ("load_image", ["x.npy", "--output", "x.c"]),
}
"""What takes long in a command's module, and what the command needs to come to it."""

PATIENCE = 10  # seconds until a test gives up


@pytest.fixture
def err(monkeypatch):
    """Standard error, on which lines come soon."""
    monkeypatch.setattr(module, "FIRST", 0.01)
    monkeypatch.setattr(module, "EVERY", 0.05)
    return io.StringIO()


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never comes"
        time.sleep(0.005)


def test_every_long_command_is_here():
    assert {*HEAVY, "formats"} == {*cli.COMMANDS}


@pytest.mark.parametrize("command", HEAVY)
def test_a_command_says_what_it_does(command, err, capsys, monkeypatch, tmp_path):
    function, words = HEAVY[command]

    def slow(*_, **__):
        wait_for(lambda: err.getvalue().count("\n") >= 2)
        raise RuntimeError("enough")

    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.ones((2, 32)))
    monkeypatch.setattr(f"mxsf.flow.cli.{command}.{function}", slow)
    monkeypatch.setattr("sys.argv", ["mxsf", command, *words])
    with pytest.raises(SystemExit), redirect_stderr(err):
        cli.main()
    *lines, last = err.getvalue().splitlines()
    if "is not installed" in last:
        pytest.skip(last)
    assert last == "error: enough"
    assert all(re.fullmatch(r"\S.*, \d+ s", line) for line in lines)
    assert capsys.readouterr().out == ""


def test_lines_end_with_the_work(err):
    before = threading.active_count()
    with redirect_stderr(err), progress("first") as step:
        wait_for(lambda: "first, 0 s\n" in err.getvalue())
        step("second", 3, 40)
        wait_for(lambda: "second (3 of 40 done), 0 s\n" in err.getvalue())
    told = err.getvalue()
    wait_for(lambda: threading.active_count() == before)
    assert err.getvalue() == told


def test_short_work_says_nothing(err, monkeypatch):
    monkeypatch.setattr(module, "FIRST", 2)
    with redirect_stderr(err), progress("short"):
        pass
    assert err.getvalue() == ""


def test_nobody_reads_any_more(err):
    err.close()
    before = threading.active_count()
    with redirect_stderr(err), progress("unheard"):
        wait_for(lambda: threading.active_count() == before)


def test_a_terminal(monkeypatch, capsys):
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=80)
    monkeypatch.setattr(module, "Console", lambda stderr: terminal)
    with progress("first") as step:
        wait_for(lambda: "first" in screen.getvalue())
        step("second", 1, 2)
        wait_for(lambda: "second (1 of 2 done)" in screen.getvalue())
        print("a result", file=sys.stdout)
    assert "result" not in screen.getvalue()
    assert screen.getvalue().rindex("\x1b[?25h") > screen.getvalue().rindex("\x1b[?25l")
    assert capsys.readouterr().out == "a result\n"
