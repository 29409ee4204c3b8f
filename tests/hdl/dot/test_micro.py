"""Microexponents in hardware: MX9, MX6, MX4 in every design that takes them, with planted bugs."""

import itertools

import numpy as np
import pytest
from amaranth.hdl import Const
from designs import check, edge_blocks, needs_gcc, needs_icarus, plant, tiers
from encoding import EXPONENTS, exhaust
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.manifest import manifest
from mxsf.flow.export.verilog import verilog
from mxsf.flow.simulate import make_simulator
from mxsf.flow.synth.proof import prove
from mxsf.golden import FP32, INT8, MX4, MX9, MXSF, BlockFormat, ElementFormat, quantize
from mxsf.golden import dot as golden_dot
from mxsf.golden.dot.product_sum import product_sum
from mxsf.hdl import Dot, Encoder, ProductSum
from mxsf.hdl.dot import product_sum as product_sum_module
from mxsf.hdl.dot.group_sum import GroupSum
from mxsf.hdl.ports import fields
from mxsf.hdl.quantize import lanes
from mxsf.sim.bench.dot import dot_stimulus
from mxsf.sim.bench.encoder import encoder_stimulus
from mxsf.sim.bench.product_sum import product_sum_stimulus
from mxsf.sim.bench.stream import run_stream
from mxsf.sim.result import NO_STALLS, Stalls
from mxsf.sim.simulator.verilog import run_verilog
from mxsf.sim.stimulus.payload import unpack
from mxsf.sim.stimulus.products import random_products
from mxsf.sim.stimulus.words import random_words
from summing import FABRICS, amaranth, compiled, some

STALLS = Stalls(valid=0.7, ready=0.6, seed=5)
BDR = ["mx9", "mx6", "mx4"]
WIDE = BlockFormat(ElementFormat("e0m3", 0, 3, bias=-2), (1, 8), micro=(1, 4))  # emax above 0
LOW = BlockFormat(ElementFormat("e0m3", 0, 3, bias=9), (1, 4), micro=(1, 1))  # emax below 0


def longer(quick, more):
    """Options of a test: the quick ones by default, more in the long tier."""
    return [*quick, *(pytest.param(options, marks=pytest.mark.long) for options in more)]


def run(built, stimulus=None, stalls=STALLS):
    simulator = make_simulator(built, "amaranth")
    if stimulus is None:
        result = built.bench(simulator, None, stalls)
    else:
        result = run_stream(simulator, stimulus, stalls)
    assert result.passed, result.mismatches
    return result


def sums(built, count):
    """Some adversarial and random blocks for a product sum."""
    a, b = some(built.component, count)
    beats = np.random.default_rng(1).integers(1, built.component.beats + 1, len(a))
    return product_sum_stimulus(built.component, a, b, beats)


def products(built, count):
    """Some products for a dot product."""
    random, component = np.random.default_rng(0), built.component
    longest = 3 if component.outputs else 1
    parameters = component.element, component.block, count
    drawn = random_products(random, *parameters, lanes=component.lanes, longest=longest)
    return dot_stimulus(component, drawn, random)


# The decoder.


@pytest.mark.parametrize("element", BDR)
def test_every_code_with_either_bit(element):
    built = variant("decoder", element=element)
    assert run(built).beats == 2 << built.component.format.element.bits
    assert list(built.ports) == ["code", "micro", "sign", "significand", "shift"]


@pytest.mark.long
@needs_icarus
def test_decoder_under_icarus():
    built = variant("decoder", element="mx9")
    assert run_verilog(verilog(built), built.top, built.vectors(), clocking=None).passed
    broken = verilog(built).replace("~ micro", "micro").replace("~micro", "micro")
    assert run_verilog(broken, built.top, built.vectors(), clocking=None).count == 512


@pytest.mark.long
@pytest.mark.parametrize("element", BDR)
def test_proof(element):
    built = variant("decoder", element=element)
    assert prove(built)
    broken = verilog(built).replace("~ micro", "micro").replace("~micro", "micro")
    assert not prove(built, broken)


# The product sum.


@pytest.mark.parametrize(
    ("element", "fabric"),
    tiers(
        [*itertools.product(["mx4"], FABRICS), ("mx6,int8", "fpga"), ("e2m1,mx4", "dsp")],
        itertools.product([*BDR, "mx6,int8", "mxsf,mx4", "mx4,e5m2", "mx9,mx4"], FABRICS),
    ),
)
def test_every_product_sum(element, fabric):
    built = variant("product_sum", element=element, block=4, fabric=fabric, stages="product,sum")
    run(built, sums(built, 150))


@needs_gcc
@pytest.mark.parametrize("fabric", tiers(["asic"], FABRICS))
def test_every_pair_of_mx4(fabric):
    """Both codes of a group, of both operands, with all their microexponents."""
    component = ProductSum(MX4, block=2, stages=("sum",), fabric=fabric)
    digits = np.arange(1 << 14)[:, None] >> np.array([0, 3, 6, 9, 12, 13]) & [7, 7, 7, 7, 1, 1]
    micro = {"a": digits[:, 4:5], "b": digits[:, 5:]}
    case = product_sum_stimulus(component, digits[:, :2], digits[:, 2:4], micro=micro)
    seen = compiled(component).stream(case.inputs, case.outputs.shape[1], ready=0.9)
    assert not seen.violation
    np.testing.assert_array_equal(seen.outputs, case.outputs)


PAIRS = [(LOW, WIDE), (INT8, WIDE), (WIDE, WIDE)]


@pytest.mark.parametrize(
    ("pair", "fabric"),
    tiers(zip(PAIRS, FABRICS, strict=True), itertools.product(PAIRS, FABRICS)),
    ids=lambda part: part if isinstance(part, str) else f"{part[0]},{part[1]}",
)
def test_groups_of_other_sizes(pair, fabric):
    """One microexponent an element, one for four, and both in one product."""
    built = variant("product_sum", element=pair, block=8, lanes=4, fabric=fabric)
    run(built, sums(built, 25))


def test_product_sum_against_integers():
    random = np.random.default_rng(3)
    a, b = (random.integers(0, 1 << f.element.bits, (200, 8)) for f in (MX9, MX4))
    da, db = (random.integers(0, 2, (200, 4)) for _ in "ab")
    sums = product_sum(a, b, (MX9, MX4), a_micro=da, b_micro=db).sum
    for row in range(200):
        total = 0
        for k in range(8):
            x, y = int(a[row, k]), int(b[row, k])
            sign = -1 if (x >> 7) ^ (y >> 2) else 1
            shift = 2 - int(da[row, k // 2]) - int(db[row, k // 2])
            total += sign * (x & 127) * (y & 3) << shift
        assert sums[row] == total


@pytest.mark.parametrize(
    ("stages", "lanes", "latency"),
    [((), 16, 0), (("shift",), 16, 1), (("sum/1",), 16, 3), (("sum/3", "sum"), 16, 1)],
)
def test_latency(stages, lanes, latency):
    assert ProductSum(MX4, block=lanes, stages=stages).latency == latency


def test_latency_is_as_stated():
    places = "decode,product,shift,sum/1,sum"
    built = variant("product_sum", element="mx4", block=8, lanes=4, stages=places)
    assert run(built, sums(built, 10), NO_STALLS).latency == built.latency == 4


def test_payloads():
    built = variant("dot", element="mx9,int8", lanes=8)
    names = {f.name: (f.length, f.width) for f in fields(built.component.i.payload.shape())}
    assert names["a.codes"] == (8, 8)
    assert names["a.micro"] == (4, 1)
    assert "b.micro" not in names
    assert built.settings()["element"] == "mx9,int8"
    assert built.settings()["block"] == 16
    facts = manifest(variant("decoder", element="mx9"))["formats"]["element"]
    assert (facts["name"], facts["micro"], facts["element"]["bits"]) == ("mx9", [1, 2], 8)


# The dot product.


@pytest.mark.parametrize(
    "options",
    longer(
        [
            {"element": "mx4", "block": 4, "stages": 1},
            {"element": "mx6,mx4", "block": 4, "lanes": 2, "stages": 3, "outputs": 2},
        ],
        [
            *({"element": element} for element in BDR),
            *({"element": "mx9", "stages": 2, "fabric": fabric} for fabric in FABRICS),
            {"element": "mx9", "lanes": 4, "outputs": 3, "accumulate": False},
            {"element": "mx6", "stages": 0, "result": "bf16"},
            {"element": "mx4,e5m2", "stages": 2},
        ],
    ),
)
def test_dot(options):
    built = variant("dot", **options)
    run(built, products(built, 60))


def test_dot_of_encoded_words():
    """Encoder and dot product in a row: the beats of one are the operands of the other."""
    random = np.random.default_rng(0)
    x, y = (random.standard_normal((12, 16)).astype(np.float32) for _ in "xy")
    built = variant("encoder", element="mx4", source="fp32")
    operands = []
    for values in (x, y):
        case = encoder_stimulus(built.component, FP32.words(values))
        run(built, case)
        operands.append(unpack(built.component.o.payload.shape(), case.outputs))
    a, b = operands
    result = golden_dot(
        *(side[name] for side in operands for name in ("codes", "scale")),
        element=MX4.element,
        a_micro=a["micro"],
        b_micro=b["micro"],
    )
    exact = quantize(x, MX4).dequantize().astype(float) * quantize(y, MX4).dequantize()
    np.testing.assert_array_equal(result, exact.sum(axis=1).astype(np.float32))
    names = [name for name, _ in Dot(MX4).i.payload.shape()["a"].shape]
    assert names == [name for name, _ in built.component.o.payload.shape()]


# The encoder.


@pytest.mark.parametrize(
    "options",
    longer(
        [
            {"element": "mx4", "block": 4},
            {"element": "mx6", "block": 4, "fabric": "fpga"},
            {"element": "mx9", "block": 4, "rounding": "nearest_even", "source": "fp32"},
            {"element": "mx4", "block": 8, "lanes": 2, "stages": 3},
            {"element": WIDE},
            {"element": LOW, "rule": "ceil"},
        ],
        [
            *({"element": e, "source": s} for e in BDR for s in ("bf16", "fp32")),
            *({"element": "mx9", "block": 4, "rule": r} for r in ("ceil", "even", "rceil")),
            {"element": "msfp12", "block": 4},
        ],
    ),
)
def test_encoder(options):
    built = variant("encoder", **options)
    result = run_stream(make_simulator(built, "amaranth"), edge_blocks(built, 40), STALLS)
    assert result.passed, result.mismatches


@pytest.mark.parametrize("element", ["mxsf", "int8", "e5m2"])
def test_half_away_without_microexponents(element):
    built = variant("encoder", element=element, block=4, rounding="half_away")
    run(built, edge_blocks(built, 20))


EITHER, ZERO = slice(1, None), slice(1, None, 2)  # beside words of any size, or of the largest


@needs_gcc
@pytest.mark.parametrize(
    ("element", "free", "exponents"),
    [
        ("mx4", EITHER, (0, 1, 2, 3, 4, 254)),
        *(
            pytest.param(element, free, EXPONENTS, marks=pytest.mark.long)
            for element in BDR
            for free in (EITHER, ZERO)
        ),
    ],
    ids=str,
)
def test_every_word_at_scales_that_matter(element, free, exponents):
    compared, wrong = exhaust(variant("encoder", element=element, lanes=8), exponents, free)
    assert compared > 60_000
    assert wrong == 0


def test_names():
    assert variant("encoder", element="mx9").top == "mxsf_encoder_mx9_b16"
    even = variant("encoder", element="mx9", block=32, rounding="nearest_even")
    assert even.top == "mxsf_encoder_mx9_b32_nearest_even"
    assert variant("encoder", rounding="half_away").top == "mxsf_encoder_mxsf_b32_half_away"
    assert variant("encoder", element=WIDE).top == "mxsf_encoder_e0m3_micro1x4_b8"
    assert variant("dot", element="mxsf,mx9").top == "mxsf_dot_mxsf_mx9_b16"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ProductSum(MX9, lanes=1), "lanes must be a multiple of 2, .* not 1"),
        (lambda: Encoder(MX9, block=15), "lanes must be a multiple of 2, .* not 15"),
        (lambda: Encoder(MX9.transposed), r"blocks of one row, not \(16, 1\)"),
        (lambda: Dot((MX9, BlockFormat(MXSF))), r"those of a and b differ, \[16, 32\]"),
        (
            lambda: Dot(BlockFormat(MX4.element, (1, 6), micro=(1, 3))),
            "share a microexponent must be a power of two, not 3",
        ),
        (lambda: variant("matmul", element="mx9"), "an element format, not the block format 'mx9'"),
        (lambda: variant("matmul", rounding="half_away"), "use nearest_even, stochastic"),
        (lambda: product_sum([1, 1], [1, 1], MX4), "a_micro belongs to formats with"),
        (lambda: product_sum([1] * 4, [1] * 4, (MX4, INT8), a_micro=[1]), "one for 2 of 4 codes"),
    ],
)
def test_bad_parameters(build, message):
    with pytest.raises(ValueError, match=message):
        build()


# Planted bugs: each net must catch one.


def test_a_deaf_microexponent_is_caught(monkeypatch):
    monkeypatch.setattr(GroupSum, "_place", lambda self, m: Const(2, 2))
    built = variant("product_sum", element="mx4", block=4)
    assert run_stream(amaranth(built.component), sums(built, 30)).count > 0


def test_a_lost_one_is_caught(monkeypatch):
    plant(monkeypatch, GroupSum, product_sum_module, lambda group: group.carry.eq(0))
    built = variant("product_sum", element="mx4", block=4)
    assert run_stream(amaranth(built.component), sums(built, 30)).count > 0


def test_a_wrong_unit_is_caught(monkeypatch):
    monkeypatch.setattr(BlockFormat, "unit_exponent", property(lambda f: f.element.unit_exponent))
    built = variant("dot", element="mx4", block=2, stages=0)
    assert run_stream(amaranth(built.component), products(built, 30)).count > 0


@pytest.mark.parametrize(
    "change",
    [
        lambda find: lambda m, words, largest, clear, size: find(m, words, largest, 0, size),
        lambda find: lambda m, words, largest, clear, size: ~find(m, words, largest, clear, size),
    ],
    ids=["in a block of Inf", "inverted"],
)
def test_a_wrong_microexponent_is_caught(monkeypatch, change):
    monkeypatch.setattr(lanes, "find_micro", change(lanes.find_micro))
    built = variant("encoder", element="mx4", block=4)
    result = run_stream(make_simulator(built, "amaranth"), edge_blocks(built))
    assert any("o.payload" in line for line in result.mismatches)


def test_the_other_rounding_is_caught():
    built = variant("encoder", element="mx4", block=4)
    even = variant("encoder", element="mx4", block=4, rounding="nearest_even")
    assert run_stream(make_simulator(even, "amaranth"), edge_blocks(built)).count > 0


# As exported.


@pytest.mark.long
@needs_icarus
@pytest.mark.parametrize(
    ("name", "options"),
    [
        *(("encoder", {"element": element, "lanes": 8}) for element in BDR),
        *(("product_sum", {"element": "mx9", "block": 8, "fabric": fabric}) for fabric in FABRICS),
        ("dot", {"element": "mx9", "lanes": 4}),
        ("dot", {"element": "mx6,mxsf", "block": 8, "stages": 2}),
    ],
    ids=str,
)
def test_exported_verilog_under_icarus(name, options):
    built = variant(name, **options)
    result = run_verilog(verilog(built), built.top, built.vectors(), STALLS, clocking=built.clock)
    assert result.passed, result.mismatches


@pytest.mark.long
@needs_gcc
@pytest.mark.parametrize("element", BDR)
def test_many_random_blocks(element):
    built = variant("encoder", element=element, lanes=4, source="fp32")
    words = random_words(np.random.default_rng(11), 6000, 16, FP32)
    check(built, "cxxrtl")
    result = run_stream(make_simulator(built, "cxxrtl"), encoder_stimulus(built.component, words))
    assert result.passed, result.mismatches
