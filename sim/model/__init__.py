"""Cycle models: what ready and valid must be on every clock edge."""
