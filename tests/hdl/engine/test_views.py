"""Walks, and products of views: every step beside the plain formula of where a tile lies."""

from random import Random

import pytest
from designs import plant
from mxsf.hdl.engine import sequencer as module
from mxsf.hdl.engine.sequencer import Sequencer, product_layout
from mxsf.hdl.engine.walk import Walk, view_layout
from mxsf.sim.simulator.amaranth import AmaranthSimulator

DEPTH = 16
WALKS = ("a_m", "a_k", "b_k", "b_n")


def position(view, x):
    """The formula of docs/engine.md, without the memory's end."""
    return x // view["run"] * view["jump"] + x % view["run"] * view["pitch"]


def random_view(random):
    """Any pitch and jump of either sign, beyond the memory too; runs of few and of many."""
    signed = (random.choice([0, 1, -1, random.randint(-40, 40)]) for _ in range(2))
    run = random.choice([1, 2, 3, 5, 7, 0xFFFF])
    return {"run": run, **dict(zip(("pitch", "jump"), signed, strict=True))}


def bits(layout, values):
    """A payload, signed fields cut to their bits."""
    cut = {
        name: bits(field.shape, values[name])
        if isinstance(values[name], dict)
        else int(values[name]) & ((1 << field.width) - 1)
        for name, field in layout
    }
    return sum(value << layout[name].offset for name, value in cut.items())


def walked(runs, keeps, seed, cycles=60):
    """Drive a walk at random; what it showed and what the formula says, in every cycle."""
    walk, random = module.Walk(DEPTH, runs=runs, keeps=keeps), Random(seed)
    shown = []

    async def testbench(pins):
        for _ in range(4):
            view = random_view(random)
            if not runs:
                view["run"], view["jump"] = 1 << 16, 0
            pins.set("view", bits(view_layout(DEPTH, runs=runs), view))
            x = kept = 0
            for cycle in range(cycles):
                does = {
                    "advance": random.random() < 0.7,
                    "restart": not cycle or random.random() < 0.05,
                    **({"keep": not cycle or random.random() < 0.2} if keeps else {}),
                    **({"back": cycle and random.random() < 0.1} if keeps else {}),
                }
                for name, value in does.items():
                    pins.set(name, int(value))
                await pins.tick()
                following = 0 if does["restart"] else x + does["advance"]
                x = kept if does.get("back") else following
                kept = following if does.get("keep") else kept
                shown.append((pins.get("position"), position(view, x) % DEPTH))

    AmaranthSimulator(walk).run(testbench)
    return zip(*shown, strict=True)


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("runs", [False, True])
def test_a_walk_is_the_formula(runs, keeps):
    shown, expected = walked(runs, keeps, seed=1)
    assert shown == expected
    assert len(set(shown)) > 4


def random_job(random):
    """A product of a few tiles, and its m."""
    m, n, k = (random.choice([1, 2, 3, 5, 8]) for _ in range(3))
    flags = ("a_transposed", "b_transposed", "accumulate")
    bases = {f"{side}_base": random.randrange(DEPTH) for side in "ab"}
    views = {name: random_view(random) for name in WALKS}
    chosen = {name: random.randrange(2) for name in flags}
    return m, {"n": n, "k": k, "tiles": m * n, **bases, **views, **chosen}


def expected_steps(m, job, steps, group):
    """Every step of a product, its fields by name."""
    n, k = job["n"], job["k"]
    tiles = [(i, j) for i in range(m) for j in range(n)]
    before = {"a": None, "b": None}
    while tiles:
        size = group if group == 1 or len(tiles) >= 2 * group else len(tiles)
        for inner in range(k):
            for number, (i, j) in enumerate(tiles[:size]):
                a = job["a_base"] + position(job["a_m"], i) + position(job["a_k"], inner)
                b = job["b_base"] + position(job["b_k"], inner) + position(job["b_n"], j)
                at = {"a": a % DEPTH, "b": b % DEPTH}
                for step in range(steps):
                    yield {
                        **at,
                        **{f"{side}_new": int(at[side] != before[side]) for side in at},
                        "a_across": job["a_transposed"],
                        "b_across": 1 - job["b_transposed"],
                        "step": step,
                        "output": number * steps + step,
                        "first": int(inner == 0),
                        "last": int(inner == k - 1),
                        "starts": int(job["accumulate"] and inner == 0),
                    }
                    before = at
        tiles = tiles[size:]


def differs(steps, group, jobs=None):
    """Run products; the first step that is another than the formula's, or None."""
    sequencer, random = module.Sequencer(DEPTH, steps, group, views=True), Random(0)
    jobs = jobs or [random_job(random) for _ in range(12)]
    layout = sequencer.o.payload.shape()
    found = []

    async def testbench(pins):
        for m, job in jobs:
            assert not pins.get("busy")
            pins.set("job", bits(product_layout(DEPTH), job))
            pins.set("start", 1)
            await pins.tick()
            pins.set("start", 0)
            pins.set("job", random.getrandbits(200))
            for step in expected_steps(m, job, steps, group):
                while random.random() < 0.2:
                    pins.set("o__ready", 0)
                    await pins.tick()
                pins.set("o__ready", 1)
                shown = layout.from_bits(pins.get("o__payload"))
                values = {name: shown[name] for name in step}
                if not pins.get("o__valid") or values != step:
                    found.append((job, step, values))
                    return
                await pins.tick()
        assert not pins.get("busy")

    AmaranthSimulator(sequencer).run(testbench)
    return found[0] if found else None


SHAPES = [(2, 1), (1, 3), (4, 2)]  # steps of a tile product, tiles of a group


@pytest.mark.parametrize(("steps", "group"), SHAPES)
def test_products_of_views(steps, group):
    assert differs(steps, group) is None


@pytest.mark.parametrize("sizes", [(300, 1, 1), (1, 300, 1), (1, 1, 300), (2, 150, 2)])
def test_sizes_beyond_the_memory(sizes):
    m, n, k = sizes
    _, job = random_job(Random(k))
    job = {**job, "n": n, "k": k, "tiles": m * n, "a_m": {"run": 259, "pitch": -1, "jump": 7}}
    assert differs(1, 2, [(m, job)]) is None


# Planted bugs.


def jumps_from_the_end(monkeypatch):
    """A run begins ``jump`` after the last position, not after its run's first."""

    monkeypatch.setattr(Walk, "_next_run", lambda walk, here: here.position + walk.view.jump)


def forgets(monkeypatch):
    """Nothing returns to what was kept."""

    class Forgetful(Walk):
        def elaborate(self, platform):
            self.keeps = False
            return super().elaborate(platform)

    monkeypatch.setattr(module, "Walk", Forgetful)


def reads_in_the_first_of_k_only(monkeypatch):
    plant(
        monkeypatch, Sequencer, module, lambda part: part.o.payload.b_new.eq(part.o.payload.first)
    )


@pytest.mark.parametrize("bug", [jumps_from_the_end, forgets, reads_in_the_first_of_k_only])
def test_products_of_views_catch(monkeypatch, bug):
    bug(monkeypatch)
    assert differs(1, 3) is not None


@pytest.mark.parametrize("bug", [jumps_from_the_end, forgets])
def test_walks_catch(monkeypatch, bug):
    bug(monkeypatch)
    shown, expected = walked(True, True, seed=1)
    assert shown != expected
