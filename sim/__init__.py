"""Testbenches and simulators: component, stimulus and golden answer, every cycle compared.

See docs/verification.md.
"""
