"""docs/frames.md and its picture are what their script makes, and what the hardware does."""

import shutil
from pathlib import Path

import draw_frames
import numpy as np
import pytest
from amaranth.sim import Simulator
from mxsf.hdl.dot.accumulator import Accumulator
from mxsf.hdl.dot.placement import Placement
from worked_frames import EXAMPLES, word

ROOT = Path(__file__).parent.parent


def test_page_and_picture_are_made_by_the_script(capsys):
    assert draw_frames.main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", ["frames.md", "frames.svg"])
def test_check_catches_a_changed_bit(name, tmp_path):
    for page in ("frames.md", "frames.svg"):
        shutil.copy(ROOT / "docs" / page, tmp_path / page)
    path = tmp_path / name
    right = path.read_text()
    path.write_text(right.replace("00101101", "00101001", 1))
    assert path.read_text() != right
    assert draw_frames.main(["--check", "--docs", str(tmp_path)]) == 1
    assert draw_frames.main(["--docs", str(tmp_path)]) == 0
    assert path.read_text() == right


def test_examples_cover_every_kind_of_frame():
    kinds = {(e.low, e.follows, e.sum == 0, e.inexact) for e in EXAMPLES}
    assert kinds == {
        (False, False, False, False),  # high
        (True, False, False, True),  # low
        (False, True, False, False),  # clamped
        (False, True, True, False),  # sum 0
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_hardware_places_acc_and_sum_there(example):
    placement = Placement(example.frame)

    async def bench(ctx):
        ctx.set(placement.scale, 2 * 127)
        ctx.set(placement.acc_exponent, example.acc_exponent)
        ctx.set(placement.empty, example.sum == 0)
        await ctx.delay(1e-9)
        assert ctx.get(placement.low) == example.low
        assert ctx.get(placement.exponent) == example.exponent
        # More steps than the frame has bits are as many as the field holds.
        assert ctx.get(placement.steps) == min(example.steps, (1 << len(placement.steps)) - 1)

    run(placement, bench)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_hardware_gives_that_result(example):
    dut = Accumulator(example.element, block=len(example.a), stages=0)

    async def bench(ctx):
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.i.payload.sum, example.sum)
        ctx.set(dut.i.payload.scale, 2 * 127)
        ctx.set(dut.i.payload.acc, word(example.acc))
        await ctx.delay(1e-9)
        assert np.uint32(ctx.get(dut.o.payload.acc)).view(np.float32) == example.value

    run(dut, bench)


def run(component, bench) -> None:
    simulator = Simulator(component)
    simulator.add_testbench(bench)
    simulator.run()
