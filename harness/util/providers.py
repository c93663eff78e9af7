"""Tries providers of a source or a toolchain one after the other."""

from __future__ import annotations

import logging
import textwrap
from collections.abc import Callable, Mapping
from typing import TypeVar

from harness.errors import OriginError, UnavailableError

logger = logging.getLogger(__name__)

T = TypeVar("T")


def first_available(what: str, attempts: Mapping[str, Callable[[], T]], *, hint: str) -> T:
    """The result of the first attempt, in their order, that does not raise UnavailableError.

    If all of them do, it raises one UnavailableError with all messages; an OriginError if all of them were that.
    """
    refusals = []
    for name, attempt in attempts.items():
        try:
            return attempt()
        except UnavailableError as refusal:
            refusals.append(refusal)
            logger.info("%s cannot provide %s: %s", name, what, refusal.message.splitlines()[0])
    reasons = "\n".join(textwrap.indent(str(refusal), "  ") for refusal in refusals)
    kind = OriginError if all(isinstance(refusal, OriginError) for refusal in refusals) else UnavailableError
    raise kind(f"{what} is not available:\n{reasons}", hint=hint)
