"""`embed`: what CPython's tree shows its users of a build for Emscripten, tried with a cell's build."""

from __future__ import annotations

import argparse

from harness.run.options import BUILD_OPTIONS, RUN_DIR
from harness.run.prepare import BuildRequest


def add_embed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cell")
    for option in (*BUILD_OPTIONS, RUN_DIR):
        option.add(parser.add_argument)
    parser.add_argument(
        "--readme", default="", metavar="FILE", help="take the snippets of this README, not of the tree's own"
    )


def run_embed(options: argparse.Namespace) -> int:
    """Runs the snippets and python.sh, and prints what is expected of each and what was seen."""
    from harness.examples.embed import embed  # noqa: PLC0415 - each command loads only its own

    text, status = embed(options.cell, BuildRequest.of(options), options.run_dir, options.readme)
    print(text)
    return status
