"""Text files from the templates of a package."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["render"]


def render(package: str, template: str, **context: Any) -> str:
    """Text of a template, with every name of it given.

    Args:
        package: the package whose folder ``templates`` has the template.
        template: name of its file.
        context: what the template's names stand for.
    """
    environment = Environment(
        loader=PackageLoader(package),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(context)
