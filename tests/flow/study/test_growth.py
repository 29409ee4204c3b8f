"""The growth of engines: parts that add up, cycles that simulation confirms."""

import json
from itertools import pairwise

import pytest
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.study.growth import grow
from mxsf.flow.synth.area import area
from mxsf.golden import E2M1

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def grown():
    return grow((1, 2), E2M1, depth=4)


def test_parts_add_up_to_the_engine(grown):
    """Synthesis across the borders saves a little; black boxes must not lose logic."""
    whole = area(variant("matmul", element=E2M1, pes=2, depth=4, fabric="fpga").netlist, "ecp5")
    growth = grown[1]
    for name in ("luts", "carries", "flip_flops", "memories"):
        assert growth.total(name) == pytest.approx(getattr(whole, name), rel=0.1), name


def test_more_pes_are_more_cells_and_fewer_cycles(grown):
    for fewer, more in pairwise(grown):
        assert more.total("luts") > fewer.total("luts")
        assert all(more.cycles[size] < fewer.cycles[size] for size in more.cycles)
    for growth in grown:
        assert all(0 < share <= 1 for share in growth.useful.values())
        assert growth.useful[16] > 0.9
        assert growth.cycles[16] == 16**3 // (growth.pes * 8) + 1
        assert max(growth.cycles) == 16  # its memories hold four tiles


def test_command(run, tmp_path):
    arguments = ["--pes", "1", "--depth", "2", "--element", "e2m1"]
    files = ["--json", "build/growth.json", "--plot", "build/growth.svg"]
    code, printed, _ = run("growth", *arguments, *files)
    assert code == 0
    assert "a PE" in printed
    (row,) = json.loads((tmp_path / "build/growth.json").read_text())
    assert row["pes"] == 1
    assert row["pe"]["luts"] > 0
    assert (tmp_path / "build/growth.svg").read_text().startswith("<?xml")
