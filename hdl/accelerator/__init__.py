"""The accelerator: a matrix engine that reads and writes memory by itself, over AXI4."""
