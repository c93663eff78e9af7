"""What a run was asked for, written down when it starts: --resume goes on with that and with nothing else."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shlex
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import ConfigError
from harness.project import project_root
from harness.results.command_line import RunOptions, absolute
from harness.results.run_folder import (
    ASKED_FILE,
    PARTS_FOLDER,
    RESULTS_FILE,
    came_to_its_end,
    finished_modules,
    has_results,
    read_asked,
    unfinished_run,
)
from harness.run.keywords import Keyword
from harness.run.options import TESTING, as_arguments
from harness.run.own_tests import OwnTests
from harness.run.prepared import Prepared
from harness.run.selection import TestSelection
from harness.suite.shards import parse_shard
from harness.util.files import make_folder, write_atomically
from harness.util.json_text import decode_json, encode_json
from harness.util.paths import shown
from harness.util.text import counted

# The keys of asked.json. An error names those in which two runs differ.
_TESTS, _BUILD, _ENGINE = "folder of own tests", "build", "engine"
_CASES, _SHARD, _KEYWORD = "choice of cases", "shard", "expression of -k"
_CHANGED = "revision of --changed"
_RESOURCES, _ORDER = "choice of resources", "order or seed"
_OPTIONS, _FURTHER, _SECONDS = "options", "further options", "seconds before"
# Options that neither choose tests nor decide what is tested, by their default: a resumed run takes those that it was
# begun with where the command line leaves them at that.
_DEFAULTS = {option.name: option.fallback for option in TESTING if option.name in {"cut_by", "reruns", "verify"}}
# In the folder of parts.
_CUT_FILE = "cut.json"
_TITLES = {_CASES: "choice of modules or cases"}
_NEW_RUN = "a new run takes a new folder: leave out --resume and --run-dir"


def asked_for(prepared: Prepared, chosen: TestSelection, tests: OwnTests | None = None) -> dict[str, Any]:
    """What all results in one folder have in common, by the words of an error."""
    return {
        _TESTS: [str(tests.source), tests.key] if tests else None,
        _BUILD: dataclasses.asdict(prepared.build.manifest.wasm),
        _ENGINE: prepared.cell.runtime,
        _CASES: list(chosen.cases),
        _SHARD: chosen.shard,
        _KEYWORD: chosen.keyword,
        _CHANGED: chosen.changed,
        _RESOURCES: prepared.cell.resources,
        _ORDER: [chosen.randomize, chosen.seed],
    }


def said_by(options: Namespace, keyword: str) -> dict[str, Any]:
    """What the command line says of a run, as asked.json has it: its choice of tests, and its options."""
    return {
        _TESTS: [absolute("tests", options.tests), ""] if options.tests else None,
        _CASES: list(options.case),
        _SHARD: str(parse_shard(options.shard)) if options.shard else "",
        _KEYWORD: keyword,
        _CHANGED: options.changed,
        _OPTIONS: _own_options(options),
        _FURTHER: {name: getattr(options, name) for name in _DEFAULTS},
    }


def _own_options(options: object) -> dict[str, Any]:
    """The options that decide what is tested, but for those that say where."""
    given = msgspec.structs.replace(RunOptions.of(options), cache="", project="", program="python", tests="")
    found: dict[str, Any] = msgspec.to_builtins(given)
    return found


def begun_with(cell: Path) -> dict[str, Any]:
    """What the run in the folder of a cell was begun with, or was to begin with among several; empty for none."""
    return read_asked(cell / ASKED_FILE) or read_asked(cell.parent / ASKED_FILE).get(cell.name) or {}


def completed(options: Namespace, keyword: str, begun: Mapping[str, Any]) -> tuple[Namespace, str]:
    """The options and the expression of -k with which to go on with a run that was `begun` so. A command line that
    chooses no tests takes the choice from there, and one that names no build the options that decide which is tested.
    """
    found = Namespace(**vars(options))
    if not _chooses(options, keyword):
        found.case, found.shard = list(begun.get(_CASES, ())), begun.get(_SHARD, "")
        found.changed = begun.get(_CHANGED, "")
        found.tests = (begun.get(_TESTS) or [""])[0]
        keyword = begun.get(_KEYWORD, "")
    if not _own_options(options):
        vars(found).update(begun.get(_OPTIONS, {}))
    if found.randomize and not found.randseed:
        found.randseed = begun.get(_OPTIONS, {}).get("randseed", "")
    further = begun.get(_FURTHER, {})
    vars(found).update({name: further[name] for name in further if getattr(options, name) == _DEFAULTS[name]})
    return found, keyword


def _chooses(options: Namespace, keyword: str) -> bool:
    return bool(options.case or options.shard or options.tests or options.changed or keyword)


def check_not_lost(folder: Path) -> None:
    """ConfigError when a run that begins in the folder of a cell would replace the results of another one."""
    if not has_results(folder):
        return
    finished = finished_modules(folder)
    number = f"{counted(finished, 'module')} {'is' if finished == 1 else 'are'} finished there"
    what, more = "results of a run that came to its end", ""
    if not came_to_its_end(folder):
        what, more = f"a run that did not come to its end: {number}", "--resume goes on with it; "
    raise ConfigError(
        f"{shown(folder)} has {what}",
        hint=f"{more}another folder, or no --run-dir, keeps it; --overwrite removes it",
    )


def check_resumed(folder: Path, asked: Mapping[str, Any]) -> None:
    """ConfigError when the run that was begun in the cell's folder was asked for something else."""
    begun = read_asked(folder / ASKED_FILE)
    # What was begun before these were written down has no order and the cell's resources.
    later = [name for name in (_RESOURCES, _ORDER) if name in begun]
    _check_same(folder, begun, asked, [*(name for name in (_TESTS, _BUILD, _ENGINE) if begun), *later])
    check_choice(folder, begun, asked)


def check_choice(folder: Path, begun: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """ConfigError when the run of a cell's folder was begun with another choice of tests than is `asked` for now."""
    _check_same(folder, begun, asked, [name for name in (_CASES, _SHARD, _KEYWORD, _CHANGED) if name in begun])


def _check_same(folder: Path, begun: Mapping[str, Any], asked: Mapping[str, Any], names: Sequence[str]) -> None:
    if other := [name for name in names if begun.get(name) != asked[name]]:
        raise ConfigError(
            f"the run in {shown(folder)} cannot be resumed like this: it has another "
            f"{' and another '.join(_TITLES.get(name, name) for name in other)}",
            hint=f"{_as_begun(folder, begun, other)}; {_NEW_RUN}",
        )


def _as_begun(folder: Path, begun: Mapping[str, Any], other: Sequence[str]) -> str:
    """How to go on with the run, where the command line alone makes the difference."""
    if _OPTIONS not in begun and other != [_CASES]:
        return "resume it with the command that began it"
    line = RunOptions.here().line(["test", folder.name, f"--run-dir={shown(folder.parent)}", "--resume"])
    return f"`{line}` goes on with it as it was begun"


def check_all_resumed(run: Path, cells: Sequence[str], options: Namespace, keyword: str) -> None:
    """ConfigError, before any cell of the run is resumed, when one of them was begun with another choice of tests."""
    for cell in cells if _chooses(options, keyword) else ():
        check_choice(run / cell, begun_with(run / cell), said_by(options, keyword))


def write_asked(folder: Path, asked: Mapping[str, Any], *, seconds: float = 0.0) -> None:
    """Leaves it in the cell's folder, with the seconds that the run has tested before."""
    write_atomically(folder / ASKED_FILE, json.dumps({**asked, _SECONDS: seconds}, indent=1) + "\n")


class _Cut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How the modules of a run are cut; `modules` are those of a shard."""

    parts: dict[str, tuple[tuple[str, ...], ...]]
    elsewhere: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    plan: str = ""


def write_cut(folder: Path, chosen: TestSelection) -> None:
    """Leaves in the cell's folder how its modules are cut, where any is, or the suite into shards."""
    if not chosen.parts and not chosen.shard:
        return
    modules = chosen.modules if chosen.shard else ()
    parts = {module: tuple(map(tuple, others)) for module, others in chosen.parts.items()}
    cut = _Cut(parts=parts, elsewhere=tuple(chosen.elsewhere), modules=modules, plan=chosen.plan)
    (folder / PARTS_FOLDER).mkdir(exist_ok=True)
    write_atomically(folder / PARTS_FOLDER / _CUT_FILE, encode_json(cut) + "\n")


def read_cut(folder: Path, chosen: TestSelection) -> TestSelection:
    """The selection cut as the run was that was begun in the folder of a cell, whatever has been recorded since."""
    with contextlib.suppress(OSError, ValueError):
        cut = decode_json((folder / PARTS_FOLDER / _CUT_FILE).read_bytes(), _Cut)
        modules = cut.modules or chosen.modules
        return dataclasses.replace(chosen, parts=cut.parts, elsewhere=cut.elsewhere, modules=modules, plan=cut.plan)
    return chosen


def write_asked_of_cells(run: Path, cells: Sequence[str], options: Namespace, keyword: str) -> None:
    """Leaves in the run's folder what its cells are to begin with: one that does not come to that is resumed so."""
    asked = said_by(options, keyword)
    make_folder(run)
    of_cells = read_asked(run / ASKED_FILE) | dict.fromkeys(cells, asked)
    write_atomically(run / ASKED_FILE, json.dumps(of_cells, indent=1) + "\n")


def seconds_before(folder: Path) -> float:
    """How long a run in the folder of a cell has tested until now. One that was killed did so until its last record."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return float(json.loads((folder / RESULTS_FILE).read_bytes())["run"]["seconds"])
    with contextlib.suppress(OSError, ValueError, TypeError):
        began = (folder / ASKED_FILE).stat().st_mtime
        records = [*(folder / "modules").glob("[!.]*.json"), *(folder / PARTS_FOLDER).glob("*/[!.]*.json")]
        ends = [path.stat().st_mtime for path in records]
        return float(read_asked(folder / ASKED_FILE).get(_SECONDS, 0)) + max(0.0, max(ends, default=began) - began)
    return 0.0


def as_begun(options: Namespace, keyword: Keyword, folder: Path) -> tuple[Namespace, Keyword]:
    """The options and the `-k`, completed by what the run in the cell's folder was begun with."""
    given = as_arguments(options)
    options, expression = completed(options, keyword.expression, begun_with(folder))
    taken = [word for word in as_arguments(options) if word not in given]
    taken += ["-k", expression] if expression != keyword.expression else []
    if taken:
        print(f"as it was begun: {shlex.join(taken)}")
    return options, dataclasses.replace(keyword, expression=expression)


def run_folder_for(options: Namespace) -> Path | None:
    """The run folder that the user means; None for a new one. ConfigError for one that must not be written to."""
    if options.overwrite and (options.resume or not options.run_dir):
        raise ConfigError("--overwrite removes what is in --run-dir", hint="name that folder, and leave --resume out")
    if options.run_dir:
        folder = Path(options.run_dir).absolute()
        if not options.resume and not options.overwrite:
            check_not_lost(folder / options.cell)
        return folder
    if not options.resume:
        return None
    found = unfinished_run(project_root() / "reports", [options.cell])
    print(f"going on with the run in {shown(found)}")
    return found
