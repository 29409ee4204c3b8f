"""What ships: netlist, Verilog, manifest, and the files beside them."""
