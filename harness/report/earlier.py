"""The previous run of a cell: the files that may have its results, and the first of these that is usable."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from harness.errors import ConfigError
from harness.project import project_root
from harness.report.digest import Before
from harness.results.cell_results import load_verdicts
from harness.results.run_folder import befores_of


def earlier_results(path: Path) -> tuple[Path, ...]:
    """The files with earlier results of the cell whose results.json is `path`, the newest first. A run folder that is
    not named by its time cannot be ordered: its earlier results are those of the latest run.
    """
    latest = project_root() / "reports" / "latest" / path.parent.name / path.name
    found = tuple(befores_of(path)) or ((latest,) if latest.is_file() else ())
    return tuple(other for other in found if other.resolve() != path.resolve())


def read_before(paths: Iterable[Path], *, whatever: bool = False) -> Before | None:
    """The first of the results that are readable and of a whole suite; None if there are none. With `whatever`, the
    first of the results even if they are of a part of the suite, and ConfigError if they are not readable.
    """
    for path in paths:
        with suppress(*([] if whatever else [ConfigError])):
            found = load_verdicts(path)
            if found.results.run.complete or whatever:
                name = path.absolute().parent.parent.resolve().name
                return Before(run=name, results=found.results, had=found.had, outcomes=found.outcomes)
    return None
