"""What providers of sources, toolchains and runtimes share."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from harness.cache import disk_error, make_entry
from harness.errors import UnavailableError

T = TypeVar("T")


def first_that_can(
    what: str, attempts: Mapping[str, Callable[[], T]], *, hint: str, say: Callable[[str], None]
) -> T:
    """The result of the first attempt, in their order, that does not raise UnavailableError.

    When all do, one UnavailableError tells what each of them said.
    """
    refusals = []
    for name, attempt in attempts.items():
        try:
            return attempt()
        except UnavailableError as refusal:
            refusals.append(refusal)
            say(f"{name} cannot provide {what}: {refusal.message.splitlines()[0]}")
    told = "\n".join(textwrap.indent(str(refusal), "  ") for refusal in refusals)
    raise UnavailableError(f"{what} cannot be had:\n{told}", hint=hint)


def keep_entry(final: Path, make: Callable[[Path], None], *, say: Callable[[str], None]) -> Path:
    """`cache.make_entry`, with a full or unwritable disk told as what it is."""
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        return make_entry(final, make, say=say)
    except OSError as error:
        raise disk_error(error, final) from error
