"""What pages and docstrings point to is there: links, headings, files, modules and their names."""

import importlib
import importlib.util
import re
from pathlib import Path

import pytest
from mxsf.flow.catalogue.catalogue import CATALOGUE, variant

ROOT = Path(__file__).parent.parent
FLOORS = ("golden", "hdl", "sim", "flow")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
SOURCES = sorted(path for floor in ("golden", "hdl") for path in (ROOT / floor).rglob("*.py"))
MAP = (ROOT / "docs" / "map.md").read_text()
HISTORY = {"CHANGELOG.md"}  # names what was there at the time

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FILE = re.compile(
    r"\b(?![\w/]*/(?:test_)?[A-Z]+\.py)"  # STEM.py stands for any name
    r"((?:golden|hdl|sim|flow|tests|docs|examples)/[\w/-]*\w(?:\.[a-z]+|/))(?!\w)"
)
TEST = re.compile(r"(?<![\w/])(test_\w+\.py)\b")
NAME = re.compile(r"`((?:mxsf\.)?(?:golden|hdl|sim|flow)(?:\.\w+)+)`")


def headings(page: Path) -> set[str]:
    """Anchors of a page, as GitHub makes them."""
    lines = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def resolves(name: str) -> bool:
    """Whether a dotted name is a module of ``mxsf``, or something in one."""
    parts = name.removeprefix("mxsf.").split(".")
    owner, rest = importlib.import_module(f"mxsf.{parts[0]}"), parts[1:]
    while rest:
        inner = f"{owner.__name__}.{rest[0]}"
        if not hasattr(owner, "__path__") or importlib.util.find_spec(inner) is None:
            break
        owner, rest = importlib.import_module(inner), rest[1:]
    for part in rest:
        fields = getattr(owner, "__annotations__", {})
        if part in fields and not hasattr(owner, part):
            return part == rest[-1]
        if not hasattr(owner, part):
            return False
        owner = getattr(owner, part)
    return True


def faults(text: str, folder: Path) -> list[str]:
    """What a text in a folder points to in vain."""
    missing = []
    for target in LINK.findall(text):
        file, _, anchor = target.partition("#")
        page = folder / file
        if re.match(r"[a-z]+:", target) or not file:
            continue
        if not page.exists() or (anchor and anchor not in headings(page)):
            missing.append(target)
    missing += [file for file in FILE.findall(text) if not (ROOT / file).exists()]
    tests = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    missing += [name for name in TEST.findall(text) if name not in tests]
    missing += [name for name in NAME.findall(text) if not resolves(name)]
    return missing


@pytest.mark.parametrize("page", [p for p in PAGES if p.name not in HISTORY], ids=lambda p: p.name)
def test_pages_point_to_what_is_there(page):
    assert faults(page.read_text(), page.parent) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_within_a_page(page):
    inner = re.findall(r"\]\(#([^)\s]+)\)", page.read_text())
    assert [anchor for anchor in inner if anchor not in headings(page)] == []


def test_docstrings_point_to_what_is_there():
    missing = {str(p.relative_to(ROOT)): faults(p.read_text(), p.parent) for p in SOURCES}
    assert {path: targets for path, targets in missing.items() if targets} == {}


@pytest.mark.parametrize(
    "text",
    [
        "see [that page](nowhere.md)",
        "see [that heading](docs/numerics.md#9-nothing)",
        "`hdl/dot/nowhere.py` has it",
        "docs/area-nowhere.md has it",
        "`test_nowhere.py` shows it",
        "`mxsf.golden.dot.nowhere` says it",
        "`sim.pipeline.Register` is a model of it",
        "`mxsf.golden.ElementFormat.nowhere` is it",
    ],
)
def test_catches_what_is_not_there(text):
    assert len(faults(text, ROOT)) == 1


def test_takes_what_is_there():
    text = "[page](README.md#start) `hdl/dot/dot.py` `test_docs.py` `mxsf.golden.MXSF.largest`"
    assert faults(text, ROOT) == []


@pytest.mark.parametrize("design", CATALOGUE)
def test_map_has_a_row_for_every_design(design):
    component = type(variant(design).component)
    file = component.__module__.removeprefix("mxsf.").replace(".", "/") + ".py"
    rows = [line for line in MAP.splitlines() if re.match(rf"\|[^|]*`{design}`", line)]
    assert len(rows) == 1
    assert f"`{file}`" in rows[0]


def test_map_lists_every_page():
    listed = set(LINK.findall(MAP[MAP.index("## Pages") :]))
    assert {page.name for page in (ROOT / "docs").glob("*.md")} == listed


def test_map_leads_into_every_room():
    files = [path for floor in FLOORS for path in (ROOT / floor).rglob("*.py")]
    rooms = {path.relative_to(ROOT).parent for path in files if path.name != "__init__.py"}
    assert [str(room) for room in sorted(rooms) if f"`{room}/" not in MAP] == []


@pytest.mark.parametrize("room", ["sim/bench", "sim/model"])
def test_map_names_every_file_of(room):
    files = sorted(path.name for path in (ROOT / room).glob("*.py") if path.name != "__init__.py")
    assert [name for name in files if f"`{room}/{name}`" not in MAP] == []
