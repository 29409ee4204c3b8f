"""Benches, one a design: stimulus, golden answer, and every cycle compared."""
