"""`diff`: what differs between two runs, or two cells, and why."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from harness.errors import EXIT_OK, EXIT_UNEXPECTED, ConfigError
from harness.report.diff_text import differences_json, render_differences
from harness.results.cell_results import load_results
from harness.results.diff import diff_cells
from harness.results.run_folder import results_in
from harness.results.stack_needs import grown, load_needs
from harness.util.paths import shown
from harness.util.text import counted


def add_diff(parser: argparse.ArgumentParser) -> None:
    parser.description = "What differs between two runs, or two cells, and why. The status is 1 when any case differs."
    where = "a run's folder, a cell's in it, or a results.json"
    parser.add_argument("before", type=Path, metavar="RUN_A", help=where)
    parser.add_argument("after", type=Path, metavar="RUN_B", help="the same")
    parser.add_argument("--json", action="store_true", help="every change, as JSON")
    parser.add_argument("--all", action="store_true", help="name every case")


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
        pair = diff_cells(load_results(old), load_results(new), names=titles)
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
