"""The accumulator: every cycle against the golden model, long products, planted bugs."""

import numpy as np
import pytest
from designs import NAMED, OTHERS, needs_gcc, tiers
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.simulate import make_simulator
from mxsf.golden import BF16, MXSF
from mxsf.golden.dot.product_sum import check_formats
from mxsf.hdl.arith.down_shifter import DownShifter
from mxsf.hdl.dot.accumulator import POINTS, Accumulator
from mxsf.hdl.dot.frame import GUARD, SIGNIFICAND, frame
from mxsf.hdl.dot.product_sum import sum_bits
from mxsf.sim.bench.accumulator import accumulator_stimulus
from mxsf.sim.bench.stream import run_stream
from mxsf.sim.result import NO_STALLS, Stalls
from mxsf.sim.stimulus.products import Products, random_products

STALLS = Stalls(valid=0.7, ready=0.6, seed=5)


def products(component, count, seed=0, longest=None):
    longest = longest or (3 if component.outputs else 1)
    return random_products(
        np.random.default_rng(seed),
        component.pair,
        component.block,
        count,
        lanes=component.lanes,
        longest=longest,
    )


def run(built, simulator="amaranth", stalls=NO_STALLS, count=150, random=None):
    stimulus = accumulator_stimulus(built.component, products(built.component, count), random)
    result = run_stream(make_simulator(built, simulator), stimulus, stalls)
    assert result.passed, result.mismatches
    return result


@pytest.mark.parametrize(
    ("element", "fabric"),
    tiers(
        [*((element, "asic") for element in [*NAMED, "mxsf,e5m2"]), ("mxsf", "fpga")],
        [
            *((element, "asic") for element in [*OTHERS[:6], "e4m11"]),
            *((element, "fpga") for element in ("e5m2", "int8", "int8,e4m3")),
        ],
    ),
)
def test_every_format(element, fabric):
    run(variant("accumulator", element=element, block=4, fabric=fabric), stalls=STALLS)


@pytest.mark.parametrize(
    "options",
    [
        {"stages": 0},
        {"stages": 0, "lanes": 2},
        {"stages": ("align", "count"), "lanes": 4, "element": "e5m2"},
        {"stages": POINTS.path, "fabric": "asic"},
        {"stages": 3, "accumulate": False},
        {"stages": 2, "result": BF16},
        {"stages": 2, "result": BF16, "accumulate": False, "lanes": 1},
        {"stages": 0, "outputs": 1},
        {"stages": 1, "outputs": 1, "lanes": 4},
        {"stages": 6, "outputs": 5, "element": "e5m2"},
        {"stages": 4, "outputs": 4, "accumulate": False, "lanes": 2},
        {"stages": 3, "outputs": 3, "result": BF16},
    ],
    ids=str,
)
@pytest.mark.parametrize("stalls", tiers([STALLS], [NO_STALLS]), ids=str)
def test_every_parameter(options, stalls):
    built = variant("accumulator", **{"block": 8, "fabric": "fpga", **options})
    result = run(built, stalls=stalls, count=60, random=np.random.default_rng(3))
    if stalls is NO_STALLS:
        assert result.latency == built.latency


def long_products(component, blocks, count):
    """Products of as many blocks each, which all arrive without a gap."""
    drawn = products(component, count, longest=blocks)
    full = np.full(count, blocks), np.zeros(count, np.int64)
    arrays = (drawn.a_codes, drawn.a_scale, drawn.b_codes, drawn.b_scale, drawn.acc)
    return Products(*arrays, *full)


@pytest.mark.parametrize("stages", [1, 3, 6])
def test_enough_outputs_hide_the_latency(stages):
    blocks, rounds = 6, 4
    built = variant("accumulator", block=4, stages=stages, outputs=stages)
    case = accumulator_stimulus(
        built.component, long_products(built.component, blocks, rounds * stages)
    )
    result = run_stream(make_simulator(built, "amaranth"), case)
    assert result.passed, result.mismatches
    assert result.cycles == blocks * rounds * stages + stages  # a block a cycle


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_with_fewer_outputs_blocks_wait(outputs):
    stages, blocks = 6, 8
    built = variant("accumulator", block=4, stages=stages, outputs=outputs)
    case = accumulator_stimulus(built.component, long_products(built.component, blocks, outputs))
    result = run_stream(make_simulator(built, "amaranth"), case)
    assert result.passed, result.mismatches
    # A round of blocks takes as long as one block takes to come back.
    assert result.cycles == (blocks - 1) * stages + outputs + stages


def test_the_order_of_blocks_counts():
    """Sums that depend on the order: blocks of one output are added as they come."""
    built = variant("accumulator", block=4, stages=3, outputs=2)
    drawn = long_products(built.component, 3, 40)
    turned = Products(
        *(a[:, ::-1] for a in (drawn.a_codes, drawn.a_scale, drawn.b_codes, drawn.b_scale)),
        drawn.acc,
        drawn.blocks,
        drawn.beats,
    )
    right = accumulator_stimulus(built.component, drawn)
    wrong = accumulator_stimulus(built.component, turned)
    assert (right.outputs != wrong.outputs).any()


def test_frames_hold_what_meets_in_them():
    for sums in (sum_bits((MXSF, MXSF), 32), 9, 24, 42, 70):
        geometry = frame(check_formats(MXSF), sums, True)
        reach = max(sums, SIGNIFICAND) + 1
        low = geometry.bits - 2 - (geometry.turn - GUARD)  # acc's top bit in the highest low frame
        assert geometry.turn <= reach + 1
        assert geometry.turn >= GUARD
        assert max(low + 1, sums - 1 + GUARD) + 1 <= geometry.bits - 1


@pytest.mark.parametrize("block", [2, 4, 8])  # frames of 64, 65 and 66 bits
def test_an_acc_far_below_the_sum_leaves_the_frame(block):
    """A sum of 1 less next to nothing is rounded to 1."""
    built = variant("accumulator", element="e4m3", block=block, fabric="fpga")
    codes, scale = np.zeros((30, 1, block), np.int64), np.full((30, 1), 180)
    codes[:, :, 0] = 1
    acc = np.float32(-1.1) * np.float32(2) ** np.arange(-120, 0, 4, dtype=np.float32)
    far = Products(codes, scale, codes, scale, acc.view(np.uint32), *np.ones((2, 30), np.int64))
    case = accumulator_stimulus(built.component, far)
    assert len(np.unique(case.outputs, axis=0)) == 1
    result = run_stream(make_simulator(built, "amaranth"), case)
    assert result.passed, result.mismatches


def test_bench_catches_a_lost_sticky_bit(monkeypatch):
    def forgets(self, platform):
        m = elaborate(self, platform)
        m.d.comb += self.lost.eq(0)
        return m

    elaborate = DownShifter.elaborate
    monkeypatch.setattr(DownShifter, "elaborate", forgets)
    built = variant("accumulator", block=4)
    case = accumulator_stimulus(built.component, products(built.component, 2000))
    assert run_stream(make_simulator(built, "amaranth"), case).count > 0


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"block": 0}, "block must be 1 to 1024, not 0"),
        ({"lanes": 5}, "lanes must divide block = 32, not 5"),
        ({"stages": 7}, "stages must be 0 to 6, or names, not 7"),
        ({"stages": ["shift"]}, "stages must be names of exponent, .*, not 'shift'"),
        ({"stages": ["add", "add"]}, "stages must name add once"),
        ({"outputs": -1}, "outputs must be 0 to 4096, not -1"),
        ({"fabric": "paper"}, "fabric must be asic, fpga, dsp, not 'paper'"),
    ],
)
def test_bad_parameters(options, problem):
    with pytest.raises(ValueError, match=problem):
        Accumulator(**options)


@pytest.mark.parametrize(
    "options", [{"result": 32}, {"accumulate": 1}, {"block": True}, {"stages": "add"}], ids=str
)
def test_parameters_of_the_wrong_kind(options):
    with pytest.raises(TypeError, match="must be"):
        Accumulator(**options)


@pytest.mark.long
@needs_gcc
@pytest.mark.parametrize("element", [*NAMED, "mxsf,e4m3"])
def test_long_products_in_bulk(element):
    built = variant("accumulator", element=element, block=8, lanes=4, outputs=7, stages=6)
    run(built, "cxxrtl", STALLS, 1000, np.random.default_rng(1))
