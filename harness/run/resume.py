"""Writes down the choice of tests and the options of a run when it starts, so that --resume continues with the same."""

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

# The keys of asked.json. An error message names the keys in which two runs differ.
_TESTS, _BUILD, _ENGINE = "folder of own tests", "build", "engine"
_CASES, _SHARD, _KEYWORD = "choice of cases", "shard", "expression of -k"
_CHANGED = "revision of --changed"
_RESOURCES, _ORDER = "choice of resources", "order or seed"
_OPTIONS, _FURTHER, _SECONDS = "options", "further options", "seconds before"
# The defaults of options that neither choose tests nor decide what is tested. A resumed run takes the value from its
# start for each of these that has its default on the command line.
_DEFAULTS = {option.name: option.fallback for option in TESTING if option.name in {"cut_by", "reruns", "verify"}}
# The file in the folder of parts that says how modules are cut.
_CUT_FILE = "cut.json"
_TITLES = {_CASES: "choice of modules or cases"}
_NEW_RUN = "a new run takes a new folder: leave out --resume and --run-dir"


def asked_for(prepared: Prepared, chosen: TestSelection, tests: OwnTests | None = None) -> dict[str, Any]:
    """The values that all results in one folder must have in common, by their names in an error message."""
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
    """The choice of tests and the options on the command line, in the form of asked.json."""
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
    """The options that decide what is tested, without those for paths of the harness and for the user's own tests."""
    given = msgspec.structs.replace(RunOptions.of(options), cache="", project="", program="python", tests="")
    found: dict[str, Any] = msgspec.to_builtins(given)
    return found


def begun_with(cell: Path) -> dict[str, Any]:
    """The choice of tests and the options with which the run in the folder of a cell was started, or was to be started
    as one of several cells; empty if there is no such run.
    """
    return read_asked(cell / ASKED_FILE) or read_asked(cell.parent / ASKED_FILE).get(cell.name) or {}


def completed(options: Namespace, keyword: str, begun: Mapping[str, Any]) -> tuple[Namespace, str]:
    """The options and the expression of -k with which a run continues that was started with `begun`. If the command
    line chooses no tests, the choice is that of `begun`. If it has none of the options that decide what is tested,
    such as the build, these are those of `begun` too.
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
    """ConfigError when a run that starts in the folder of a cell would replace the results of another run."""
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
    """ConfigError when the run in the cell's folder was started with other values than those in `asked`."""
    begun = read_asked(folder / ASKED_FILE)
    # A run of an older harness has not written these down. It has no random order, and the cell's own resources.
    later = [name for name in (_RESOURCES, _ORDER) if name in begun]
    _check_same(folder, begun, asked, [*(name for name in (_TESTS, _BUILD, _ENGINE) if begun), *later])
    check_choice(folder, begun, asked)


def check_choice(folder: Path, begun: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """ConfigError when the run of a cell's folder was started with another choice of tests than that in `asked`."""
    _check_same(folder, begun, asked, [name for name in (_CASES, _SHARD, _KEYWORD, _CHANGED) if name in begun])


def _check_same(folder: Path, begun: Mapping[str, Any], asked: Mapping[str, Any], names: Sequence[str]) -> None:
    if other := [name for name in names if begun.get(name) != asked[name]]:
        raise ConfigError(
            f"the run in {shown(folder)} cannot be resumed like this: it has another "
            f"{' and another '.join(_TITLES.get(name, name) for name in other)}",
            hint=f"{_as_begun(folder, begun, other)}; {_NEW_RUN}",
        )


def _as_begun(folder: Path, begun: Mapping[str, Any], other: Sequence[str]) -> str:
    """The hint how to resume the run as it was started."""
    if _OPTIONS not in begun and other != [_CASES]:
        return "resume it with the command that began it"
    line = RunOptions.here().line(["test", folder.name, f"--run-dir={shown(folder.parent)}", "--resume"])
    return f"`{line}` goes on with it as it was begun"


def check_all_resumed(run: Path, cells: Sequence[str], options: Namespace, keyword: str) -> None:
    """ConfigError, before any cell of the run is resumed, when one was started with another choice of tests."""
    for cell in cells if _chooses(options, keyword) else ():
        check_choice(run / cell, begun_with(run / cell), said_by(options, keyword))


def write_asked(folder: Path, asked: Mapping[str, Any], *, seconds: float = 0.0) -> None:
    """Writes `asked` into the cell's folder, with the seconds for which the run has tested before it was resumed."""
    write_atomically(folder / ASKED_FILE, json.dumps({**asked, _SECONDS: seconds}, indent=1) + "\n")


class _Cut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The contents of cut.json, which says how the modules of a run are cut. `modules` are those of a shard."""

    parts: dict[str, tuple[tuple[str, ...], ...]]
    elsewhere: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    plan: str = ""


def write_cut(folder: Path, chosen: TestSelection) -> None:
    """Writes into the cell's folder how modules are cut into parts and the suite into shards, if any are."""
    if not chosen.parts and not chosen.shard:
        return
    modules = chosen.modules if chosen.shard else ()
    parts = {module: tuple(map(tuple, others)) for module, others in chosen.parts.items()}
    cut = _Cut(parts=parts, elsewhere=tuple(chosen.elsewhere), modules=modules, plan=chosen.plan)
    (folder / PARTS_FOLDER).mkdir(exist_ok=True)
    write_atomically(folder / PARTS_FOLDER / _CUT_FILE, encode_json(cut) + "\n")


def read_cut(folder: Path, chosen: TestSelection) -> TestSelection:
    """The selection, cut in the same way as at the start of the run in the cell's folder. Durations that were recorded
    since then do not matter.
    """
    with contextlib.suppress(OSError, ValueError):
        cut = decode_json((folder / PARTS_FOLDER / _CUT_FILE).read_bytes(), _Cut)
        modules = cut.modules or chosen.modules
        return dataclasses.replace(chosen, parts=cut.parts, elsewhere=cut.elsewhere, modules=modules, plan=cut.plan)
    return chosen


def write_asked_of_cells(run: Path, cells: Sequence[str], options: Namespace, keyword: str) -> None:
    """Writes into the run's folder the options with which its cells start. A cell that the run does not reach is
    resumed with these.
    """
    asked = said_by(options, keyword)
    make_folder(run)
    of_cells = read_asked(run / ASKED_FILE) | dict.fromkeys(cells, asked)
    write_atomically(run / ASKED_FILE, json.dumps(of_cells, indent=1) + "\n")


def seconds_before(folder: Path) -> float:
    """The seconds for which a run in the folder of a cell has tested. For a run that was killed they end with its last
    record.
    """
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return float(json.loads((folder / RESULTS_FILE).read_bytes())["run"]["seconds"])
    with contextlib.suppress(OSError, ValueError, TypeError):
        began = (folder / ASKED_FILE).stat().st_mtime
        records = [*(folder / "modules").glob("[!.]*.json"), *(folder / PARTS_FOLDER).glob("*/[!.]*.json")]
        ends = [path.stat().st_mtime for path in records]
        return float(read_asked(folder / ASKED_FILE).get(_SECONDS, 0)) + max(0.0, max(ends, default=began) - began)
    return 0.0


def as_begun(options: Namespace, keyword: Keyword, folder: Path) -> tuple[Namespace, Keyword]:
    """The options and the `-k`, completed by those with which the run in the cell's folder was started. They are
    printed if any was added.
    """
    given = as_arguments(options)
    options, expression = completed(options, keyword.expression, begun_with(folder))
    taken = [word for word in as_arguments(options) if word not in given]
    taken += ["-k", expression] if expression != keyword.expression else []
    if taken:
        print(f"as it was begun: {shlex.join(taken)}")
    return options, dataclasses.replace(keyword, expression=expression)


def run_folder_for(options: Namespace) -> Path | None:
    """The run folder that the options name; None for a new one. ConfigError for one that must not be written to."""
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
