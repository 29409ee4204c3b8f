"""The house: imports run one way, doctests hold, nothing of a machine is in the tree."""

import ast
import doctest
import importlib
import pkgutil
import subprocess
from pathlib import Path

import pytest

LAYERS = ("golden", "hdl", "sim", "flow")
ROOMS = {
    "golden": (
        *(
            "slabs",
            "quotient",
            "formats",
            "packing",
            "leftovers",
            "files",
            "quantize",
            "dot",
            "baseline",
        ),
        *("engine", "accelerator"),
    ),
    "hdl": (
        *("layouts", "scale", "ports", "register_map", "checks", "stream", "arith", "packing"),
        *("quantize", "dot", "baseline", "engine", "interface", "accelerator", "board"),
    ),
    "sim": ("result", "render", "model", "stimulus", "simulator", "interface", "design", "bench"),
    "flow": (
        *("netlist", "catalogue", "export", "simulate", "synth", "device", "network", "study"),
        *("board", "report", "cli"),
    ),
}
"""Rooms of each floor, the lowest first: a room imports those before it."""
ROOT = Path(__file__).parent.parent


def modules() -> list[str]:
    names = []
    for layer in LAYERS:
        package = importlib.import_module(f"mxsf.{layer}")
        names += [package.__name__]
        names += [m.name for m in pkgutil.walk_packages(package.__path__, f"mxsf.{layer}.")]
    return names


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_run_one_way(layer):
    allowed = LAYERS[: LAYERS.index(layer) + 1]
    for path in (ROOT / layer).rglob("*.py"):
        outside = len(path.relative_to(ROOT).parts)  # dots that lead out of the layer
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == outside:
                assert node.module is not None
                assert node.module.split(".")[0] in allowed, f"{path.name} imports {node.module}"
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.startswith("mxsf") for name in names), f"{path.name}: use relative"
            if layer == "golden":
                assert not any(name.startswith("amaranth") for name in names), path.name


@pytest.mark.parametrize("layer", LAYERS)
def test_rooms_import_downwards(layer):
    order = ROOMS[layer]
    for path in sorted((ROOT / layer).rglob("*.py")):
        parts = path.relative_to(ROOT / layer).with_suffix("").parts
        if parts == ("__init__",):  # the floor's own names
            continue
        room = parts[0]
        assert room in order, f"{path}: a new room has its place in ROOMS"
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ImportFrom) or node.level != len(parts):
                continue  # only what is named from the floor
            target = (node.module or node.names[0].name).split(".")[0]
            assert order.index(target) <= order.index(room), f"{path}: {room} imports {target}"


@pytest.mark.parametrize("name", modules())
def test_doctests(name):
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} has no docstring"
    failed, _ = doctest.testmod(module)
    assert failed == 0


@pytest.mark.parametrize("name", modules())
def test_all_is_complete(name):
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", ()):
        assert hasattr(module, public), f"{name}.__all__ names {public}"


def test_modules_stay_small():
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 330, path


@pytest.mark.parametrize("layer", LAYERS)
def test_functions_stay_small(layer):
    """At most 60 lines without the docstring."""
    for path in (ROOT / layer).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            first, *_ = node.body
            has_text = ast.get_docstring(node) is not None
            text = (first.end_lineno or 0) - first.lineno + 1 if has_text else 0
            lines = (node.end_lineno or 0) - node.lineno + 1 - text
            assert lines <= 60, f"{path.relative_to(ROOT)}: {node.name} has {lines}"


def test_no_generated_file_is_tracked():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "-C", str(ROOT), "ls-files", "build"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["build/.gitignore", "build/README.md"]
