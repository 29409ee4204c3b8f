"""Synthesis: area, timing, energy, and proof of what is exported."""
