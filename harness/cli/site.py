"""`site`: a static site from the history and the newest runs."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from harness.cli.history import default_file
from harness.errors import EXIT_OK
from harness.expectations.files import load_expectations
from harness.history.database import opened
from harness.history.store import Store
from harness.limitations.registry import REGISTRY_FILE, load_registry
from harness.project import project_root
from harness.site.read import read_site
from harness.site.write import check_folder, write_site
from harness.util.paths import shown


def add_site(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--into", type=Path, required=True, metavar="DIR", help="the folder of the site; a site in it is replaced")
    add("--history", type=Path, metavar="FILE", help="the history (default: reports/history.sqlite)")
    add("--reports", type=Path, metavar="DIR", help="where the folders of the newest runs are (default: reports)")


def run_site(options: argparse.Namespace) -> int:
    """Writes the site. ConfigError when there is no history, or DIR holds something else."""
    check_folder(options.into)
    root = project_root()
    lists = root / "expected_failures"
    registry = load_registry(lists / REGISTRY_FILE)
    with opened(options.history or default_file(), write=False) as connection:
        site = read_site(
            Store(connection),
            options.reports or root / "reports",
            registry=registry,
            expectations=load_expectations(lists, registry),
            made=datetime.now(UTC),
        )
    written = write_site(site, options.into.absolute())
    print(
        f"{len(site.cells)} cells and {len(site.cases):,} cases in {shown(options.into.absolute() / 'index.html')}: "
        f"{written.files:,} files, {written.bytes / 1e6:,.1f} MB, largest page {written.largest_page / 1e3:,.0f} kB"
    )
    return EXIT_OK
