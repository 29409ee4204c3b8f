"""AXI against bus models that others wrote: cocotbext-axi under Icarus."""

import numpy as np
import pytest
from cocotb_runs import build, passes
from designs import needs_icarus
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.verilog import verilog
from mxsf.hdl.engine.register_map import COMMAND
from mxsf.sim.interface.axi import axi_vectors, beat_ports
from mxsf.sim.stimulus.script import RandomScripts
from mxsf.sim.stimulus.vectors import Column, Vectors

pytest.importorskip("cocotbext.axi")

DESIGNS = [
    ("encoder", {"block": 8, "lanes": 4}),
    ("dot", {"block": 8, "lanes": 4}),
    ("requantizer", {"tile": 4, "both": True, "storage": "memory"}),
    ("accumulator", {"block": 4, "outputs": 3}),
]


def packets(axis, column):
    """Beats of a column by signal, cut after tlast."""
    bursts = [[]]
    for value in column.values:
        beat = beat_ports(axis, value)
        bursts[-1].append({signal: beat[axis.port(signal)] for signal in axis.widths})
        if bursts[-1][-1]["tlast"]:
            bursts.append([])
    assert not bursts.pop()
    return bursts


def case(design, vectors):
    """What cocotb reads of a design without registers."""
    sides = {True: {}, False: {}}
    for axis in design.outside.streams:
        columns = vectors.inputs if axis.is_input else vectors.outputs
        sides[axis.is_input][axis.name] = packets(axis, columns[axis.stream])
    return {"inputs": sides[True], "outputs": sides[False], "commands": []}


def engine_case(design):
    """What cocotb reads of a simulator: random commands, some of them bad."""
    component = design.component
    (script,) = RandomScripts(component, np.random.default_rng(3), 1)
    by_name = {axis.stream: axis for axis in design.outside.streams}

    def columns(beats):
        return {name: Column(0, beats[name]) for name in by_name if name in beats}

    plain = Vectors(columns(script.beats), columns(script.answers), streams=True, blocks=1)
    offsets = {register.name: register.offset for register in design.outside.registers}
    commands = [
        [
            *(
                [offsets[f"command_{part}"], sum(int(getattr(c, n)) << low for n, low in p.items())]
                for part, p in COMMAND.items()
            ),
            [offsets["push"], 1],
        ]
        for c in script.commands
    ]
    ends = {"status": 0, "error": int(script.fault), **script.counts}
    return case(design, axi_vectors(design.streams, plain)) | {
        "commands": commands,
        "constants": [[r.offset, r.constant] for r in design.outside.registers if r.constant],
        "bad": [0x1C, 0x68, 0x800, 0xFFC],
        "scratch": offsets["command_size"],
        "ends": [[offsets[name], value] for name, value in ends.items()],
    }


def run(folder, design, what):
    """Whether the tests of cocotb pass."""
    build(folder, design.top, verilog(design))
    return passes(folder, design.top, "cocotb_axi", what)


@pytest.mark.long
@needs_icarus
@pytest.mark.parametrize(("name", "options"), DESIGNS, ids=str)
def test_streams(name, options, tmp_path):
    design = variant(name, interface="axi", **options)
    what = case(design, design.vectors())
    assert run(tmp_path, design, what), (tmp_path / "run.log").read_text()[-3000:]


@pytest.mark.long
@needs_icarus
def test_engine(tmp_path):
    design = variant("matmul", interface="axi", tile=4, pes=2, depth=8)
    assert run(tmp_path, design, engine_case(design)), (tmp_path / "run.log").read_text()[-3000:]


@pytest.mark.long
@needs_icarus
def test_a_wrong_answer_is_caught(tmp_path):
    design = variant("encoder", block=4, interface="axi")
    what = case(design, design.vectors())
    what["outputs"]["m_axis"][-1][-1]["tuser"] ^= 1
    assert not run(tmp_path, design, what)
    assert "AssertionError" in (tmp_path / "run.log").read_text()
