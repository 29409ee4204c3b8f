"""Agreement with libraries that others wrote: what docs/agreement.md says holds."""

from pathlib import Path

import mxsf.golden.formats.element as element_module
import numpy as np
import pytest
import table
from comparison import pooled
from libraries import LIBRARIES, Library, comparisons

DOCUMENT = (Path(__file__).parents[2] / "docs/agreement.md").read_text()


def present(name):
    """The test ends here where the library is not installed."""
    if not LIBRARIES[name].installed:
        pytest.skip(f"{name} is not installed: {LIBRARIES[name].install}")


@pytest.mark.long
@pytest.mark.filterwarnings("default")  # what torch and those who import it warn of is theirs
@pytest.mark.parametrize("name", LIBRARIES)
def test_every_difference_has_its_rule(name):
    present(name)
    rows = 0
    for comparison in comparisons(name):
        assert comparison.unexplained == 0, comparison.what
        assert comparison.row() in DOCUMENT
        rows += 1
    assert rows == DOCUMENT.count(f"\n| {name} |")


@pytest.fixture
def wrong_code(monkeypatch):
    """Plant a bug: 1.0 has one code more or less."""
    right = element_module.ElementFormat.encode

    def encode(self, values, overflow="saturate"):
        codes = right(self, values, overflow)
        codes[np.asarray(values) == 1.0] ^= 1
        return codes

    monkeypatch.setattr(element_module.ElementFormat, "encode", encode)


@pytest.mark.usefixtures("wrong_code")
def test_a_wrong_value_is_unexplained():
    """Whether a rule says something of it or not."""
    wrong = [c for c in comparisons("ml_dtypes") if "every word" in c.what]
    assert [comparison.unexplained for comparison in wrong] == [1] * len(wrong)


@pytest.mark.long
@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("wrong_code")
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_wrong_value_is_unexplained_in_each_library(name):
    present(name)
    assert next(c for c in comparisons(name) if "every word" in c.what).unexplained > 0


@pytest.mark.parametrize(
    ("theirs", "by_rule", "unexplained"),
    [
        ([1.0, 5.0, np.nan], 1, 0),
        ([1.0, 2.0, np.nan], 0, 1),  # agrees where a rule says that it does not
        ([1.0, 6.0, np.nan], 0, 1),  # differs, but not to what the rule says
        ([7.0, 5.0, np.nan], 1, 1),  # differs without a rule
        ([1.0, 5.0, 3.0], 1, 1),
    ],
)
def test_what_is_not_as_a_rule_says_is_unexplained(theirs, by_rule, unexplained):
    ours, expected = np.array([1.0, 2.0, np.nan]), np.array([1.0, 5.0, np.nan])
    comparison = pooled("library", "what", [(ours, np.array(theirs), expected)], ("rule",))
    assert comparison.row() == f"| library | what | 3 | {by_rule} | {unexplained} | rule |"


def test_what_is_not_installed_says_how(monkeypatch, capsys):
    missing = Library("no_such_module", "no-such-distribution", "pip install it")
    folder = Library("no_such_module", "", "put it in PYTHONPATH")
    monkeypatch.setattr(table, "LIBRARIES", {"one": missing, "other": folder})
    table.main()
    first, second, *rest = capsys.readouterr().out.splitlines()
    assert first == "one is not installed: pip install it"
    assert second == "other is not installed: put it in PYTHONPATH"
    assert len(rest) == 2  # the head of an empty table
