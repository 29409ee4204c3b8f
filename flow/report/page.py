"""The page: one HTML file that needs nothing but itself."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from .charts import svg
from .content import Figure, Section

__all__ = ["page"]


def page(sections: Sequence[Section], facts: dict[str, Any]) -> str:
    """HTML of a report: styles, script and pictures inside, so that it opens from a disk.

    Without matplotlib it has no pictures, and says which ``pip install`` brings them.

    Args:
        sections: what was found.
        facts: about the whole run: versions, command, seconds.
    """
    environment = Environment(
        loader=PackageLoader("mxsf.flow.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = _cell
    drawn = find_spec("matplotlib") is not None

    def picture(figure: Figure) -> str:
        return svg(figure) if drawn else ""

    return environment.get_template("report.html").render(
        sections=sections, facts=facts, picture=picture, drawn=drawn
    )


def _cell(value: Any) -> str:
    """A cell as people write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10000 else f"{value:.4g}"
    return str(value)
