"""How the tests are spread over the processes of pytest-xdist."""

import gc

import pytest

TOGETHER = (
    *(("hdl/engine/test_matmul.py",), ("test_growth.py",), ("test_boards.py",)),
    *(("test_axi.py",), ("test_axi_engine.py",), ("flow/report/test_report.py",)),
    tuple(
        f"hdl/accelerator/test_{net}.py"
        for net in ("accelerator", "abort", "bus_faults", "descriptor_faults", "registers")
    ),
    (
        *("study/test_speed.py", "export/test_training_epoch.py"),
        *("export/test_driver.py", "device/test_local.py", "network/test_embed.py"),
        # Verilator compiles their system once
    ),
    ("synth/test_yosys.py",),  # WebAssembly is compiled once a process
    ("export/test_verilog.py", "export/test_vectors.py", "netlist/test_ports.py"),
)
"""Files whose tests share what takes longer to make than to test: simulators, Verilog, areas."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class Scheduler(LoadScopeScheduling):
        """Sends files that are ``TOGETHER`` to one process; all other tests go one by one."""

        def _split_scope(self, nodeid):
            path = nodeid.partition("::")[0]
            return next((files[0] for files in TOGETHER if path.endswith(files)), nodeid)

    return Scheduler(config, log)


def pytest_collection_finish(session):
    """What is imported and collected lives to the end: nobody looks for garbage in it."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
