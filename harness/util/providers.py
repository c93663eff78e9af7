"""What providers of sources, toolchains and runtimes share."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from typing import TypeVar

from harness.errors import OriginError, UnavailableError

T = TypeVar("T")


def first_that_can(what: str, attempts: Mapping[str, Callable[[], T]], *, hint: str, say: Callable[[str], None]) -> T:
    """The result of the first attempt, in their order, that does not raise UnavailableError.

    When all do, one UnavailableError has what each of them said; an OriginError when each of them was one.
    """
    refusals = []
    for name, attempt in attempts.items():
        try:
            return attempt()
        except UnavailableError as refusal:
            refusals.append(refusal)
            say(f"{name} cannot provide {what}: {refusal.message.splitlines()[0]}")
    told = "\n".join(textwrap.indent(str(refusal), "  ") for refusal in refusals)
    kind = OriginError if all(isinstance(refusal, OriginError) for refusal in refusals) else UnavailableError
    raise kind(f"{what} cannot be had:\n{told}", hint=hint)
