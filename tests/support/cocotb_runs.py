"""Icarus with cocotb in it: compiled once, run for each case."""

import json
from pathlib import Path


def build(folder, top, text):
    """Compile a design's Verilog."""
    from cocotb_tools.runner import get_runner

    (folder / "design.v").write_text(text)
    get_runner("icarus").build(
        sources=[folder / "design.v"],
        hdl_toplevel=top,
        build_dir=folder,
        timescale=("1ns", "1ps"),
        log_file=folder / "build.log",
    )


def passes(folder, top, module, what):
    """Whether the tests of a module of this folder pass on a case; their log is ``run.log``."""
    from cocotb_tools.runner import get_runner

    (folder / "case.json").write_text(json.dumps(what))
    runner = get_runner("icarus")
    try:
        runner.test(
            test_module=module,
            hdl_toplevel=top,
            hdl_toplevel_lang="verilog",
            build_dir=folder,
            test_dir=folder,
            extra_env={"CASE": str(folder / "case.json"), "PYTHONPATH": str(Path(__file__).parent)},
            log_file=folder / "run.log",
        )
    except SystemExit:  # so it says that a test failed
        return False
    return True
