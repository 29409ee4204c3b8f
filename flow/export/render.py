"""Text files from the templates of this package."""

from typing import Any

from ...sim.render import render as render_template

__all__ = ["render"]


def render(template: str, **context: Any) -> str:
    """Text of a template of the folder ``templates``, with every name of it given."""
    return render_template(__package__ or "", template, **context)
