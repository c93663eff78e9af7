"""results.json: everything one cell did, versioned. All other reports are views of it."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from harness.errors import ConfigError
from harness.manifest import Manifest
from harness.matrix.cells import Cell
from harness.results.command_line import DEFAULT, RunOptions
from harness.results.outcomes import ModuleResult, Outcome, judged_cases
from harness.results.verdicts import Comparison
from harness.util.files import write_atomically

RESULTS_SCHEMA = 1
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """How the results came about. `started` is ISO 8601 in UTC, `seconds` wall time, `seed` that of the
    order.

    `complete` says that the whole suite was asked for and run to its end, `interrupted` that somebody ended it.
    `shard` is which part was asked for, as in 2/8, `plan` stands for the way the parts were cut, and `lacking` is how
    many of the part's modules have no result. `options` are what decided, besides the cell, what was tested; `tests`
    stands for the contents of the user's own tests, which then took the place of the suite. `fail_env_changed` says
    that a module which alters its environment was judged to be unexpected.
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

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"options": self.options.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunInfo:
        return cls(**{**data, "options": RunOptions.from_json(data.get("options", {}))})


@dataclass(frozen=True, kw_only=True)
class CellResults:
    """The results of one cell. `build` is the manifest, `engine` what is known of the engine,
    `identity` what interpreter and compiler have said of themselves. `probes` is what was found of the documented
    limitations (the `limitations` of probes.json), empty when the cell was not probed.
    """

    cell: Cell
    modules: tuple[ModuleResult, ...]
    comparison: Comparison
    run: RunInfo
    build: Manifest = field(default_factory=Manifest)
    engine: Mapping[str, Any] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)
    probes: Mapping[str, Any] = field(default_factory=dict)

    def counts(self) -> Counter[Outcome]:
        """How many cases had each outcome; a module that was skipped as a whole is one case."""
        return Counter(case.outcome for module in self.modules for case in judged_cases(module))

    def to_json(self) -> dict[str, Any]:
        data = {
            "schema": RESULTS_SCHEMA,
            "cell": self.cell.to_json(),
            "build": self.build.to_json(),
            "engine": dict(self.engine),
            "identity": dict(self.identity),
            "run": self.run.to_json(),
            "comparison": self.comparison.to_json(),
            "modules": {module.module: module.to_json() for module in self.modules},
        }
        return data | ({"probes": dict(self.probes)} if self.probes else {})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CellResults:
        """ConfigError for another schema; KeyError, TypeError or ValueError for what is no results.json."""
        if data["schema"] != RESULTS_SCHEMA:
            raise ConfigError(
                f"results of schema {data['schema']!r} cannot be read: this harness reads schema {RESULTS_SCHEMA}",
                hint="read them with the harness that wrote them, or run the cell again",
            )
        return cls(
            cell=Cell.from_json(data["cell"]),
            build=Manifest.from_json(data["build"]),
            engine=data["engine"],
            identity=data.get("identity", {}),
            run=RunInfo.from_json(data["run"]),
            comparison=Comparison.from_json(data["comparison"]),
            modules=tuple(ModuleResult.from_json(name, module) for name, module in data["modules"].items()),
            probes=data.get("probes", {}),
        )


def write_results(path: Path, results: CellResults) -> None:
    """Writes results.json in one step, its folder included. UnavailableError when the disk refuses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(results.to_json(), indent=1) + "\n")


def load_results(path: Path) -> CellResults:
    """The results in the file `path`. ConfigError when it cannot be read as results of our schema."""
    return _loaded(path, CellResults.from_json)


class Verdicts(NamedTuple):
    """What `load_verdicts` reads: results without their modules, whether a module had a case, and each module's
    outcome.
    """

    results: CellResults
    had: Callable[[str, str], bool]
    outcomes: Mapping[str, Outcome]


def load_verdicts(path: Path) -> Verdicts:
    """The results in the file `path` without their modules, which takes a third of the time. ConfigError as from
    `load_results`.
    """

    def read(data: Mapping[str, Any]) -> Verdicts:
        cases = {name: module["cases"] for name, module in data["modules"].items()}
        return Verdicts(
            results=CellResults.from_json({**data, "modules": {}}),
            had=lambda module, case: case in cases.get(module, ()),
            outcomes={name: Outcome(module["outcome"]) for name, module in data["modules"].items()},
        )

    return _loaded(path, read)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles: there are none in results, and looking for them takes a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _loaded(path: Path, read: Callable[[Mapping[str, Any]], _T]) -> _T:
    try:
        with _uncollected():
            return read(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", hint="a run writes it at its end") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not JSON: {error}", hint="was it cut short? run the cell again") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}", hint=error.hint) from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{path} holds no results of a cell ({what})", hint="name a results.json") from error
