"""Testbenches that ship, run as a user would, and what makes their files wrong."""

import subprocess

from mxsf.sim.simulator.verilog import VERILATOR


def icarus(folder, top, *options):
    """Compile without a warning and run: (exit status, what it printed)."""
    command = ["iverilog", "-g2005", "-Wall", *options, "-o", "tb", f"{top}_tb.v", f"{top}.v"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert not done.stderr
    return again(folder)


def again(folder):
    """Run what Icarus compiled: (exit status, what it printed)."""
    done = subprocess.run(["vvp", "-n", "tb"], cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout


def verilated(folder, top):
    """Compile under Verilator: what runs it, once more for each call."""
    command = VERILATOR.commands[0]
    command = [*command[: command.index("--top-module") + 1], f"{top}_tb", "-o", "tb"]
    command += [f"{top}_tb.v", f"{top}.v"]
    subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)

    def run():
        done = subprocess.run(["./obj_dir/tb"], cwd=folder, capture_output=True, text=True)
        return done.returncode, done.stdout

    return run


def spoil(file, line=-1):
    """Change the lowest bit of a number."""
    lines = file.read_text().split()
    lines[line] = f"{int(lines[line], 16) ^ 1:x}"
    file.write_text("\n".join(lines))


def missing(file):
    """No file."""
    file.unlink()


def short(file):
    """A number too few."""
    file.write_text("\n".join(file.read_text().split()[:-1]))


def long(file):
    """A number too many."""
    file.write_text(file.read_text() + "0\n")


def no_number(file):
    """A line that is no number."""
    file.write_text(file.read_text().replace("\n", "\nzero\n", 1))


HARMS = [missing, short, long, no_number]
"""What makes a file of numbers wrong."""
