"""Accelerators that run programs, wherever they are."""
