"""`diff`: what differs between two runs, or two cells, and why."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from harness.errors import EXIT_OK, EXIT_UNEXPECTED, ConfigError
from harness.report.diff_text import differences_json, render_differences
from harness.results.cell_results import load_results
from harness.results.diff import CellDiff, diff_cells, wrong_only
from harness.results.run_folder import results_in
from harness.results.stack_needs import grown, load_needs
from harness.targets import Engine
from harness.util.paths import shown
from harness.util.text import counted


def add_diff(parser: argparse.ArgumentParser) -> None:
    parser.description = "What differs between two runs, or two cells, and why. The status is 1 when any case differs."
    where = "a run's folder, a cell's in it, or a results.json"
    parser.add_argument("before", type=Path, metavar="RUN_A", help=where)
    parser.add_argument("after", type=Path, metavar="RUN_B", help="the same")
    parser.add_argument("--json", action="store_true", help="every change, as JSON")
    parser.add_argument("--all", action="store_true", help="name every case")
    parser.add_argument(
        "--only-in",
        choices=("browsers", "node"),
        help="of a cell under Node and one in a browser: only cases that are wrong in this one and not in the other",
    )


def run_diff(options: argparse.Namespace) -> int:
    """Prints what differs. 0 when no case does, 1 when any does."""
    before = {path.parent.name: path for path in results_in(options.before)}
    after = {path.parent.name: path for path in results_in(options.after)}
    names = [(cell, cell) for cell in before if cell in after]
    if len(before) == len(after) == 1:
        names = [(next(iter(before)), next(iter(after)))]
    if not names:
        raise ConfigError(
            f"the two have no cell in common: {', '.join(before)}; {', '.join(after)}",
            hint="to compare two cells with each other name the folder of each",
        )
    pairs = []
    for first, second in names:
        old, new = before[first], after[second]
        titles = (first, second) if first != second else (shown(old.parent), shown(new.parent))
        results = load_results(old), load_results(new)
        pair = diff_cells(*results, names=titles)
        if options.only_in:
            pair = _only_in(pair, options.only_in, [each.cell.engine for each in results])
        was, now = load_needs(old.parent), load_needs(new.parent)
        pairs.append(dataclasses.replace(pair, stack=tuple(grown(was, now))) if was and now else pair)
    if not any(pair.compared or pair.changes for pair in pairs):
        apart = counted(sum(pair.unknown for pair in pairs), "case")
        raise ConfigError(
            f"the two have no case in common: {apart} of only one of them",
            hint="name two runs that tested the same modules",
        )
    only_before = sorted(before.keys() - {first for first, _ in names})
    only_after = sorted(after.keys() - {second for _, second in names})
    if options.json:
        print(json.dumps(differences_json(pairs, only_before, only_after), indent=1))
    else:
        print(render_differences(pairs, only_before, only_after, everything=options.all), end="")
    return EXIT_UNEXPECTED if any(pair.changes for pair in pairs) else EXIT_OK


def _only_in(pair: CellDiff, where: str, engines: Sequence[Engine]) -> CellDiff:
    """What of the pair is wrong only there. ConfigError when not one of the two ran under Node and one in a browser."""
    browsers = [engine.is_browser for engine in engines]
    if sorted(browsers) != [False, True] or Engine.NODE not in engines:
        raise ConfigError(
            f"--only-in {where} is for a cell under Node and one in a browser: "
            f"{pair.before} ran under {engines[0]}, {pair.after} under {engines[1]}",
            hint="name the folders of two cells of a run, such as emscripten-3.1.69 and emscripten-3.1.69-chromium",
        )
    return wrong_only(pair, after=browsers[1] is (where == "browsers"))
