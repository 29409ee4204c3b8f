"""Liberty files: the reader, and what a library says of its cells."""

import gzip

import numpy as np
import pytest
from cells import LIBRARY
from mxsf.flow.synth.liberty import Library, cell_texts, parse_groups, read_liberty

WRITTEN_OTHERWISE = """/* a comment { with ( a brace */
library ( "odd" ) {
  nom_voltage : 1.8          /* no semicolon */
  capacitive_load_unit (1, pf)
  define(drive_strength, cell, float);
  power_lut_template(t) {
    variable_1 : "input_transition_time";
    index_1 ("0.05, 0.5"); index_2 ("0 2");
  }
  cell("INV_X1")
  {
    area : "1.5"; cell_footprint : "inv; (not) {odd}";
    pin (A) { capacitance : 2e-3 }
    pin (Y) {
      function : "!A";
      internal_power () {
        rise_power (t) { values ( \\
          "1, 3", \\
          "7, 9" ); }
      }
    }
  }
}
"""


def test_groups():
    library = parse_groups(LIBRARY)
    assert (library.kind, library.arguments) == ("library", ("tiny",))
    assert library.attributes == {"capacitive_load_unit": ("1.0", "ff")}
    assert [cell.arguments for cell in library.of("cell")] == [
        *(("BUF",), ("INV",), ("NAND2",), ("DFF",))
    ]
    inverter = library.of("cell")[1]
    assert inverter.number("area") == 1.0
    (power,) = inverter.of("pin")[1].of("internal_power")
    assert power.arguments == ()
    assert power.attributes == {"related_pin": ("A",)}
    (table,) = power.of("rise_power")
    np.testing.assert_array_equal(table.array("values"), [[9, 9], [4, 8], [9, 9]])
    with pytest.raises(KeyError):
        inverter.number("height")


def test_what_files_write_otherwise():
    """Comments, no semicolons, quotes or none, lines that go on, axes in the template."""
    library = parse_groups(WRITTEN_OTHERWISE)
    assert library.attributes["nom_voltage"] == ("1.8",)
    assert library.attributes["define"] == ("drive_strength", "cell", "float")
    (cell,) = library.of("cell")
    assert cell.attributes == {"area": ("1.5",), "cell_footprint": ("inv; (not) {odd}",)}
    inverter = Library(WRITTEN_OTHERWISE, ["INV_X1"])
    assert inverter.voltage == 1.8
    assert inverter.capacitance("INV_X1", "A") == 2e-3
    assert inverter.capacitance("INV_X1", "Y") == 0
    assert inverter.internal("INV_X1", "Y", 0.5) == 1.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("library(a) {", "library has no '}'"),
        ("library(a) { } }", "a '}' without '{'"),
        ("library(a { }", r"no '\)' after library\("),
        ("library(a) { area 1.5; }", "'area' has neither ':' nor '\\(' behind it"),
        ("/* nothing */", "there is no group in it"),
    ],
)
def test_what_is_no_library(text, message):
    with pytest.raises(ValueError, match=f"Liberty file: {message}"):
        parse_groups(text)


def test_cell_texts(tmp_path):
    path = tmp_path / "tiny.lib.gz"
    path.write_bytes(gzip.compress(LIBRARY.encode()))
    texts = cell_texts(read_liberty(path))
    assert list(texts) == ["BUF", "INV", "NAND2", "DFF"]
    for name, text in texts.items():
        assert parse_groups(text).arguments == (name,)


def test_library():
    library = Library(LIBRARY, ["INV", "DFF"])
    assert "NAND2" not in library.text
    assert library.voltage == 2.0
    assert library.capacitance("INV", "A") == pytest.approx(1e-3)
    assert library.internal("INV", "Y", 1e-3) == pytest.approx(3e-3)
    assert library.internal("INV", "Y", 2e-3) == pytest.approx(4e-3)  # halfway between loads
    assert library.internal("INV", "Y", 9e-3) == pytest.approx(5e-3)  # the end of the table
    assert library.internal("DFF", "C") == pytest.approx(4e-3)
    assert library.internal("DFF", "D") == 0
    with pytest.raises(ValueError, match="the library has no cell AOI"):
        Library(LIBRARY, ["AOI"])
    with pytest.raises(ValueError, match="the library states no voltage"):
        _ = Library("library(empty) {\n}\n", []).voltage
