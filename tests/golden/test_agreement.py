"""Agreement with libraries that others wrote: what docs/agreement.md says holds."""

import importlib.util
from pathlib import Path

import mxsf.golden.formats.element as element_module
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/agreement.md").read_text()


def agreement():
    spec = importlib.util.spec_from_file_location("agreement", ROOT / "tests/agreement.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.long
@pytest.mark.parametrize("library", ["ml_dtypes", "gfloat"])
def test_every_difference_has_its_rule(library):
    pytest.importorskip(library)
    rows = 0
    for comparison in agreement().LIBRARIES[library]():
        assert comparison.unexplained == 0, comparison.what
        assert comparison.row() in DOCUMENT
        rows += 1
    assert rows == DOCUMENT.count(f"\n| {library} |")


def test_a_wrong_value_is_unexplained(monkeypatch):
    """One code more or less is seen, whether a rule says something of it or not."""
    right = element_module.ElementFormat.encode

    def encode(self, values, overflow="saturate"):
        codes = right(self, values, overflow)
        codes[np.asarray(values) == 1.0] ^= 1
        return codes

    monkeypatch.setattr(element_module.ElementFormat, "encode", encode)
    wrong = [c for c in agreement().with_ml_dtypes() if "every word" in c.what]
    assert [comparison.unexplained for comparison in wrong] == [1] * len(wrong)
