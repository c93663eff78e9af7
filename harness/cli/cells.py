"""`cells`, `python` and `bundle`: what the cells are, and what is made from one of them."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

from harness.errors import EXIT_OK, ConfigError
from harness.matrix.load import load_configuration
from harness.run.options import BUILD_OPTIONS
from harness.util.hashing import file_sha256
from harness.util.paths import shown

logger = logging.getLogger(__name__)


def add_cells(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cell", nargs="*", help="only these (default: all)")
    parser.add_argument("-t", "--tag", action="append", default=[], help="only cells with this tag; may be repeated")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("-l", "--long", action="store_true", help="every field, and why a broken cell is broken")
    form.add_argument("--json", action="store_true", help="every field, as JSON")
    form.add_argument("--github", action="store_true", help="for $GITHUB_OUTPUT: the jobs that build and test them")
    parser.add_argument("--shards", type=int, metavar="N", help="with --github: cut each suite into N jobs")


def run_cells(options: argparse.Namespace) -> int:
    """Prints the cells, one a line, with every field, as JSON, or as the jobs of a workflow."""
    if options.shards is not None and not options.github:
        raise ConfigError("--shards cuts the jobs of --github", hint="add --github, or leave --shards out")
    if options.github:
        from harness.cli.github import job_outputs  # noqa: PLC0415 - the list of the cells needs no build's key

        matrix, pins = load_configuration()
        selection = matrix.selection(ids=options.cell, tags=options.tag)
        print(job_outputs(selection.cells, pins, 1 if options.shards is None else options.shards), end="")
        return EXIT_OK
    matrix, pins = load_configuration()
    some = options.cell or options.tag
    selected = matrix.select(ids=options.cell, tags=options.tag) if some else matrix.declared
    if options.json:
        print(json.dumps([cell.to_json() for cell in selected], indent=1))
        return EXIT_OK
    width = max(len(cell.id) for cell in selected)
    for cell in selected:
        lacks = [lack if options.long else lack.message for lack in pins.lacking_for(cell)]
        marks = [f"broken: {cell.broken}" if options.long else "broken"] if cell.broken else []
        print("  ".join([f"{cell.id:{width}}", cell.description, *(f"[{mark}]" for mark in [*marks, *lacks])]))
        if options.long:
            fields = {key: value for key, value in cell.to_json().items() if key not in _IN_THE_LINE}
            print(f"{'':{width}}  {' '.join(f'{key}={_short(value)}' for key, value in fields.items())}")
    return EXIT_OK


_IN_THE_LINE = frozenset({"id", "description", "broken"})


def _short(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def add_python(parser: argparse.ArgumentParser) -> None:
    parser.usage = "python -m harness python [options] CELL [python's arguments]"
    parser.description = (
        "Start the interpreter as the suite's guests are run: it sees the build, the script's folder as /here, and "
        "may write to /scratch, which is gone afterwards."
    )
    for option in BUILD_OPTIONS:
        option.add(parser.add_argument)
    parser.add_argument("cell")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="-c CODE, -m MODULE or a script, as for python")


def run_python(options: argparse.Namespace) -> int:
    """Starts the cell's interpreter under its engine; the harness's own messages go to standard error."""
    from harness.run import interpreter  # noqa: PLC0415 - `cells` does without, and starts sooner
    from harness.run.prepare import BuildRequest, prepare  # noqa: PLC0415

    prepared = prepare(options.cell, BuildRequest.of(options))
    ending, status = interpreter.run_interpreter(prepared, options.arguments, sys.stdout.buffer)
    if ending.reason:
        logger.info("%s: %s: %s", options.cell, ending.ending, ending.reason)
    return status


def add_bundle(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cell")
    goal = parser.add_mutually_exclusive_group()
    goal.add_argument("--into", type=Path, default=Path(), metavar="DIR", help="its folder (default: the current one)")
    goal.add_argument("--output", type=Path, metavar="FILE", help="the file itself")
    for option in BUILD_OPTIONS:
        option.add(parser.add_argument)


def run_bundle(options: argparse.Namespace) -> int:
    """Writes the bundle of a cell, which is built first unless it is there."""
    from harness.bundles.index import check_is_build_of  # noqa: PLC0415 - as above
    from harness.bundles.pack import pack  # noqa: PLC0415
    from harness.run.prepare import BuildRequest, prepare  # noqa: PLC0415

    if options.output and options.output.is_dir():
        raise ConfigError(f"--output {options.output} is a folder", hint="name a file, or give the folder to --into")
    prepared = prepare(options.cell, BuildRequest.of(options))
    check_is_build_of(prepared.build.manifest, prepared.cell, str(prepared.build.folder))
    output = options.output or options.into / f"{prepared.build.folder.name}.bundle.tar.gz"
    index = pack(prepared, output)
    print(f"bundle: {shown(output.absolute())}, {output.stat().st_size >> 20} MiB, {len(index.files)} files")
    print(f"sha256: {file_sha256(output)}")
    return EXIT_OK
