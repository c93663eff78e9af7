"""The record of durations and imports of earlier runs, and the expected seconds of modules."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from harness.results.outcomes import ModuleRecord, ModuleResult
from harness.suite.parts import LEAST_SECONDS, recorded_cases
from harness.util.files import write_atomically
from harness.util.json_text import decode_json


def guessed_seconds(modules: Iterable[str], seconds: Mapping[str, float], sizes: Mapping[str, int]) -> dict[str, float]:
    """The expected seconds of each module: the recorded ones, or else a guess from the size of its source."""
    known_size = sum(sizes.get(module, 0) for module in seconds) or 1
    rate = math.fsum(seconds.values()) / known_size if seconds else 1.0
    return {module: seconds.get(module, sizes.get(module, 0) * rate) for module in modules}


def source_sizes(library: Path, modules: Iterable[str]) -> dict[str, int]:
    """The size of each module's source in bytes; that of a package is the sum of its files."""
    sizes = {}
    for module in modules:
        path = library.joinpath("test", *module.removeprefix("test.").split("."))
        files = path.rglob("test*.py") if path.is_dir() else [path.with_suffix(".py")]
        with contextlib.suppress(OSError):
            sizes[module] = sum(file.stat().st_size for file in files)
    return sizes


def read_durations(path: Path) -> dict[str, float]:
    """The recorded seconds of each module; empty if there is no record or it is damaged. A results.json is a record
    too.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError, TypeError, KeyError):
        data = json.loads(path.read_text(encoding="utf-8"))
        if "modules" in data:
            data = {module: result["seconds"] for module, result in data["modules"].items() if result["complete"]}
        return {str(module): float(seconds) for module, seconds in data.items()}
    return {}


def durations_file(cache: Path, cell: str) -> Path:
    """The path of the cell's record."""
    return cache / "durations" / f"{cell}.json"


def seconds_of(modules: Iterable[ModuleResult]) -> dict[str, float]:
    """The seconds for the record: those of the run's modules that were run as a whole."""
    return {module.module: round(module.seconds, 2) for module in modules if module.complete}


def record_durations(path: Path, seconds: Mapping[str, float]) -> None:
    """Merges new durations into the record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(read_durations(path) | dict(seconds), indent=0, sort_keys=True))


def cases_of(modules: Iterable[ModuleResult]) -> dict[str, dict[str, float]]:
    """The seconds of cases for the record, by long module. They may be empty."""
    return {
        module.module: recorded_cases(module) if module.seconds > LEAST_SECONDS else {}
        for module in modules
        if module.complete
    }


class _Results(msgspec.Struct):
    """The part of a results.json that is a record of durations."""

    modules: dict[str, ModuleRecord]


def record_run(path: Path, modules: Iterable[ModuleResult]) -> None:
    """Merges the seconds of a run's whole modules into the record in the file `path`, and those of the cases of long
    modules into the record next to it.
    """
    modules = tuple(modules)
    record_durations(path, seconds_of(modules))
    found = {module: known for module, known in (read_case_durations(path) | cases_of(modules)).items() if known}
    write_atomically(_cases_file(path), json.dumps(found, separators=(",", ":")))


def read_case_durations(path: Path) -> dict[str, dict[str, float]]:
    """The recorded seconds of each case by its id, for each long module, in the order of the cases. `path` is the
    record of the modules. Empty if there is no record or it is damaged. A results.json is a record too.
    """
    with contextlib.suppress(OSError, ValueError):
        found = decode_json(path.read_bytes(), _Results).modules.items()
        known = cases_of(record.result(module) for module, record in found)
        return {module: cases for module, cases in known.items() if cases}
    with contextlib.suppress(OSError, ValueError, AttributeError, TypeError):
        data = json.loads(_cases_file(path).read_text(encoding="utf-8"))
        return {
            str(module): {str(case): float(seconds) for case, seconds in cases.items()}
            for module, cases in data.items()
        }
    return {}


def record_imports(path: Path, modules: Iterable[ModuleResult], python: str) -> None:
    """Merges the imports of a run's whole modules into the record of that series of CPython (3.13 for 3.13.5), which is
    next to the record of durations in the file `path`.
    """
    found = read_imports(path, python) | {
        module.module: frozenset(module.imports) for module in modules if module.complete and module.imports
    }
    if not found:
        return
    files = sorted({file for imported in found.values() for file in imported})
    number = {file: index for index, file in enumerate(files)}
    numbers = {module: sorted(number[file] for file in found[module]) for module in sorted(found)}
    text = json.dumps({"files": files, "modules": numbers}, separators=(",", ":"))
    write_atomically(_imports_file(path, python), text)


def read_imports(path: Path, python: str) -> dict[str, frozenset[str]]:
    """The files of the standard library that each module imported when it was last run as a whole with that series of
    CPython, as paths in the library. `path` is the record of durations. Empty if there is no such record or it is
    damaged.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError, TypeError, KeyError, IndexError):
        data = json.loads(_imports_file(path, python).read_text(encoding="utf-8"))
        files = data["files"]
        return {
            str(module): frozenset(str(files[number]) for number in numbers)
            for module, numbers in data["modules"].items()
        }
    return {}


def _imports_file(path: Path, python: str) -> Path:
    return path.with_name(f"{path.stem}.imports-{'.'.join(python.split('.')[:2])}.json")


def _cases_file(path: Path) -> Path:
    return path.with_name(f"{path.stem}.cases.json")
