"""Run folders: the results in them, the cells without results, the earlier runs of a cell, new and locked folders."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import (
    EXIT_BUILD,
    EXIT_CONFIG,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_UNAVAILABLE,
    EXIT_UNEXPECTED,
    ConfigError,
    HarnessError,
    UnavailableError,
)
from harness.project import project_root
from harness.util.files import disk_errors_as_unavailable, make_folder, remove_tree, write_atomically
from harness.util.locks import try_lock
from harness.util.paths import shown

RESULTS_FILE = "results.json"
ASKED_FILE = "asked.json"
# The folder for the results of parts of modules.
PARTS_FOLDER = "parts"
# What `report` writes next to the cells' folders: page, summary, badge, annotations and JUnit.
VIEW_FILES = ("index.html", "summary.md", "badge.json", "annotations.txt", "junit.xml")
LOCK_FILE = "lock"
ERROR_FILE = "error.json"
# What CPython's own `python -m test.pythoninfo` prints in the cell.
PYTHON_INFO_FILE = "pythoninfo.txt"

# The status of a run is that of its worst cell. A cell that is not available on this machine is less bad than an
# unexpected outcome, since it says nothing about CPython.
WORST_FIRST = (
    EXIT_INTERRUPTED,
    EXIT_INTERNAL,
    EXIT_CONFIG,
    EXIT_BUILD,
    EXIT_UNEXPECTED,
    EXIT_UNAVAILABLE,
    EXIT_OK,
)
_NO_RESULTS = {
    EXIT_CONFIG: "refused",
    EXIT_UNAVAILABLE: "not available here",
    EXIT_BUILD: "not built",
    EXIT_INTERNAL: "internal error",
    EXIT_INTERRUPTED: "interrupted",
}
_NAME_A_RUN = "name a run's folder (reports/<run>), a cell's in it, or a results.json"
# How many earlier runs are looked at: the results of each are read.
RUNS_LOOKED_AT = 10
# The harness's own names of run folders sort by time. Folders of other names are not taken for earlier runs.
_BY_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}(-\d+)?")


@dataclass(frozen=True, kw_only=True)
class FailedCell:
    """A cell of a run that has no results: its exit status, and why."""

    label: str
    status: int
    why: str

    @property
    def is_unbuilt(self) -> bool:
        """Whether it may lack a build."""
        return self.status in {EXIT_BUILD, EXIT_UNAVAILABLE}


@dataclass(frozen=True, kw_only=True)
class RunFiles:
    """The runs that one report covers. `folder` is the folder for its views. `results` has the path of each
    results.json by the label of its cell, and `befores` the paths of the same cell in earlier runs, the newest first.
    `since` says that the user has named the earlier run.
    """

    folder: Path
    name: str
    results: dict[str, Path]
    failed: tuple[FailedCell, ...] = ()
    befores: dict[str, tuple[Path, ...]]
    since: bool = False


def find_run(folders: Sequence[Path], *, into: Path | None = None, since: Path | None = None) -> RunFiles:
    """The results in a run's folder, or in several that make one report in the folder `into`.

    `since` is the run to compare with; without it that is the previous run in the same folder. ConfigError when a
    folder has neither results nor a record of why there are none. A file that is named twice, also by a link or within
    another folder, counts once.
    """
    found: dict[str, Path] = {}
    failed: list[FailedCell] = []
    files: dict[Path, Path] = {}
    for folder in {path.resolve(): path for path in folders}.values():
        without = _failed_in(folder)
        failed += without
        for path in _results_of_run(folder) if without else results_in(folder):
            files.setdefault(path.resolve(), path)
    for path in files.values():
        cell, run = path.parent.name, _run_folder(path)
        label = next(name for name in (cell, f"{cell} ({run.name})", f"{cell} ({run})") if name not in found)
        found[label] = path
    results = dict(sorted(found.items(), key=lambda item: _by_number(item[0])))
    home = into or next((_run_folder(path) for path in results.values()), folders[0])
    befores = {label: tuple(_befores(path, since)) for label, path in results.items()}
    return RunFiles(
        folder=home, name=home.resolve().name, results=results, failed=tuple(failed), befores=befores, since=bool(since)
    )


def results_in(path: Path) -> list[Path]:
    """The results.json files of `path`: itself, that in a cell's folder, or those of all cells in a run's folder.
    ConfigError when there is none.
    """
    if path.is_file():
        return [path]
    if (path / RESULTS_FILE).is_file():
        return [path / RESULTS_FILE]
    if found := _results_of_run(path):
        return found
    what = "holds no results of a cell" if path.is_dir() else "does not exist"
    raise ConfigError(f"{path} {what}", hint=_NAME_A_RUN)


def one_result_in(path: Path) -> Path:
    """The one results.json of `path`. ConfigError when there is none, or there are those of several cells."""
    found = results_in(path)
    if len(found) > 1:
        raise ConfigError(
            f"{path} has the results of {len(found)} cells", hint=f"name one of them, such as {found[0].parent}"
        )
    return found[0]


def cell_folders(path: Path) -> list[Path]:
    """The folders of the cells that a run has begun, whether they have results or not. `path` is the run's folder, that
    of one cell, or a results.json. ConfigError when there is none.
    """
    folder = path.parent if path.is_file() else path
    begun = ("modules", RESULTS_FILE, ERROR_FILE)
    candidates = (folder, *sorted(folder.glob("*")))
    if found := [each for each in candidates if any((each / name).exists() for name in begun)]:
        return found
    what = "holds no results of a cell" if path.exists() else "does not exist"
    raise ConfigError(f"{path} {what}", hint=_NAME_A_RUN)


def finished_modules(cell: Path) -> int:
    """How many modules of a run in the folder of a cell have a result."""
    return sum(1 for _ in (cell / "modules").glob("[!.]*.json"))


def has_results(cell: Path) -> bool:
    """Whether a run in the folder of a cell has left any result, if only of one module."""
    is_begun = finished_modules(cell) > 0 or any((cell / PARTS_FOLDER).glob("*/[!.]*.json"))
    return (cell / RESULTS_FILE).exists() or is_begun


def came_to_its_end(cell: Path) -> bool:
    """Whether the run in the folder of a cell has tested everything that it was to test."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        run = json.loads((cell / RESULTS_FILE).read_bytes())["run"]
        return not run.get("interrupted") and not run.get("lacking")
    return False


def unfinished_run(reports: Path, cells: Iterable[str]) -> Path:
    """The newest run below `reports` that has one of the cells unfinished and is not running. ConfigError when there is
    none.
    """
    cells = list(cells)
    begun = {path: path.parent.parent for cell in cells for path in reports.glob(f"*/{cell}/{ASKED_FILE}")}
    several = (path for path in reports.glob(f"*/{ASKED_FILE}") if not read_asked(path).keys().isdisjoint(cells))
    begun |= {path: path.parent for path in several}
    for path in sorted(begun, key=lambda path: path.stat().st_mtime, reverse=True):
        run = begun[path]
        if run.is_symlink() or any(is_running(run / cell) for cell in cells):
            continue
        if any(_is_unfinished(run / cell) for cell in cells):
            return run
    raise ConfigError(
        f"no run in {shown(reports)} has left {' or '.join(cells)} unfinished",
        hint="leave --resume out to begin a run, or name the folder of one with --run-dir",
    )


def _is_unfinished(cell: Path) -> bool:
    """Whether a run began in the folder of a cell, or was to begin there, and did not finish. The run of a cell that
    could not be built, or is not available, did not begin.
    """
    if not (cell / ASKED_FILE).is_file():
        return not (cell / ERROR_FILE).exists() and cell.name in read_asked(cell.parent / ASKED_FILE)
    return not came_to_its_end(cell)


def read_asked(path: Path) -> dict[str, Any]:
    """The contents of an asked.json: in a cell's folder what its run was started with; in the folder of a run over
    several cells the same by the id of each, as far as it follows from the command line. Empty without the file.
    """
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def remove_views(run: Path) -> None:
    """Removes the views from the folder of a run that has results, since the run of a cell that begins there is not in
    them.
    """
    for name in VIEW_FILES if _results_of_run(run) else ():
        (run / name).unlink(missing_ok=True)


def claim(cell: Path, *, hint: str = "wait for it, or name another --run-dir") -> int:
    """Locks the folder of a cell for a run, for as long as the returned descriptor is open. ConfigError when another
    run, or a measurement of stacks, has it locked.
    """
    with disk_errors_as_unavailable(cell):
        make_folder(cell)
        descriptor = os.open(cell / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    if not try_lock(descriptor):
        os.close(descriptor)
        raise ConfigError(f"another run or `stack` is in progress in {shown(cell)}", hint=hint)
    return descriptor


@contextlib.contextmanager
def claimed(cell: Path, *, hint: str) -> Iterator[None]:
    """Locks the folder of a cell as `claim` does, while the block runs."""
    descriptor = claim(cell, hint=hint)
    try:
        yield
    finally:
        os.close(descriptor)


def is_running(cell: Path) -> bool:
    """Whether a run is in progress in the folder of a cell."""
    if not (cell / LOCK_FILE).is_file():
        return False
    descriptor = os.open(cell / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


def remove_refused(run: Path) -> bool:
    """Removes the folder of a run if every cell in it was refused, since a mistake in the arguments is no run. Returns
    whether it did.
    """
    cells = [path for path in run.glob("*") if path.name != ASKED_FILE]
    if not all(_is_refused(cell) for cell in cells):
        return False
    remove_tree(run)
    return True


def _is_refused(cell: Path) -> bool:
    """Whether the folder of a cell has nothing but the record of why it was refused."""
    if (cell / "modules").exists() or (cell / RESULTS_FILE).exists():
        return False
    with contextlib.suppress(ConfigError):
        return read_failure(cell / ERROR_FILE)[0] == EXIT_CONFIG
    return False


def _results_of_run(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*/{RESULTS_FILE}"))


def _by_number(label: str) -> list[tuple[int, str]]:
    """For sorting: 4.0.12 comes after 4.0.9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", label)]


def _run_folder(results: Path) -> Path:
    return results.absolute().parent.parent


def _failed_in(folder: Path) -> list[FailedCell]:
    """The cells of a run without results: with the error in their error.json, or interrupted if they have none."""
    found = []
    for cell in sorted(path for path in folder.glob("*") if path.is_dir() and not (path / RESULTS_FILE).exists()):
        if (cell / ERROR_FILE).is_file():
            try:
                found.append(_failed(cell, *read_failure(cell / ERROR_FILE)))
            except ConfigError as error:
                found.append(_failed(cell, EXIT_INTERNAL, error.message))
        elif (cell / "modules").is_dir():
            found.append(_failed(cell, EXIT_INTERRUPTED, "it did not come to its end; --resume goes on with it"))
    return found


def _failed(cell: Path, status: int, why: str) -> FailedCell:
    status, state = state_without_results(status)
    return FailedCell(label=cell.name, status=status, why=f"{state}: {why.strip()}")


def state_without_results(status: int) -> tuple[int, str]:
    """The exit status and the state of a cell without results. An unknown status is an internal error."""
    status = status if status in _NO_RESULTS else EXIT_INTERNAL
    return status, _NO_RESULTS[status]


def _befores(path: Path, since: Path | None) -> list[Path]:
    """The results of the same cell in the run `since`, or else in earlier runs in the same folder."""
    if since:
        return [other for other in results_in(since) if other.parent.name == path.parent.name]
    return befores_of(path)


def befores_of(path: Path) -> list[Path]:
    """The results of the same cell in earlier runs in the same folder, the newest first, at most RUNS_LOOKED_AT; none
    if the run's folder is not named by its time.
    """
    run = _run_folder(path).resolve()
    if not _BY_TIME.fullmatch(run.name) or not run.parent.is_dir():
        return []
    earlier = sorted(
        (other for other in run.parent.iterdir() if _BY_TIME.fullmatch(other.name) and other.name < run.name),
        key=lambda other: other.name,
        reverse=True,
    )
    candidates = [other / path.parent.name / RESULTS_FILE for other in earlier]
    return [candidate for candidate in candidates if candidate.is_file()][:RUNS_LOOKED_AT]


def worst_status(statuses: Iterable[int]) -> int:
    """The exit status of a run over several cells, by WORST_FIRST. An unknown status is an internal error."""
    found = {status if status in WORST_FIRST else EXIT_INTERNAL for status in statuses}
    return next((status for status in WORST_FIRST if status in found), EXIT_OK)


def read_failure(path: Path) -> tuple[int, str]:
    """The exit status and the reason. ConfigError for a file that `record_failure` did not write."""
    try:
        failure = json.loads(path.read_text(encoding="utf-8"))
        return int(failure["status"]), str(failure["error"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{path} is not what a cell without results leaves: {error}", hint="remove it, or test the cell again"
        ) from error


def record_error(folder: Path, error: HarnessError) -> None:
    """Records in the folder of a cell why it has no results."""
    record_failure(folder, error.exit_code, str(error))


def record_failure(folder: Path, status: int, why: str) -> None:
    """Writes error.json into the folder of a cell: its exit status, and why it has no results."""
    with disk_errors_as_unavailable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"status": status, "error": why}, indent=1)
    write_atomically(folder / ERROR_FILE, text + "\n")


def new_run_folder() -> Path:
    """A fresh folder under reports/, named by the time of day; two runs that start together get two."""
    reports = project_root() / "reports"
    stamp = time.strftime("%Y-%m-%dT%H-%M-%S")
    for attempt in range(1, 100):
        folder = reports / (stamp if attempt == 1 else f"{stamp}-{attempt}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise UnavailableError(f"cannot make {folder}: {error.strerror}", hint="use --run-dir FOLDER") from error
        return folder
    raise ConfigError(f"too many runs at once in {reports}", hint="use --run-dir FOLDER")


def point_latest_at(run_folder: Path) -> None:
    """Makes `latest` next to the run folder a link to it; a run folder elsewhere has no such link."""
    if run_folder.parent != project_root() / "reports":
        return
    link = run_folder.with_name("latest")
    aside = run_folder.with_name(f".latest.{run_folder.name}")
    with contextlib.suppress(OSError):
        aside.unlink(missing_ok=True)
        aside.symlink_to(run_folder.name)
        aside.replace(link)
