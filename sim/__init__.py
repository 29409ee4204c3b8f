"""Benches, cycle models and simulators: every clock cycle compared. See docs/verification.md."""
