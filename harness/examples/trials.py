"""An example of CPython's tree, tried as it is shipped and with the smallest changes that make it work. Pure.

What keeps an example from working is a `Cause`. The causes that hold for a build say what each trial comes to: one that
lacks the change for a cause fails in the way of that cause, and with all the changes the example works. So both a
fault that appears and one that is gone are unexpected.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import EXIT_OK, EXIT_UNEXPECTED
from harness.util.files import write_atomically
from harness.util.text import plain

TRIALS_SCHEMA = 1
_SEEN_LIMIT = 400


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why an example does not work. `change` is the smallest change that makes it work, empty where there is none;
    `error` a pattern of what is seen without it.
    """

    name: str
    why: str
    change: str = ""
    error: str


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What became of one trial; `text` is what it printed, or how it failed."""

    works: bool
    text: str


Attempt = Callable[[tuple[Cause, ...]], Seen]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial of an example, with the changes for those causes. `expected` is what keeps it from working; None when
    nothing does. `part` is the part of the web example's page that was tried.
    """

    example: str
    part: str = ""
    changes: tuple[Cause, ...] = ()
    expected: Cause | None = None
    seen: Seen

    @property
    def is_as_expected(self) -> bool:
        if self.expected is None or self.seen.works:
            return self.seen.works and self.expected is None
        return re.search(self.expected.error, self.seen.text) is not None

    @property
    def did(self) -> str:
        return "works" if self.seen.works else "fails"

    def to_json(self) -> dict[str, Any]:
        expected = {"fails": self.expected.name, "cause": self.expected.why} if self.expected else {}
        return {
            "example": self.example,
            **({"part": self.part} if self.part else {}),
            "changes": [cause.change for cause in self.changes],
            "did": self.did,
            "seen": plain(" ".join(self.seen.text.split()))[:_SEEN_LIMIT],
            "as_expected": self.is_as_expected,
            **expected,
        }


def try_example(example: str, causes: Sequence[Cause], attempt: Attempt, part: str = "") -> Iterator[Trial]:
    """The example as it is shipped, then with the change for the first of its causes, for the first two, and so on.
    `causes` are those that hold, in the order in which they are met.
    """
    for number in range(len(causes) + 1):
        changes = tuple(causes[:number])
        expected = causes[number] if number < len(causes) else None
        yield Trial(example=example, part=part, changes=changes, expected=expected, seen=attempt(changes))


def headline(output: str) -> str:
    """What a program printed from the first line on that names an error, in one line; all of it when none does."""
    lines = output.splitlines()
    first = next((number for number, line in enumerate(lines) if re.search(r"[A-Z]\w*(Error|Exception)\b", line)), 0)
    return " ".join(" ".join(lines[first:]).split())


def table(trials: Sequence[Trial]) -> str:
    """The trials in columns; below it why those fail that do, and what is unexpected."""
    header = ("example", "with", "result", "expected")
    rows = [header, *(_row(trial) for trial in trials)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = ["  ".join(f"{word:{width}}" for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    causes = {trial.expected.name: trial.expected for trial in trials if trial.expected}
    notes = [f"{cause.name}: {cause.why}" for cause in causes.values()]
    wrong = [
        f"unexpected: {trial.example}{_with(trial)} {trial.did}: {plain(headline(trial.seen.text))[:_SEEN_LIMIT]}"
        for trial in trials
        if not trial.is_as_expected
    ]
    return "\n".join([*lines, *([""] if notes or wrong else []), *notes, *wrong])


def _row(trial: Trial) -> tuple[str, ...]:
    changes = " and ".join(cause.change for cause in trial.changes) or "-"
    expected = f"fails: {trial.expected.name}" if trial.expected else "works"
    return trial.example, changes, trial.did, expected if trial.is_as_expected else f"{expected}  UNEXPECTED"


def _with(trial: Trial) -> str:
    return f" with {' and '.join(cause.change for cause in trial.changes)}" if trial.changes else ""


def write_trials(
    path: Path, cell: str, tested: Mapping[str, str], trials: Sequence[Trial], more: Mapping[str, Any]
) -> None:
    """Writes the results file of these trials; `more` are further keys of it."""
    data = {
        "schema": TRIALS_SCHEMA,
        "cell": cell,
        "tested": dict(tested),
        "trials": [each.to_json() for each in trials],
        **more,
    }
    write_atomically(path, json.dumps(data, indent=1) + "\n")


def status_of(trials: Sequence[Trial]) -> int:
    """The exit status: 0 when each trial is as expected."""
    return EXIT_OK if all(trial.is_as_expected for trial in trials) else EXIT_UNEXPECTED
