"""Registers: one description makes the C header, the page for people and the manifest."""

import re
import shutil
import subprocess

import pytest
from designs import ACCELERATOR, exported
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.manifest import manifest
from mxsf.flow.export.register_map import register_files

needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
WIDE = ("accelerator", {"tile": 4, "pes": 1, "depth": 16, "address": 40})
DESIGNS = [
    ("matmul", {"tile": 4, "pes": 2, "depth": 8, "interface": "axi"}),
    ACCELERATOR,
    pytest.param(*WIDE, marks=pytest.mark.long, id="address 40"),
]


@needs_cc
@pytest.mark.parametrize(("name", "options"), DESIGNS, ids=str)
def test_one_description_for_all(name, options, tmp_path):
    """The header compiles, and says what the manifest says; the page lists every register."""
    design, _ = exported(name, **options)
    texts, prefix = register_files(design), f"MXSF_{name.upper()}"
    header, page = texts[f"mxsf_{name}_regs.h"], texts[f"{design.top}_regs.md"]
    defined = dict(re.findall(rf"#define {prefix}_(\w+) (0x\w+)u", header))
    for register in manifest(design)["registers"]:
        name = register["name"].upper()
        assert int(defined.pop(name), 16) == register["offset"]
        assert f"| 0x{register['offset']:03x} | [{register['name']}]" in page
        if register["constant"] is not None and not register["built"]:
            assert int(defined.pop(f"{name}_IS"), 16) == register["constant"]
        if register["built"]:
            assert f"Always `0x{register['constant']:08x}`" in page
        for field in register["fields"]:
            if not field["built"]:
                mask = int(defined.pop(f"{name}_{field['name'].upper()}_MASK"), 16)
                assert mask == (1 << field["width"]) - 1 << field["low"]
    assert not defined
    (example,) = re.findall(rf"/\* .*: ({prefix}_GET\(value, \w+\))", header)
    main = f"int main(void) {{ uint32_t value = 0; return {example}; }}\n"
    (tmp_path / "main.c").write_text(header + main)
    command = ["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "main.c"]
    subprocess.run(command, cwd=tmp_path, check=True)


def test_every_accelerator_has_the_same_header():
    small = {"tile": 4, "pes": 1, "depth": 2}
    options = [
        {"element": "e5m2", "rule": "rceil", "overflow": "ovf"},
        {"address": 64, "bus": 512, "outstanding": 1, "prefix": "acme_", "requantize": "no"},
        {"address": 33, "pes": 4, "depth": 64, "rounding": "stochastic", "reset": "async"},
    ]
    designs = [variant("accelerator", **(small | each)) for each in options]
    assert len({register_files(design)["mxsf_accelerator_regs.h"] for design in designs}) == 1
