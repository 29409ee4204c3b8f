"""A board: an engine that tests itself and serves a host over a UART."""
