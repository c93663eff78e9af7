"""What is kept between two invocations, in one ignored folder: which test runs which line, and what became of changes.

A change is tried again when its function changes, and one that survived when one of its tests does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.mutants.changes import Change


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else ""


@dataclass(kw_only=True)
class Measured:
    """By test file: its own digest, those of the harness files that it runs, and the tests with their lines."""

    by_test_file: dict[str, dict[str, Any]] = field(default_factory=dict)

    def stale(self, root: Path, files: Collection[str]) -> list[str]:
        """The test files that have changed since, or that run a file of the harness that has changed."""
        found = []
        for path in sorted((root / "tests" / "unit").rglob("test_*.py")):
            name = str(path.relative_to(root))
            kept = self.by_test_file.get(name)
            digests = {file: value for file, value in kept["harness"].items() if file in files} if kept else {}
            if not kept or any(
                digest(root / file) != value for file, value in [*digests.items(), (name, kept["digest"])]
            ):
                found.append(name)
        return found

    def add(self, root: Path, files: Iterable[str], data: dict[str, Any]) -> None:
        """Takes over what a child measured of these test files."""
        for name in files:
            seconds = {test: value for test, value in data["seconds"].items() if test.partition("::")[0] == name}
            lines: dict[str, dict[str, list[int]]] = {}
            for file, by_test in data["lines"].items():
                own = {test: numbers for test, numbers in by_test.items() if test in seconds}
                if own:
                    lines[file] = own
            digests = {file: digest(root / file) for file in lines}
            self.by_test_file[name] = {
                "digest": digest(root / name),
                "harness": digests,
                "seconds": seconds,
                "lines": lines,
            }

    def tests(self, file: str, lines: range, seconds: float) -> dict[str, float]:
        """The tests that run one of the lines (any line of the file where none is given), and their seconds. First
        those of the test file that has the module's name, then of those that have most to do with it, until so many
        seconds are used; at least one.
        """
        by_test_file: list[tuple[bool, float, str, dict[str, float]]] = []
        for name, kept in self.by_test_file.items():
            by_test = kept["lines"].get(file, {})
            times = kept["seconds"]
            found = {
                test: times[test]
                for test, numbers in by_test.items()
                if not lines or not set(lines).isdisjoint(numbers)
            }
            if found:
                is_own = name.endswith(f"/test_{Path(file).stem}.py")
                by_test_file.append((not is_own, -len(by_test) / len(times), name, found))
        chosen: dict[str, float] = {}
        for *_, found in sorted(by_test_file, key=lambda item: item[:3]):
            for test in sorted(found, key=lambda test: (found[test], test)):
                if not chosen or sum(chosen.values()) + found[test] <= seconds:
                    chosen[test] = found[test]
        return chosen


@dataclass(kw_only=True)
class Results:
    """What became of each change and the code it was made to, by file of the harness and name of the change."""

    by_file: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)

    def of(self, file: str, change: Change) -> dict[str, str] | None:
        """What became of a change of the function as it is now."""
        kept = self.by_file.get(file, {}).get(change.id)
        return kept if kept and kept["code"] == change.code else None

    def add(self, file: str, change: Change, ending: str, *, test: str = "", tests: str = "") -> None:
        """`test` noticed the change; `tests` is a digest of all that could have."""
        kept = self.by_file.setdefault(file, {})
        kept[change.id] = {"ending": ending, "by": test, "tests": tests, "code": change.code}


def load(path: Path) -> dict[str, Any]:
    """The content, or nothing when there is no such file."""
    data: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return data


def save(path: Path, data: dict[str, Any]) -> None:
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(data))
    aside.replace(path)
