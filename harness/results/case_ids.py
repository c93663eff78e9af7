"""Ids of cases: which module one belongs to, which wildcard covers it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

# The beginning of a fixture's name in results, a pattern.
FIXTURE_KIND = r"(?:setUp|tearDown)(?:Class|Module)"
# A fixture, or what happened between two cases, with the class, module or case that it is about.
FIXTURE = re.compile(rf"(?:{FIXTURE_KIND}|after) \(([\w.]+)\)")
WILDCARD = ".*"


def dotted(module: str, *, own: bool = False) -> str:
    """`test.test_json` for regrtest's `test_json`: the name that Python imports, with which the ids of its cases begin.
    The user's `own` test files are not in the package `test`.
    """
    return module if own or module.startswith("test.") else f"test.{module}"


def module_of(test: str, known: Collection[str]) -> str | None:
    """The longest of the dotted names `known` that a case, fixture or wildcard belongs to, if any."""
    parts = subject_of(test).split(".")
    return next((name for end in range(len(parts), 0, -1) if (name := ".".join(parts[:end])) in known), None)


def subject_of(test: str) -> str:
    """The dotted name of what an id is about: the class or module of a fixture, the class of a wildcard, the case
    itself.
    """
    fixture = FIXTURE.fullmatch(test)
    return fixture.group(1) if fixture else test.removesuffix(WILDCARD)


def wildcard_of(case: str) -> str:
    """The wildcard that covers a case: `test.test_os.LinkTests.*`."""
    return case.rpartition(".")[0] + WILDCARD
