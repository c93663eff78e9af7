"""How the pages are rendered: jinja2 with escaping of every text, and of what could mislead a reader. Pure."""

from __future__ import annotations

import jinja2
from markupsafe import Markup

from harness.util.text import visible


def page_environment(*packages: str) -> jinja2.Environment:
    """What renders the templates of those packages; a name of several is the first one's. A name that a template does
    not know is an error.
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
    """The text of a file among the templates that is not rendered: a style, a script."""
    assert environment.loader
    return environment.loader.get_source(environment, name)[0].rstrip("\n")


def _finalize(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
