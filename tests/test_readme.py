"""Every command and every snippet of the README runs."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from classifier import IMAGE, save_classifier

README = (Path(__file__).parent.parent / "README.md").read_text()
SHELL = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.S)
    for line in block.splitlines()
    if line and not line.startswith("#")
]
SET_UP = [line for line in SHELL if line.startswith("python3 -m venv")]  # run by .ci/run


def test_readme_has_what_ci_runs():
    ends = [line.split("bin/")[-1] for line in SET_UP]
    assert ends == ["mxsf report --quick", "pytest -n 2"]


@pytest.mark.long
def test_commands(tmp_path):
    """In order, in one folder with a model and images, with this environment's programs."""
    save_classifier(tmp_path / "model.onnx")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((16, *IMAGE), np.float32))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    commands = [line for line in SHELL if line not in SET_UP]
    assert len(commands) >= 8
    for line in commands:
        words = shlex.split(line)
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}: {done.stderr}"
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("snippet", re.findall(r"```python\n(.*?)```", README, re.S))
def test_snippets(snippet):
    exec(compile(snippet, "README.md", "exec"), {})
