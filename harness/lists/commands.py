"""The commands that keep the lists: `python -m harness lint`, `update` and `export`."""

from __future__ import annotations

import argparse
from typing import Any

from harness.errors import EXIT_OK, ConfigError


def add_commands(commands: Any) -> None:
    """Adds their parsers to those of `python -m harness`."""
    linting = commands.add_parser("lint", help="check the expectation lists against every cell and the suite")
    _add_folders(linting)
    linting.set_defaults(run=lint)


def _add_folders(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lists", default="", metavar="DIR", help="the lists (default: expected_failures/)")
    parser.add_argument("--reports", default="", metavar="DIR", help="the runs that know the suite (default: reports/)")


def lint(options: argparse.Namespace, rest: list[str]) -> int:  # noqa: ARG001 - as every command
    """Prints whence the ids are known; ConfigError with every problem of every list."""
    from harness.lists.lint import lint as find_problems  # noqa: PLC0415
    from harness.lists.rooms import open_rooms  # noqa: PLC0415

    rooms = open_rooms(options.lists, options.reports)
    suites = rooms.suites()
    problems = find_problems(rooms.lists, rooms.registry, rooms.cells, suites)
    print("\n".join(suites.notes))
    if problems or rooms.unreadable:
        raise ConfigError(
            f"{_counted(len(problems) + len(rooms.unreadable), 'problem')} in the expectation lists:",
            problems=[*problems, *rooms.unreadable],
        )
    print(f"{_counted(len(rooms.lists.entries), 'entry')}: no problem")
    return EXIT_OK


def _counted(count: int, word: str) -> str:
    plural = word[:-1] + "ies" if word.endswith("y") else word + "s"
    return f"{count:,} {word if count == 1 else plural}"
