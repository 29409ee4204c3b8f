"""The report: one page, and the same data as JSON and CSV.

A section computes plain data (``content``) within a ``Scope``; ``runner`` goes through the
sections, keeps what was computed before, and writes ``report.html``, ``report.json`` and a CSV
file a table.
"""

from .runner import SECTIONS, SYNTHESIZED, run
from .scope import DEFAULT_ELEMENTS, Scope

__all__ = ["DEFAULT_ELEMENTS", "SECTIONS", "SYNTHESIZED", "Scope", "run"]
