"""Dot products of blocks, exact until one rounding, and the matrix products made of them."""
