"""Text files from the templates of this package."""

from importlib.resources import files
from typing import Any

from ...sim.render import render as render_template

__all__ = ["TEMPLATES", "render"]

_PACKAGE = __package__ or ""
TEMPLATES = files(_PACKAGE) / "templates"
"""Folder of the templates."""


def render(template: str, **context: Any) -> str:
    """Text of a template of the folder, with every name of it given."""
    return render_template(_PACKAGE, template, **context)
