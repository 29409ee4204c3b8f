"""The netlist of a design, which simulators, synthesis and export read."""
