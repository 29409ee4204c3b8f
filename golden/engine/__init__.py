"""The matrix engine: its commands as a machine, its self-test, its messages to a host."""
