"""`probe`, `skips`, `native` and the skip audits: documented limitations, and what the suite skips for them."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from harness.errors import EXIT_OK
from harness.run.options import BUILD_OPTIONS, BUNDLE, NATIVE, RUN_DIR, one_or_more
from harness.run.prepare import BuildRequest


def add_probe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cell", nargs="+")
    for option in (*BUILD_OPTIONS, BUNDLE, RUN_DIR):
        option.add(parser.add_argument)
    parser.add_argument(
        "--on-page",
        action="store_true",
        help="in a browser: on the page's own thread, which has a deeper stack than a Worker's",
    )
    parser.add_argument(
        "--web-example",
        action="store_true",
        help="in Chromium: use the web example first, for the statements about its page (see `web-example`)",
    )


def run_probe(options: argparse.Namespace) -> int:
    """Runs the probes of the cells and prints what is documented and what was observed, all cells side by side."""
    from harness.diagnostics.probe import probe_cells  # noqa: PLC0415 - each command loads only its own

    run_dir, wishes = options.run_dir, BuildRequest.of(options)
    if options.web_example:
        from harness.examples.web_example import try_for_probes  # noqa: PLC0415

        text, run_dir = try_for_probes(options.cell, wishes, run_dir)
        print(f"{text}\n")
    print(probe_cells(options.cell, wishes, run_dir, on_page=options.on_page))
    return EXIT_OK


def add_native(parser: argparse.ArgumentParser) -> None:
    _add_modules(parser)
    NATIVE.add(parser.add_argument)


def run_native(options: argparse.Namespace) -> int:
    """Runs the modules that the native reference does not have yet, and counts its outcomes."""
    from harness.diagnostics.native_suite import refer  # noqa: PLC0415

    print(refer(options.cell, BuildRequest.of(options), options.module, options.workers, options.native))
    return EXIT_OK


def add_skips(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", nargs="+", help="a run's folder, a cell's in it, or a results.json")
    parser.add_argument("--all", action="store_true", help="every reason that nothing explains")


def run_skips(options: argparse.Namespace) -> int:
    """Prints the account of the skips of each results.json."""
    from harness.limitations.skip_account import account_pages  # noqa: PLC0415

    print("\n\n".join(account_pages(options.results, every=options.all)))
    return EXIT_OK


def add_audit_skips(parser: argparse.ArgumentParser) -> None:
    _add_modules(parser)
    parser.add_argument(
        "--results",
        default="",
        metavar="RUN",
        help="a run's folder, a cell's in it, or a results.json (default: reports/latest)",
    )


def run_audit_skips(options: argparse.Namespace) -> int:
    """Runs what the results of a cell have as skipped because of the platform, and prints what passes now."""
    from harness.diagnostics.skip_audit import audit_cell  # noqa: PLC0415

    request = BuildRequest.of(options)
    print(audit_cell(options.cell, request, options.results, options.module, options.workers))
    return EXIT_OK


def add_stale_skips(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="+", metavar="RUN", help="runs, or cells of them, that audit-skips has audited")
    parser.add_argument("--all", action="store_true", help="also the reasons for which no case passes on any build")
    parser.add_argument(
        "--patch",
        default="",
        metavar="PATH",
        help="print a patch for the source tree of CPython in this folder instead: without the skips of what passes",
    )


def run_stale_skips(options: argparse.Namespace) -> int:
    """Prints the table, or the patch, and then what is to be said of it on standard error."""
    from harness.diagnostics.stale_skips import remarks_on, table_of, unskipped  # noqa: PLC0415

    if not options.patch:
        print(table_of(options.run, every=options.all))
        return EXIT_OK
    patch = unskipped(options.run, Path(options.patch))
    print(patch.text, end="")
    print(remarks_on(patch), file=sys.stderr)
    return EXIT_OK


def _add_modules(parser: argparse.ArgumentParser) -> None:
    """The arguments of what runs some modules of one cell."""
    parser.add_argument("cell")
    parser.add_argument("module", nargs="*", help="only these modules")
    parser.add_argument("-n", "--workers", type=one_or_more, default=os.cpu_count() or 1)
    for option in (*BUILD_OPTIONS, BUNDLE):
        option.add(parser.add_argument)
