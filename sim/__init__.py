"""Testbenches and simulation engines: component, stimulus and golden answer, every cycle compared.

See docs/simulation.md.
"""
