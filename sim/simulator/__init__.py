"""Simulators: Amaranth's, CXXRTL, exported Verilog, gates; and the programs that they run."""
