"""Text files from templates."""

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

__all__ = ["TEMPLATES", "render"]

TEMPLATES = files(__package__ or "") / "templates"
"""Folder of the templates."""


def render(template: str, **context: Any) -> str:
    """Text of a template of the folder, with every name of it given."""
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string((TEMPLATES / template).read_text("utf-8")).render(context)
