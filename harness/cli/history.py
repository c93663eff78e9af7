"""`record` and `history`: what cases have done over time."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from harness.errors import EXIT_OK
from harness.history.database import opened
from harness.history.query import query_history
from harness.history.record import record_of, stacks_of
from harness.history.store import Store
from harness.history.text import render_history
from harness.project import HISTORY_FILE, project_root
from harness.results.cell_results import load_results
from harness.results.run_folder import results_in
from harness.results.stack_needs import load_needs
from harness.util.paths import shown


def default_file() -> Path:
    """Where the history is unless the user names a file."""
    return project_root() / "reports" / HISTORY_FILE


def add_record(parser: argparse.ArgumentParser) -> None:
    where = "a run's folder, a cell's in it, or a results.json"
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help=where)
    _add_file(parser)


def run_record(options: argparse.Namespace) -> int:
    """Adds the results of each run, cell by cell; what is there already stays as it is."""
    file = options.history or default_file()
    paths = [path for run in options.runs for path in results_in(run)]
    added = 0
    for number, path in enumerate(paths):
        # A name of the run's folder that is no other run's tomorrow: no link, and not as seen from the current one.
        folder, root = path.resolve().parent.parent, project_root()
        source = folder.relative_to(root) if folder.is_relative_to(root) else folder
        run = record_of(load_results(path), source=str(source))
        needs = load_needs(path.parent)
        with opened(file, write=True, checked=number > 0) as connection:
            store = Store(connection)
            is_new = store.record(run)
            if needs:
                is_new |= store.record_stacks(run, stacks_of(needs))
        added += is_new
        print(f"{shown(path.absolute().parent)}: {'recorded' if is_new else 'was recorded already'}", flush=True)
    print(f"{added:,} of {len(paths):,} results are new in {shown(file.absolute())}")
    return EXIT_OK


def add_history(parser: argparse.ArgumentParser) -> None:
    what = "a case's id, MODULE::ID, a module, or a pattern such as 'test.test_json.*'"
    parser.add_argument("case", metavar="CASE", help=what)
    parser.add_argument("--cell", default="", metavar="CELL", help="only this cell, or those that the pattern matches")
    parser.add_argument("--all", action="store_true", help="also the cases that did the same in every run")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    _add_file(parser)


def run_history(options: argparse.Namespace) -> int:
    """Prints what is known. ConfigError when there is no history, or no such case."""
    with opened(options.history or default_file(), write=False) as connection:
        answer = query_history(Store(connection), options.case, options.cell)
    if options.json:
        print(json.dumps(answer.to_json(), indent=1))
    else:
        print(render_history(answer, everything=options.all), end="")
    return EXIT_OK


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--history", type=Path, default=None, metavar="FILE", help="the history (default: reports/history.sqlite)"
    )
