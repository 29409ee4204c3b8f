"""Runs a protocol checker by itself on what a test says of each cycle: names of broken rules."""

import subprocess

from mxsf.flow.export.checker import checker, checker_files


class Rows:
    """Cycles of a design's ports, for its checker alone.

    Ports keep the value that they had in the cycle before; all begin at 0. A text is the bits of a
    port, which may be x.
    """

    def __init__(self, design):
        self.design, self.checker = design, checker(design)
        self.top = design.top
        self.rows, self.now = [], dict.fromkeys(self.checker.connected[1:], 0)

    def cycle(self, **values):
        """Add a cycle in which some ports have new values."""
        self.now |= values
        self.rows.append(dict(self.now))
        return self

    def broken(self, folder):
        """The rules broken in each cycle, by Icarus."""
        widths = {name: self.checker.ports.get(name, 1) for name in self.now}
        lines = []
        for row in self.rows:
            bits = [_bits(row[name], width) for name, width in widths.items()]
            lines.append("".join(bits))
        names = [rule.name for rule in self.checker.rules]
        (folder / "rows.mem").write_text("\n".join(lines) + "\n")
        (folder / "bench.sv").write_text(self._bench(widths, len(names)))
        for name, text in checker_files(self.design).items():
            (folder / name).write_text(text)
        command = ["iverilog", "-g2012", "-Wall", "-o", "rows", "bench.sv"]
        done = subprocess.run(
            [*command, f"{self.top}_checker.sv"], cwd=folder, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        done = subprocess.run(["vvp", "-n", "rows"], cwd=folder, capture_output=True, text=True)
        said = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("ROW ")]
        assert len(said) == len(self.rows)
        # An assertion says so too: as often as there are broken rules.
        assert done.stdout.count("ERROR") == "".join(said).count("1")
        return [
            {n for n, bit in zip(names, bits[::-1], strict=True) if bit != "0"} for bits in said
        ]

    def _bench(self, widths, rules):
        total, clock = sum(widths.values()), self.checker.clocking.clock
        ports = ", ".join(f".{name}({name})" for name in widths)
        wires = "\n".join(f"  wire [{width - 1}:0] {name};" for name, width in widths.items())
        return f"""module bench;
  reg clock = 0;
  reg [{total - 1}:0] rows [0:{len(self.rows) - 1}];
  reg [{total - 1}:0] row;
  wire [{rules - 1}:0] violations;
  integer n;
{wires}
  assign {{{", ".join(widths)}}} = row;
  {self.top}_checker dut (.{clock}(clock), {ports}, .violations(violations));
  initial begin
    $readmemb("rows.mem", rows);
    for (n = 0; n < {len(self.rows)}; n = n + 1) begin
      row = rows[n];
      #4 $display("ROW %b", violations);
      #1 clock = 1;
      #5 clock = 0;
    end
  end
endmodule
"""


def _bits(value, width):
    """Binary digits of a number; of a text, which may have x, as they are."""
    return value.rjust(width, "0") if isinstance(value, str) else f"{value:0{width}b}"
