"""Boards: pins, bitstreams, and the host's side of the serial line."""
