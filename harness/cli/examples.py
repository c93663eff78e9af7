"""`embed` and `web-example`: what CPython's tree shows the users of its Emscripten builds, tried with a cell's."""

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


def add_web_example(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cell")
    for option in (*BUILD_OPTIONS, RUN_DIR):
        option.add(parser.add_argument)
    parser.add_argument(
        "--browser",
        default="",
        metavar="PROGRAM",
        help="the Chromium to use, or `system` for the one on PATH (default: the cell's own, or else the pinned one)",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PART",
        help="try this part only; the screenshots are named after the parts. May be given several times",
    )


def run_web_example(options: argparse.Namespace) -> int:
    """Uses the page in a browser, and prints what is expected of each of its parts and what was seen."""
    from harness.examples.web_example import web_example  # noqa: PLC0415

    text, status = web_example(options.cell, BuildRequest.of(options), options.run_dir, options.browser, options.only)
    print(text)
    return status
