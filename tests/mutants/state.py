"""What is kept between two invocations, in one ignored folder: which test runs which line, and what became of changes.

Results of a file are dropped when the file changes; a change that survived is tried again when a test of it changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else ""


@dataclass(kw_only=True)
class Measured:
    """By test file: its own digest, those of the harness files that it runs, and the tests with their lines."""

    by_test_file: dict[str, dict[str, Any]] = field(default_factory=dict)

    def stale(self, root: Path) -> list[str]:
        """The test files that were changed since, or run a file that was."""
        found = []
        for path in sorted((root / "tests" / "unit").glob("test_*.py")):
            name = str(path.relative_to(root))
            kept = self.by_test_file.get(name)
            digests = {**kept["harness"], name: kept["digest"]} if kept else {}
            if not kept or any(digest(root / file) != value for file, value in digests.items()):
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
    """By file of the harness: its digest, and by change what became of it."""

    by_file: dict[str, dict[str, Any]] = field(default_factory=dict)

    def of(self, root: Path, file: str) -> dict[str, dict[str, str]]:
        """What is known of the file as it is now; may be added to."""
        now = digest(root / file)
        kept = self.by_file.get(file)
        if not kept or kept["digest"] != now:
            kept = self.by_file[file] = {"digest": now, "changes": {}}
        changes: dict[str, dict[str, str]] = kept["changes"]
        return changes


def load(path: Path) -> dict[str, Any]:
    """The content, or nothing when there is no such file."""
    data: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return data


def save(path: Path, data: dict[str, Any]) -> None:
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(data))
    aside.replace(path)
