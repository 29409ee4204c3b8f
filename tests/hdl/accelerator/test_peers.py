"""The accelerator on a memory and under a host that others wrote: cocotbext-axi under Icarus."""

from dataclasses import asdict

import pytest
from cocotb_runs import build, passes
from designs import exported, needs_icarus

pytest.importorskip("cocotbext.axi")
pytestmark = [pytest.mark.long, needs_icarus]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with an accelerator that Icarus compiled, and the design."""
    folder = tmp_path_factory.mktemp("peers")
    design, text = exported("accelerator", tile=4, pes=4, depth=16)
    build(folder, design.top, text)
    return folder, design


def case(design, seed):
    """What cocotb reads of a random program."""
    return asdict(design.vectors(seed=seed)) | {"bus": design.component.bus, "seed": seed}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_program(built, seed):
    folder, design = built
    ended = passes(folder, design.top, "cocotb_accelerator", case(design, seed))
    assert ended, (folder / "run.log").read_text()[-3000:]


def test_a_wrong_byte_is_caught(built):
    folder, design = built
    what = case(design, 1)
    what["golden"][0] ^= 0x100
    assert not passes(folder, design.top, "cocotb_accelerator", what)
    assert "(1, '0x1')" in (folder / "run.log").read_text()


def test_a_wrong_register_is_caught(built):
    folder, design = built
    what = case(design, 1)
    name, address, value = what["ends"][1]
    what["ends"][1] = name, address, value ^ 1
    assert not passes(folder, design.top, "cocotb_accelerator", what)
    assert f"AssertionError: {name}" in (folder / "run.log").read_text()
