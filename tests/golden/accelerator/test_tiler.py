"""Tiled products: bits of one product, no hazard, FENCEs only where K is split."""

import re

import numpy as np
import pytest
from mxsf.golden import MXSF, matmul, quantize
from mxsf.golden.accelerator import tiler
from mxsf.golden.accelerator.blocking import Blocking, Problem, candidates, choose, cuts, estimate
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.cost import TIMING, cost
from mxsf.golden.accelerator.descriptor import Fence, Load, Multiply
from mxsf.golden.accelerator.machine import Machine
from mxsf.golden.accelerator.program import Program
from mxsf.golden.accelerator.result import Result

DEPTH = 16
SMALL = Configuration(tile=4, pes=4, depth=DEPTH)


def operands(size, turned=(False, False), seed=0):
    """Quantized A and B as stored."""
    m, k, n = size
    random = np.random.default_rng(seed)
    shapes = (k, m) if turned[0] else (m, k), (n, k) if turned[1] else (k, n)
    return [quantize(random.standard_normal(s).astype(np.float32), MXSF, (4, 4)) for s in shapes]


class Case:
    """A product in a program: the matrices, and what it must give, by one product."""

    def __init__(self, size, turned=(False, False), built=SMALL, **epilogue):
        m, _, n = size
        self.turned = turned
        self.stored = operands(size, turned)
        random = np.random.default_rng(1)
        self.program = Program(built)
        self.matrices = [self.program.put(f"x{i}", q) for i, q in enumerate(self.stored)]
        kinds = epilogue.pop("out", ("words", "tiles"))
        planes = {}
        if "words" in kinds:
            planes["words"] = self.program.words("words", (m, n))
        if "tiles" in kinds:
            planes["tiles"] = self.program.matrix("tiles", (m, n))
        values = random.standard_normal((m, n)).astype(np.float32)
        if epilogue.pop("init", False):
            planes["init"] = self.program.put_words("init", values)
        if epilogue.pop("in_place", False):
            planes["init"] = planes["words"]
            self.program.tensors.write(planes["words"], values)
        if epilogue.pop("bias", False):
            planes["bias"] = self.program.put_words("bias", values[0])
        if epilogue.pop("mask", False):
            hidden = np.where(values > 0, values, np.float32(0))
            planes["mask"] = self.program.put("mask", hidden)
        self.result = Result(**planes, **epilogue)

    def write(self, blocking=None):
        names = dict(zip(("a_transposed", "b_transposed"), self.turned, strict=True))
        cut = tiler.multiply(self.program, *self.matrices, self.result, **names, blocking=blocking)
        self.program.end()
        return cut

    def outputs(self, memory):
        """Bytes of the planes of C."""
        planes = [p for p in (self.result.words, self.result.tiles) if p is not None]
        found = [self.program.get(plane, memory) for plane in planes]
        return [x.tobytes() if isinstance(x, np.ndarray) else x for x in found]

    def run(self):
        machine = Machine(self.program.built, self.program.image())
        outcome = machine.run(self.program.start)
        assert outcome.fault == 0
        assert outcome.breaches == []
        return self.outputs(machine.memory)

    def expected(self):
        """By one product, in memories that hold all of it."""
        built = Configuration(tile=4, pes=4, depth=1024)
        whole = Program(built)
        whole.tensors = self.program.tensors
        a, b = whole.load_a(self.matrices[0]), whole.load_b(self.matrices[1])
        whole.product(a.T if self.turned[0] else a, b.T if self.turned[1] else b, self.result)
        whole.end()
        machine = Machine(built, whole.image())
        assert machine.run(whole.start).fault == 0
        return self.outputs(machine.memory)


CASES = [
    ((10, 14, 30), (False, False), {}),
    ((30, 9, 41), (True, False), {"bias": True, "relu": True}),
    ((41, 30, 18), (False, True), {"mask": True, "out": ("tiles",)}),
    ((30, 33, 30), (True, True), {"init": True, "shift": -2, "out": ("words",)}),
    ((50, 3, 50), (False, False), {"in_place": True, "negate": True, "out": ("words",)}),
    # K is split.
    ((13, 70, 21), (False, False), {"bias": True, "mask": True, "shift": 1}),
    ((13, 70, 21), (True, True), {"init": True, "negate": True, "out": ("tiles",)}),
    ((21, 100, 5), (False, True), {"in_place": True, "relu": True}),
    ((4, 4, 4), (False, False), {}),
    ((4, 300, 4), (False, False), {"out": ("tiles",)}),
    ((80, 4, 4), (False, False), {"bias": True}),
]


@pytest.mark.parametrize(("size", "turned", "options"), CASES)
def test_bits_are_those_of_one_product(size, turned, options):
    case = Case(size, turned, **options)
    expected = case.expected()
    cut = case.write()
    assert case.run() == expected
    fences = sum(isinstance(d, Fence) for d in case.program.descriptors)
    assert fences == len(cuts(-(-size[1] // 4), cut.inner)) - 1


def test_words_are_those_of_matmul():
    case = Case((22, 60, 18), out=("words",))
    case.write()
    assert case.run() == [matmul(*case.stored).tobytes()]


@pytest.mark.parametrize(
    ("stationary", "cut"),
    [
        pytest.param("a", (1, 1, 1, 1), marks=pytest.mark.long),
        pytest.param("b", (1, 1, 1, 1), marks=pytest.mark.long),
        ("a", (2, 2, 1, 3)),
        ("b", (1, 4, 2, 4)),
        ("a", (3, 1, 1, 5)),
        ("b", (2, 1, 2, 4)),
        ("a", (1, 3, 2, 4)),
        ("b", (2, 3, 3, 2)),
    ],
)
def test_every_cut_gives_the_same_bits(stationary, cut):
    turned = (cut[0] % 2 == 0, cut[1] % 2 == 0)
    case = Case((17, 25, 14), turned, bias=True, relu=True)
    expected = case.expected()
    case.write(Blocking(stationary, *cut))
    assert case.run() == expected


@pytest.mark.long
@pytest.mark.parametrize("seed", range(40))
def test_random_products(seed):
    random = np.random.default_rng(seed)
    size, turned = random.integers(1, 70, 3), random.random(2) < 0.5
    built = Configuration(
        tile=4, pes=int(random.choice([1, 16])), depth=int(random.choice([4, 32]))
    )
    case = Case(tuple(int(x) for x in size), tuple(bool(x) for x in turned), built, mask=True)
    expected = case.expected()
    case.write()
    assert case.run() == expected


def test_loads_are_hidden():
    """Behind the first products: nearly all loads are free, and the array hardly waits."""
    built = Configuration(pes=8, depth=64)
    program = Program(built)
    a, b, c = (program.matrix(name, (128, 128)) for name in "abc")
    tiler.multiply(program, a, b, Result(tiles=c))
    program.end()
    loads = [d for d in program.descriptors if isinstance(d, Load)]
    assert sum(not load.free for load in loads) <= 2
    assert sum(isinstance(d, Fence) for d in program.descriptors) == 0
    found = cost(program.descriptors, built)
    assert found.useful > 0.97


def test_bytes_of_a_large_product():
    """512 x 512 x 512 in 512 tiles: one operand once, the other eight times, less what stays.

    That alone were (1 + 8 + 1) * 4096 * 65 bytes, 0.0198 a multiplication; panels that go back and
    forth save seven sixteenths of a pass.
    """
    built = Configuration()
    program = Program(built)
    a, b, c = (program.matrix(name, (512, 512)) for name in "abc")
    cut = tiler.multiply(program, a, b, Result(tiles=c))
    program.end()
    found = cost(program.descriptors, built)
    assert found.products == 512**3
    assert 0.0180 < found.bytes_per_product < 0.0198
    assert found.useful > 0.99
    assert cut.inner == 64


@pytest.mark.long
@pytest.mark.parametrize(
    ("size", "pes", "bus"),
    [((16, 16, 16), 8, 64), ((5, 9, 25), 64, 64), ((8, 40, 8), 64, 512), ((4, 6, 5), 8, 64)],
)
def test_the_estimate_chooses_well(size, pes, bus):
    """Of all cuts the chosen one is among the best by the event model."""
    built = Configuration(pes=pes, bus=bus, depth=128)
    m, k, n = size
    problem, found = Problem(m, n, k), {}
    written = built.code_record + 1
    chosen = choose(problem, built, written=written)
    some = sorted(set(candidates(problem, built.depth)), key=str)[::3]
    for cut in {chosen, *some}:
        program = Program(built)
        a, b = program.matrix("a", (8 * m, 8 * k)), program.matrix("b", (8 * k, 8 * n))
        result = Result(tiles=program.matrix("c", (8 * m, 8 * n)))
        tiler.multiply(program, a, b, result, blocking=cut)
        program.end()
        found[cut] = cost(program.descriptors, built).cycles
    assert found[chosen] <= 1.1 * min(found.values())
    assert abs(estimate(problem, chosen, built, TIMING, written).cycles / found[chosen] - 1) < 0.2


@pytest.mark.parametrize("depth", [2, 4, 64])
@pytest.mark.parametrize("size", [(1, 1, 1), (3, 5, 7), (100, 1, 100), (2, 300, 1)])
def test_candidates_fit(size, depth):
    found = list(candidates(Problem(*size), depth))
    assert found
    for cut in found:
        cut.check(depth)


def products(program):
    return [d for d in program.descriptors if isinstance(d, Multiply)]


def test_one_product_where_all_fits():
    case = Case((8, 8, 8))
    case.write(Blocking("a", 2, 1, 2, 2))
    (product,) = products(case.program)
    assert (product.m, product.n, product.k) == (2, 2, 2)


@pytest.mark.parametrize(
    ("size", "blocking", "message"),
    [
        ((8, 8, 8), Blocking("a", 9, 1, 1, 2), "block of Blocking("),
        ((8, 8, 8), Blocking("a", 1, 1, 5, 2), "two panels of Blocking("),
        ((8, 8, 8), Blocking("a", 0, 1, 1, 2), "sizes must be at least 1, not Blocking("),
    ],
)
def test_a_cut_that_does_not_fit(size, blocking, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Case(size).write(blocking)


def test_sizes_that_do_not_agree():
    program = Program(SMALL)
    a, c = program.matrix("a", (8, 12)), program.words("c", (8, 8))
    message = "inner sizes differ: 3 tiles of a (2 x 3 tiles) and 2 of a (2 x 3 tiles)"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        tiler.multiply(program, a, a, Result(words=c))
    with pytest.raises(ValueError, match=r"^words must be 3 x 3 tiles, not c \(2 x 2 tiles\)$"):
        tiler.multiply(program, a, a, Result(words=c), a_transposed=True)
