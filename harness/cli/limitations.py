"""The commands about documented limitations: probes, the account of skips, the native reference, the audit."""

from __future__ import annotations

import argparse
import os
from typing import Any

from harness.errors import EXIT_OK
from harness.run.options import BUILD_OPTIONS, RUN_DIR


def add_limitation_commands(commands: Any) -> None:
    """Declares them; `commands` are argparse's subparsers."""
    probing = commands.add_parser("probe", help="hold the documented limitations against what a cell's build does")
    probing.add_argument("cell", nargs="+")
    for option in (*BUILD_OPTIONS, RUN_DIR):
        option.add(probing.add_argument)
    probing.set_defaults(run=probe)

    referring = commands.add_parser("native", help="run the suite of a cell on its native build Python, for reference")
    _add_modules(referring)
    referring.set_defaults(run=native)

    accounting = commands.add_parser("skips", help="what explains the skips of a run: limitations, circumstances")
    accounting.add_argument("results", nargs="+", help="a results.json")
    accounting.add_argument("--all", action="store_true", help="every reason that nothing explains")
    accounting.set_defaults(run=skips)

    auditing = commands.add_parser("audit-skips", help="run what the suite skips on a cell, its gates forced open")
    _add_modules(auditing)
    auditing.add_argument("--results", default="", metavar="FILE", help="a run's results.json (default: the latest)")
    auditing.set_defaults(run=audit_skips)


def _add_modules(parser: argparse.ArgumentParser) -> None:
    """The arguments of what runs some modules of one cell."""
    parser.add_argument("cell")
    parser.add_argument("module", nargs="*", help="only these modules")
    parser.add_argument("-n", "--workers", type=int, default=os.cpu_count() or 1)
    for option in BUILD_OPTIONS:
        option.add(parser.add_argument)


def probe(options: argparse.Namespace, rest: list[str]) -> int:
    """Runs the probes of the cells and prints what is documented beside what was observed, all cells side by side."""
    from harness.diagnostics.probe import probe_cells  # noqa: PLC0415
    from harness.run.prepare import BuildRequest  # noqa: PLC0415

    print(probe_cells(options.cell, BuildRequest.of(options), options.run_dir, say=_say))
    return EXIT_OK


def native(options: argparse.Namespace, rest: list[str]) -> int:
    """Runs what is not known yet of the native reference and counts its outcomes."""
    from harness.diagnostics.native_suite import refer  # noqa: PLC0415
    from harness.run.prepare import BuildRequest  # noqa: PLC0415

    print(refer(options.cell, BuildRequest.of(options), options.module, options.workers, say=_say))
    return EXIT_OK


def skips(options: argparse.Namespace, rest: list[str]) -> int:
    """Prints the account of the skips of each results.json."""
    from harness.limitations.skip_account import account_pages  # noqa: PLC0415

    print("\n\n".join(account_pages(options.results, every=options.all)))
    return EXIT_OK


def audit_skips(options: argparse.Namespace, rest: list[str]) -> int:
    """Runs what the results of a cell have as skipped because of the platform, and prints what passes now."""
    from harness.diagnostics.skip_audit import audit_cell  # noqa: PLC0415
    from harness.run.prepare import BuildRequest  # noqa: PLC0415

    wishes = BuildRequest.of(options)
    print(audit_cell(options.cell, wishes, options.results, options.module, options.workers, say=_say))
    return EXIT_OK


def _say(line: str) -> None:
    print(line, flush=True)
