"""The cases in earlier results of a cell, which show the module of an id and whether a case exists."""

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
    """The cases in one results.json. `cases` has the ids by module, without the numbers of repeated ids. `whole` are
    the modules with all cases known. `same` says that the run was of the same build and the same tests. `own` says that
    it was of the user's own tests.
    """

    same: bool
    own: bool
    cases: Mapping[str, frozenset[str]]
    whole: frozenset[str]


class PastCases:
    """The cases in earlier results, the newest first. Each file is read when it is first needed."""

    def __init__(self, paths: Sequence[Path], build: Manifest, tests: str = "") -> None:
        self._paths = iter(paths[:PAST_RUNS_READ])
        self._build = build
        self._tests = tests
        self._read: list[PastRun] = []

    def _runs(self) -> Iterator[PastRun]:
        """The past runs of the suite, or of the user's own tests if `tests` is not empty."""
        yield from self._read
        for path in self._paths:
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                run = read_past_run(json.loads(path.read_bytes()), self._build, self._tests)
                if run.own is bool(self._tests):
                    self._read.append(run)
                    yield run

    def module_with(self, case: str, modules: Mapping[str, str]) -> str:
        """The dotted name of the module with a case of exactly this id in the last run that has such a case; empty if
        there is none. `modules` are the modules of the suite by their dotted names.
        """
        for run in self._runs():
            for name, module in modules.items():
                if case in run.cases.get(module, ()):
                    return name
        return ""

    def cases_of(self, module: str) -> Collection[str]:
        """The cases of a module in results of the same build; empty if not all of them are known."""
        return next((run.cases[module] for run in self._runs() if run.same and module in run.whole), ())

    def cases_like(self, word: str) -> Collection[str]:
        """The ids with the same last part as the word, in the last run that has any. For a word without a dot, the ids
        without a dot.
        """
        tail = word.rpartition(".")[2]
        for run in self._runs():
            cases = (case for cases in run.cases.values() for case in cases)
            if found := {case for case in cases if ("." not in case if tail == word else case.endswith(f".{tail}"))}:
                return found
        return ()

    def cases_named(self, name: str) -> Collection[str]:
        """The ids with that name as their last part, in the last run that has any."""
        for run in self._runs():
            if found := {case for cases in run.cases.values() for case in cases if case.endswith(f".{name}")}:
                return found
        return ()

    def classes_like(self, word: str) -> Collection[str]:
        """The classes with the word in their name, in any case of letters, in the last run that has any."""
        for run in self._runs():
            classes = {case.rpartition(".")[0] for cases in run.cases.values() for case in cases if " " not in case}
            if found := {name for name in classes if word.lower() in name.rpartition(".")[2].lower()}:
                return found
        return ()


NO_PAST = PastCases((), Manifest())


def past_results(cell: str, folders: Sequence[Path]) -> list[Path]:
    """The results.json files of the cell in the runs below these folders, the newest first."""
    found = {
        path.resolve(): path.stat().st_mtime for folder in folders for path in folder.glob(f"*/{cell}/{RESULTS_FILE}")
    }
    return sorted(found, key=lambda path: (found[path], str(path)), reverse=True)


def read_past_run(data: Mapping[str, Any], build: Manifest, tests: str) -> PastRun:
    """The cases in the data of a results.json. KeyError, TypeError or AttributeError for data of another form."""
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
    """Whether the results have every case of the module, which is not so if the module as such went wrong or was
    skipped.
    """
    own = module["cases"].get(name)
    return bool(module["complete"]) and (own is None or Outcome(own["outcome"]) is Outcome.PASS)
