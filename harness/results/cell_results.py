"""results.json: everything one cell did, versioned. All other reports are views of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from harness.errors import ConfigError
from harness.manifest import Manifest
from harness.matrix.cells import Cell
from harness.results.command_line import DEFAULT, RunOptions
from harness.results.outcomes import ModuleRecord, ModuleResult, Outcome, judged_cases
from harness.results.verdicts import Comparison, Verdict
from harness.util.files import write_atomically
from harness.util.json_text import decode_json, encode_json
from harness.util.text import counted

RESULTS_SCHEMA = 1
_T = TypeVar("_T")


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A module, or a part of one, that a worker ran. `begin` is in seconds after the run, or its shard, began."""

    name: str
    worker: str
    begin: float
    seconds: float


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How the results were made. `started` is ISO 8601 in UTC, `seconds` wall time, `seed` that of the random order.

    `complete` says that the whole suite was to run and ran to its end, `interrupted` that somebody ended the run.
    `shard` is the part of the suite that was to run, such as 2/8; `plan` is the key of the way in which the suite was
    cut into shards, and `lacking` the number of modules of the shard without a result. `options` are the options that
    decided, besides the cell, what was tested. `tests` is the key of the user's own tests, if these ran instead of the
    suite. `fail_env_changed` says that a module which altered its environment needed an entry. `changed` says how many
    modules `--changed` selected; empty without it. `no_snapshot` says why guests did not start from a snapshot; empty
    if they did, and with `--isolated`. `work` is what the workers ran, in the order in which it ended: of a resumed run
    since it was resumed, of merged shards one shard after the other.
    """

    started: str
    seconds: float
    command: str
    complete: bool
    interrupted: bool = False
    seed: int | None = None
    shard: str = ""
    plan: str = ""
    lacking: int = 0
    options: RunOptions = DEFAULT
    tests: str = ""
    fail_env_changed: bool = False
    no_snapshot: str = ""
    work: tuple[Work, ...] = ()
    changed: str = ""


class OtherSuite(msgspec.Struct, frozen=True, kw_only=True):
    """Which unexpected cases may be explained by a suite from another version of CPython than the interpreter.

    `differing` are the unexpected cases whose source differs between the two versions, or that only one version has.
    `compared` is the version whose tests the suite was compared with: the interpreter's own, or another one such that
    the interpreter's is between the two. `not_compared` is why they were not compared; empty if they were.
    """

    differing: tuple[str, ...] = ()
    compared: str = ""
    not_compared: str = ""


class CellResults(msgspec.Struct, frozen=True, kw_only=True):
    """The results of one cell. `build` is the manifest, `engine` describes the engine, `identity` is what interpreter
    and compiler reported of themselves. `probes` are the `limitations` of probes.json, empty if the cell was not
    probed. `other_suite` is None when the suite is from the interpreter's own version.
    """

    cell: Cell
    modules: tuple[ModuleResult, ...]
    comparison: Comparison
    run: RunInfo
    build: Manifest = msgspec.field(default_factory=Manifest)
    engine: Mapping[str, Any] = {}
    identity: Mapping[str, Any] = {}
    probes: Mapping[str, Any] = {}
    other_suite: OtherSuite | None = None

    @property
    def suite_note(self) -> str:
        """A sentence for a suite that is not of the interpreter's own version, with the unexpected cases that this may
        explain; empty for its own.
        """
        note, found = self.build.other_suite, self.other_suite
        if not note or not found:
            return note
        if found.not_compared:
            unknown = f"; how many of the unexpected ones is not known: {found.not_compared}"
            return note + (unknown if self.comparison.unexpected else "")
        number = len(self.comparison.of_other_version)
        if not number:
            return note
        own, verb = self.build.python, "is" if number == 1 else "are"
        by = own if found.compared in {"", own} else f"{found.compared}, which stand in for those of {own}"
        return f"{note}; {counted(number, 'case')} of another version, by the tests of {by}, {verb} not unexpected"

    def counts(self) -> Counter[Outcome]:
        """How many cases had each outcome; a module that was skipped as a whole is one case."""
        return Counter(case.outcome for module in self.modules for case in judged_cases(module))

    def to_json(self) -> dict[str, Any]:
        """What results.json holds, in JSON's terms."""
        found: dict[str, Any] = msgspec.to_builtins(_document_of(self))
        return found


class _Header(msgspec.Struct, kw_only=True):
    """The part of results.json that is checked before the rest is read."""

    schema: Any


class _Document(_Header, kw_only=True):
    """results.json without its modules. The fields that describe the build are read as leniently as the manifest."""

    cell: dict[str, Any]
    build: dict[str, Any]
    engine: dict[str, Any]
    identity: dict[str, Any] = {}
    run: RunInfo
    comparison: Comparison
    probes: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    other_suite: OtherSuite | msgspec.UnsetType = msgspec.UNSET

    def results(self, modules: tuple[ModuleResult, ...] = ()) -> CellResults:
        """KeyError, TypeError or ValueError for what is no cell or no manifest."""
        counts = {verdict: count for verdict, count in self.comparison.counts.items() if count}
        return CellResults(
            cell=Cell.from_json(self.cell),
            build=Manifest.from_json(self.build),
            engine=self.engine,
            identity=self.identity,
            run=self.run,
            comparison=msgspec.structs.replace(self.comparison, counts=counts),
            modules=modules,
            probes=self.probes or {},
            other_suite=self.other_suite or None,
        )


class _WholeDocument(_Document, kw_only=True):
    modules: dict[str, ModuleRecord]


class _UnreadCase(msgspec.Struct):
    """A case that is not read: only its name is needed."""


class _OutcomeRecord(msgspec.Struct):
    """The outcome and the case names of a module, which is what `load_verdicts` needs."""

    outcome: Outcome
    cases: dict[str, _UnreadCase]


class _OutlineDocument(_Document, kw_only=True):
    modules: dict[str, _OutcomeRecord]


_DocumentT = TypeVar("_DocumentT", bound=_Document)


def _document_of(results: CellResults) -> _WholeDocument:
    comparison = results.comparison
    return _WholeDocument(
        schema=RESULTS_SCHEMA,
        cell=results.cell.to_json(),
        build=results.build.to_json(),
        engine=dict(results.engine),
        identity=dict(results.identity),
        run=results.run,
        comparison=msgspec.structs.replace(
            comparison, counts={verdict: comparison.counts.get(verdict, 0) for verdict in Verdict}
        ),
        modules={module.module: ModuleRecord.of(module) for module in results.modules},
        probes=dict(results.probes) or msgspec.UNSET,
        other_suite=results.other_suite or msgspec.UNSET,
    )


def write_results(path: Path, results: CellResults) -> None:
    """Writes results.json in one step, its folder included. UnavailableError when the disk refuses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = encode_json(_document_of(results), indent=1)
    write_atomically(path, text + "\n")


def load_results(path: Path) -> CellResults:
    """The results in the file `path`. ConfigError when it cannot be read as results of our schema."""

    def read(document: _WholeDocument) -> CellResults:
        return document.results(tuple(module.result(name) for name, module in document.modules.items()))

    return _loaded(path, _WholeDocument, read)


class Verdicts(NamedTuple):
    """What `load_verdicts` reads: results without their modules, whether a module had a case, and each module's
    outcome.
    """

    results: CellResults
    had: Callable[[str, str], bool]
    outcomes: Mapping[str, Outcome]


def load_verdicts(path: Path) -> Verdicts:
    """The results in the file `path` without their modules, which takes less than half of the time. ConfigError as from
    `load_results`.
    """

    def read(document: _OutlineDocument) -> Verdicts:
        modules = document.modules
        return Verdicts(
            results=document.results(),
            had=lambda module, case: module in modules and case in modules[module].cases,
            outcomes={name: module.outcome for name, module in modules.items()},
        )

    return _loaded(path, _OutlineDocument, read)


def _loaded(path: Path, kind: type[_DocumentT], read: Callable[[_DocumentT], _T]) -> _T:
    try:
        return read(_decoded(path.read_bytes(), kind))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", hint="a run writes it at its end") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not JSON: {error}", hint="was it cut short? run the cell again") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}", hint=error.hint) from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path} holds no results of a cell: {error}", hint="name a results.json") from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{path} holds no results of a cell ({what})", hint="name a results.json") from error


def _decoded(text: bytes, kind: type[_DocumentT]) -> _DocumentT:
    """The document in the text, read as by `decode_json`. ConfigError for another schema."""
    try:
        found = decode_json(text, kind)
    except msgspec.ValidationError:
        _check_schema(decode_json(text, _Header))
        raise
    _check_schema(found)
    return found


def _check_schema(document: _Header) -> None:
    if document.schema != RESULTS_SCHEMA:
        raise ConfigError(
            f"results of schema {document.schema!r} cannot be read: this harness reads schema {RESULTS_SCHEMA}",
            hint="read them with the harness that wrote them, or run the cell again",
        )
