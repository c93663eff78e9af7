"""One class per kind of failure, each with its exit code.

Whatever a user can cause ends as one of these: a sentence that says what happened and where, and a hint
that says what to do next. Only `cli.main` turns them into text and an exit status.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EXIT_OK = 0
EXIT_UNEXPECTED = 1
EXIT_CONFIG = 2
EXIT_UNAVAILABLE = 3
EXIT_BUILD = 4
EXIT_INTERNAL = 5
EXIT_INTERRUPTED = 130

READABLE_NAMES = 20


class HarnessError(Exception):
    """A failure that is reported to the user without a traceback. `hint` is the next thing to do."""

    exit_code = EXIT_INTERNAL

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  -> {self.hint}" if self.hint else self.message


@dataclass(frozen=True, kw_only=True, order=True)
class Problem:
    """One mistake in a configuration file. `line` is 1-based, 0 when the file has no such line."""

    file: str
    line: int = 0
    key: str = ""
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        key = f" {self.key}:" if self.key else ""
        tail = f" ({self.suggestion})" if self.suggestion else ""
        return f"{where}:{key} {self.message}{tail}"


class ConfigError(HarnessError):
    """A usage or configuration mistake; `problems` holds all that were found, not only the first."""

    exit_code = EXIT_CONFIG

    def __init__(self, message: str, *, problems: Sequence[Problem] = (), hint: str = "") -> None:
        text = "\n".join([message, *(f"  {problem}" for problem in sorted(set(problems)))])
        super().__init__(text, hint=hint)
        self.problems = tuple(sorted(set(problems)))


class UnavailableError(HarnessError):
    """A toolchain, source, runtime or tool that is not available here."""

    exit_code = EXIT_UNAVAILABLE


class OriginError(UnavailableError):
    """Somebody else's server is not reachable, or does not have the file that is pinned."""


class EngineFailedError(UnavailableError):
    """The engine itself does not work: it says nothing of a guest, and would say the same of the next one."""


class SettingRefusedError(EngineFailedError):
    """A runtime that does not take a setting which CPython's own scripts ask for. It cannot run such a build."""

    exit_code = EXIT_BUILD


class BuildError(HarnessError):
    """A step of a build failed, or what was built is not what was asked for."""

    exit_code = EXIT_BUILD


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """`did you mean 'x'?`, or the allowed names when none is near and they are few; else empty. The only name that
    begins with the word is near.
    """
    names = sorted(set(allowed))
    # What all of them begin with makes none of them near: `test_posix` is not a mistyped `test_bool`.
    shared = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(word, *names, strict=False))
    begin = len(re.sub(r"[^._]*$", "", "".join(letters[0] for letters in shared)))
    near = [name[begin:] for name in names if word and name.startswith(word)]
    if len(near) != 1:
        near = difflib.get_close_matches(word[begin:], [name[begin:] for name in names], n=1, cutoff=0.6)
    if near:
        return f"did you mean {word[:begin] + near[0]!r}?"
    return f"allowed: {', '.join(names)}" if 0 < len(names) <= READABLE_NAMES else ""
