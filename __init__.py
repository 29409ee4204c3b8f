"""Microscaling number formats: golden model, hardware, simulation, synthesis. See README.md."""

__all__ = ["__version__"]

__version__ = "0.1.0"
