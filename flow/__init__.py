"""From components to artefacts: catalogue, netlist, Verilog, synthesis, report, command line."""
