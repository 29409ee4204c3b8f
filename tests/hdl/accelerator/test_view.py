"""View walks: every index of random views, back to back, with stalls."""

from random import Random

import pytest
from mxsf.hdl.accelerator.view import INDEX_LAYOUT, ViewWalk, view_layout
from streaming import pack, pump, unpack


def random_view(random, most=9):
    step = lambda: random.choice([random.randint(-5, 5), random.randint(-(2**24), 2**24)])  # noqa: E731
    return {
        "rows": random.randint(1, most),
        "columns": random.randint(1, most),
        "run": random.choice([1, 2, 3, most, 0xFFFF]),
        "crun": random.choice([1, 2, 3, most, 0xFFFF]),
        **{name: step() for name in ("pitch", "jump", "cjump")},
    }


def indices(view, column_runs):
    """The definition."""
    found = []
    for i in range(view["rows"]):
        for j in range(view["columns"]):
            run, crun = view["run"], view["crun"] if column_runs else 1 << 16
            row = i // run * view["jump"] + i % run * view["pitch"]
            found.append(row + j // crun * view["cjump"] + j % crun)
    return found


def walk(views, column_runs, **options):
    layout = view_layout(column_runs=column_runs)
    jobs = [pack(layout, **view) for view in views]
    component = ViewWalk(column_runs=column_runs)
    seen = pump(component, {"i": jobs}, ["o"], **options)["o"]
    return [(cycle, unpack(INDEX_LAYOUT, payload)) for cycle, payload in seen]


@pytest.mark.parametrize("column_runs", [True, False])
@pytest.mark.parametrize(("valid", "ready"), [(1, 1), (0.5, 0.6)])
def test_indices(column_runs, valid, ready):
    random = Random(f"{column_runs} {valid}")
    views = [random_view(random) for _ in range(30)]
    golden = [indices(view, column_runs) for view in views]
    total = sum(map(len, golden))
    stalls = {"valid": valid, "ready": ready, "seed": 3}
    seen = walk(views, column_runs, cycles=3 * total + 100, **stalls)
    assert [beat["index"] for _, beat in seen] == [index for job in golden for index in job]
    ends = [number for number, (_, beat) in enumerate(seen, 1) if beat["last"]]
    assert ends == [sum(map(len, golden[: k + 1])) for k in range(len(golden))]
    if valid == ready == 1:  # an index in every cycle, and no cycle between jobs
        assert [cycle for cycle, _ in seen] == list(range(1, total + 1))


def test_ends_of_the_range():
    """The least and greatest index, counts that need all their bits."""
    view = {"rows": 2, "columns": 3, "run": 1, "pitch": 1, "jump": -(2**31), "crun": 2}
    assert indices(view | {"cjump": 5}, True)[3] == -(2**31)
    high = {"rows": 2, "columns": 1, "run": 9, "pitch": 2**31 - 1, "jump": 7, "crun": 1}
    long = {"rows": 1, "columns": 300, "run": 1, "pitch": 0, "jump": 0, "crun": 257}
    views = [view | {"cjump": 5}, high | {"cjump": -1}, long | {"cjump": -3}]
    seen = [beat["index"] for _, beat in walk(views, True, cycles=320)]
    assert seen == [index for view in views for index in indices(view, True)]


def test_constructor_checks():
    with pytest.raises(TypeError, match="column_runs must be of type bool, not 1"):
        ViewWalk(column_runs=1)
