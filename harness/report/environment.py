"""The jinja2 environment of the pages. It escapes every text, also characters that could mislead a reader. Pure."""

from __future__ import annotations

import jinja2
from markupsafe import Markup

from harness.util.text import visible


def page_environment(*packages: str) -> jinja2.Environment:
    """The environment with the templates of those packages. If several have a template of the same name, the first
    package wins. An undefined name in a template is an error.
    """
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package) for package in packages]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )


def source_of(environment: jinja2.Environment, name: str) -> str:
    """The text of a file among the templates that is not rendered, such as a style sheet or a script."""
    assert environment.loader
    return environment.loader.get_source(environment, name)[0].rstrip("\n")


def _finalize(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
