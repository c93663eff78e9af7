"""What earlier results of a cell know of its cases: where an id belongs, and whether there is such a case at all."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.manifest import Manifest
from harness.results.case_ids import dotted
from harness.results.outcomes import Outcome
from harness.results.run_folder import RESULTS_FILE
from harness.suite.journal import unnumbered

PAST_RUNS_READ = 10


@dataclass(frozen=True, kw_only=True)
class PastRun:
    """One results.json. `cases` are the ids by module, without the number of a second one; `whole` are the modules
    whose every case is known. `same` says that the run was of the build, and of the tests, that are asked about.
    """

    same: bool
    own: bool
    cases: Mapping[str, frozenset[str]]
    whole: frozenset[str]


class PastCases:
    """The newest results first, each read when it is first needed."""

    def __init__(self, paths: Sequence[Path], build: Manifest, tests: str = "") -> None:
        self._paths = iter(paths[:PAST_RUNS_READ])
        self._build = build
        self._tests = tests
        self._read: list[PastRun] = []

    def _runs(self) -> Iterator[PastRun]:
        """The past runs of what is asked about: of the suite, or of the user's own tests."""
        yield from self._read
        for path in self._paths:
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                run = read_past_run(json.loads(path.read_bytes()), self._build, self._tests)
                if run.own is bool(self._tests):
                    self._read.append(run)
                    yield run

    def module_with(self, case: str, modules: Mapping[str, str]) -> str:
        """The dotted name of the module that had a case of exactly this id in the last run that knows it; else
        empty. `modules` are those there are, by their dotted names.
        """
        for run in self._runs():
            for name, module in modules.items():
                if case in run.cases.get(module, ()):
                    return name
        return ""

    def cases_of(self, module: str) -> Collection[str]:
        """The cases of a module of this very build; empty where they are not all known."""
        return next((run.cases[module] for run in self._runs() if run.same and module in run.whole), ())

    def cases_like(self, word: str) -> Collection[str]:
        """The ids whose last part is that of the word, in the last run that has any; for a word without a dot, those
        without one.
        """
        tail = word.rpartition(".")[2]
        for run in self._runs():
            cases = (case for cases in run.cases.values() for case in cases)
            if found := {case for case in cases if ("." not in case if tail == word else case.endswith(f".{tail}"))}:
                return found
        return ()

    def cases_named(self, name: str) -> Collection[str]:
        """The ids whose last part is that name, in the last run that has any."""
        for run in self._runs():
            if found := {case for cases in run.cases.values() for case in cases if case.endswith(f".{name}")}:
                return found
        return ()

    def classes_like(self, word: str) -> Collection[str]:
        """The classes in whose name the word stands, in the last run that has any."""
        for run in self._runs():
            classes = {case.rpartition(".")[0] for cases in run.cases.values() for case in cases if " " not in case}
            if found := {name for name in classes if word.lower() in name.rpartition(".")[2].lower()}:
                return found
        return ()


NO_PAST = PastCases((), Manifest())


def past_results(cell: str, folders: Sequence[Path]) -> list[Path]:
    """The results.json of the cell in the runs below these folders, the newest first."""
    found = {
        path.resolve(): path.stat().st_mtime for folder in folders for path in folder.glob(f"*/{cell}/{RESULTS_FILE}")
    }
    return sorted(found, key=lambda path: (found[path], str(path)), reverse=True)


def read_past_run(data: Mapping[str, Any], build: Manifest, tests: str) -> PastRun:
    """KeyError, TypeError or AttributeError for what is no results.json."""
    modules: Mapping[str, Any] = data["modules"]
    run = data["run"]
    own = bool(run.get("tests"))
    same = Manifest.from_json(data["build"]).identity == build.identity and run.get("tests", "") == tests
    return PastRun(
        same=same,
        own=own,
        cases={name: frozenset(map(unnumbered, module["cases"])) for name, module in modules.items()},
        whole=frozenset(name for name, module in modules.items() if _is_whole(dotted(name, own=own), module)),
    )


def _is_whole(name: str, module: Mapping[str, Any]) -> bool:
    """Whether every case of the module was seen: not where the module as such went wrong or was skipped."""
    own = module["cases"].get(name)
    return bool(module["complete"]) and (own is None or Outcome(own["outcome"]) is Outcome.PASS)
