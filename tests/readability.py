"""How the Verilog of some designs reads, before and after it is made to; by hand, not a test.

    python tests/readability.py

Counts lines, wires and registers without a name (``_123_``), and escaped names, of the modules
alone: as Yosys writes them, and as they ship (``mxsf.flow.export.verilog.readable``).
"""

import re

from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.verilog import SCRIPT, readable
from mxsf.sim.simulator.yosys import BUNDLED
from rich.console import Console
from rich.table import Table

CASES = [("dot", {"block": 32}), ("encoder", {"block": 32}), ("matmul", {"pes": 8})]

_UNNAMED = re.compile(r"^  (?:wire|reg) .*\b_[0-9]+_", re.M)


def counts(text: str) -> list[str]:
    """Lines, unnamed wires and registers, lines with an escaped name."""
    escaped = sum("\\" in line for line in text.splitlines())
    return [str(count) for count in (text.count("\n"), len(_UNNAMED.findall(text)), escaped)]


def main() -> None:
    """Print one table."""
    table = Table("mxsf generate", "", "lines", "wires without a name", "escaped names")
    for name, options in CASES:
        netlist = variant(name, **options).netlist
        files = {"design.il": netlist.text}
        plain = BUNDLED.run(SCRIPT.replace("opt_merge\n", ""), files, read="design.v")
        shipped = readable(BUNDLED.run(SCRIPT, files, read="design.v"), netlist.titles)
        words = " ".join(f"--{key} {value}" for key, value in options.items())
        table.add_row(f"{name} {words}", "as Yosys writes it", *counts(plain))
        table.add_row("", "as it ships", *counts(shipped))
    Console().print(table)


if __name__ == "__main__":
    main()
