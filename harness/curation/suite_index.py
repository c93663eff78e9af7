"""The ids that lists can name: the modules and cases of the suite, from the newest runs and builds."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.errors import UnavailableError
from harness.expectations.entries import is_own
from harness.manifest import Manifest
from harness.matrix.cells import Cell
from harness.results.case_ids import FIXTURE, dotted, module_of, subject_of
from harness.results.outcomes import Outcome
from harness.util.files import write_atomically
from harness.util.hashing import content_key
from harness.util.text import counted

RUNS_READ = 10
INDEX_VERSION = 2

# How many cells without a known suite a note names.
NAMED = 5


@dataclass(frozen=True, kw_only=True)
class KnownSuite:
    """The suite of one cell. `source` is the run or build that it is read from.

    `modules` are dotted names. `whole` are the modules with all cases known; the absence of a case in another module
    means nothing.
    """

    source: str
    modules: frozenset[str]
    cases: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()

    @functools.cached_property
    def _classes(self) -> frozenset[str]:
        return frozenset(case.rpartition(".")[0] for case in self.cases)

    @functools.cached_property
    def _scopes(self) -> frozenset[str]:
        """The modules of the suite and those that define the classes; some are helpers that regrtest does not list."""
        return frozenset(name.rpartition(".")[0] for name in self._classes) | self.modules

    def has(self, test: str) -> bool | None:
        """Whether the id in a list exists in the suite; None if that is unknown."""
        if self._names(test):
            return True
        if is_own(test):
            return None
        module = module_of(test, self.modules)
        known = module in self.whole if module else self.modules == self.whole
        return False if known else None

    def _names(self, test: str) -> bool:
        subject = subject_of(test)
        if test.endswith(".*"):
            return subject in self._classes
        if FIXTURE.fullmatch(test):
            return subject in self._classes or subject in self._scopes or subject in self.cases
        return test in self.cases or test in self.modules

    def near(self, test: str) -> Iterable[str]:
        """The ids to suggest for an unknown one: the cases of its class, of its module, or of any module, or else the
        modules.
        """
        subject = subject_of(test)
        scope = subject.rpartition(".")[0]
        if scope in self._classes:
            return [case for case in self.cases if case.startswith(scope + ".")]
        module = module_of(test, self.modules)
        if module is None:
            tail = "." + ".".join(subject.split(".")[-2:])
            return [case for case in self.cases if case.endswith(tail)] or self.modules
        tail = subject.rpartition(".")[2] if not test.endswith(".*") else "*"
        classes = [name for name in self._classes if name.startswith(module + ".")]
        return [f"{name}.{tail}" for name in classes if tail == "*" or f"{name}.{tail}" in self.cases] or classes


@dataclass(frozen=True, kw_only=True)
class Suites:
    """The known suites by cell id. `notes` says where each is from, and which cells have no known suite."""

    by_cell: Mapping[str, KnownSuite] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def load_suites(cells: Iterable[Cell], reports: Path, cache: Path) -> Suites:
    """The suite of each cell: that of its newest whole run, or else the modules of its newest build, with the cases of
    those modules that ran as a whole in runs of a part of the suite.
    """
    found: dict[str, KnownSuite] = {}
    notes: list[str] = []
    unknown: list[str] = []
    for cell in cells:
        suite = _suite_of(cell, reports, cache)
        if suite is None:
            unknown.append(cell.id)
        else:
            found[cell.id] = suite
            count = f"{len(suite.cases):,} cases" if suite.cases else f"{len(suite.modules):,} modules, no cases"
            notes.append(f"{cell.id}: {count}, from {suite.source}")
    if unknown:
        more = f" and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
        notes.append(f"no run and no build, so ids are not checked: {', '.join(unknown[:NAMED])}{more}")
    return Suites(by_cell=found, notes=tuple(notes))


def newest_runs(cell_id: str, reports: Path) -> list[Path]:
    """The results.json of that cell, the newest first; a run in progress has none."""
    found = [path for path in reports.glob(f"*/{cell_id}/results.json") if not path.parent.parent.is_symlink()]
    return sorted(found, key=lambda path: (path.stat().st_mtime, str(path)), reverse=True)


def _suite_of(cell: Cell, reports: Path, cache: Path) -> KnownSuite | None:
    parts: list[KnownSuite] = []
    for path in newest_runs(cell.id, reports)[:RUNS_READ]:
        try:
            index = _index_of(path, cache)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        if index["python"] != cell.python.version or index["own"]:
            continue
        ran = KnownSuite(
            source=f"{reports.name}/{path.relative_to(reports).as_posix()}",
            modules=frozenset(index["modules"]),
            cases=frozenset(index["cases"].split("\n")),
            whole=frozenset(index["whole"]),
        )
        if index["complete"]:
            return ran
        parts.append(ran)
    built = _of_builds(cell, cache)
    return _with_parts(built, parts) if built else None


def _with_parts(built: KnownSuite, parts: Iterable[KnownSuite]) -> KnownSuite:
    """The suite of a build, with the cases of each module from the newest run of a part that ran the module whole."""
    cases: dict[str, frozenset[str]] = {}
    for part in parts:
        for module in (part.whole & built.modules) - cases.keys():
            cases[module] = frozenset(case for case in part.cases if module_of(case, [module]))
    if not cases:
        return built
    source = f"{built.source} and runs of {len(cases):,} of its {counted(len(built.modules), 'module')}"
    return replace(built, source=source, cases=frozenset().union(*cases.values()), whole=frozenset(cases))


def _index_of(path: Path, cache: Path) -> dict[str, Any]:
    """The index of the cases in a results.json. It is cached, since results have megabytes."""
    status = path.stat()
    key = content_key([INDEX_VERSION, str(path), status.st_mtime_ns, status.st_size])
    kept = cache / "suites" / f"{key}.json"
    with contextlib.suppress(OSError, ValueError):
        index: dict[str, Any] = json.loads(kept.read_bytes())
        return index
    data: Mapping[str, Any] = json.loads(path.read_bytes())
    modules: Mapping[str, Any] = data["modules"]
    index = {
        "complete": data["run"]["complete"],
        "own": bool(data["run"].get("tests")),
        "python": data["cell"]["python"],
        "modules": sorted(map(dotted, modules)),
        "whole": sorted(dotted(name) for name, module in modules.items() if _is_whole(name, module)),
        # One long string is read faster than a list of strings.
        "cases": "\n".join(case for module in modules.values() for case in module["cases"]),
    }
    with contextlib.suppress(UnavailableError, OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, json.dumps(index))
    return index


def _is_whole(name: str, module: Mapping[str, Any]) -> bool:
    """Whether the results have every case of the module, which is not so if the module as such went wrong."""
    own = module["cases"].get(dotted(name))
    return module["complete"] and (own is None or Outcome(own["outcome"]).is_good)


def _of_builds(cell: Cell, cache: Path) -> KnownSuite | None:
    paths = cache.glob(f"builds/{cell.build_id}-*/modules.json")
    # The id of another cell may begin with this one's.
    found = [path for path in paths if path.parent.name.rpartition("-")[0] == cell.build_id]
    for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            manifest = Manifest.from_json(json.loads((path.parent / "manifest.json").read_bytes()))
            names = [str(name) for name in json.loads(path.read_bytes())]
        except (OSError, ValueError, TypeError):
            continue
        # The build of another CPython, which `--cpython` named, has another suite.
        if manifest.python == cell.python.version:
            return KnownSuite(source=f"the build {path.parent.name}", modules=frozenset(map(dotted, names)))
    return None
