"""docs/commands.md: every command with its arguments, as the parsers have them.

`python -m harness.cli.reference` prints the page; a unit test compares it with the file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from harness.cli.main import GROUPS, parser_of

_INTRODUCTION = """\
# Commands

Every command of `python -m harness`, by what a person wants to do. [everyday.md](everyday.md) shows the usual ones in
use. This page is made from the parsers: `python -m harness.cli.reference > docs/commands.md`.

Each cell of the matrix has these nox sessions, which do the same as the commands; what follows `--` is given to them.
Only cells of Emscripten have `embed` and `web-example`.

| session | command |
|---|---|
| `test-<cell>` | `python -m harness test <cell>` |
| `build-<cell>` | `python -m harness build <cell>` |
| `probe-<cell>` | `python -m harness probe <cell>` |
| `embed-<cell>` | `python -m harness embed <cell>` |
| `web-example-<cell>` | `python -m harness web-example <cell>` |
| `audit-skips-<cell>` | `python -m harness audit-skips <cell>` |

Further sessions: `tests`, `lint`, `docs`, `mutants` and `bench` for the harness itself; `doctor`, `table`, `report`,
`lint-expectations` and `update-expectations`, which are commands of that name, or of its first word.
"""


def commands_page() -> str:
    """The text of docs/commands.md."""
    parts = [_INTRODUCTION]
    for title, group in GROUPS.items():
        parts.append(f"## {title[0].upper()}{title[1:]}\n")
        for command in group:
            parser = parser_of(command)
            parts += [f"### {command.name}\n", f"{command.help[0].upper()}{command.help[1:]}.\n"]
            parts.append(f"    {parser.usage or _usage(parser, command.name)}\n")
            parts += _arguments(parser, f"python -m harness {command.name}")
    return "\n".join(parts)


def _usage(parser: argparse.ArgumentParser, name: str) -> str:
    """How a command is called whose parser leaves that to argparse, which would break it at the terminal's width."""
    actions = [action for action in parser._actions if action.dest != "help"]  # noqa: SLF001 - there is no other way
    words = ["[options]"] if any(action.option_strings for action in actions) else []
    for action in actions:
        if not action.option_strings:
            word = _spelled(action).replace("\\|", "|")
            words.append(f"[{word}]" if action.nargs in {"?", "*"} else word)
            words += ["..."] if isinstance(action, argparse._SubParsersAction) else []  # noqa: SLF001
    return " ".join(["python -m harness", name, *words])


def _arguments(parser: argparse.ArgumentParser, program: str) -> Iterator[str]:
    """The arguments as a table; those of a command's own commands below their names."""
    actions = [action for action in parser._actions if action.dest != "help"]  # noqa: SLF001 - there is no other way
    plain = [action for action in actions if not isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    rows = []
    for action in plain:
        text = action.help or ""
        if text != argparse.SUPPRESS:
            text = text % {**vars(action), "prog": ""} if "%" in text else text
            rows.append(f"| `{_spelled(action)}` | {_cell(text)} |")
    if rows:
        yield "\n".join(["| | |", "|---|---|", *rows, ""])
    for action in actions:
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001
            for name, below in action.choices.items():
                yield f"`{program} {name}`: {_cell(helps.get(name, ''))}\n"
                yield from _arguments(below, f"{program} {name}")


def _spelled(action: argparse.Action) -> str:
    """The argument as it is written: `-n N, --jobs N`, or `CELL ...`."""
    metavar = action.metavar or (action.choices and "|".join(map(str, action.choices))) or action.dest.upper()
    value = metavar if isinstance(metavar, str) else " ".join(metavar)
    if not action.option_strings:
        return f"{value} ..." if action.nargs in {"*", "+"} and "..." not in value else value
    takes = "" if action.nargs == 0 else f" {value}"
    return ", ".join(f"{option}{takes}" for option in action.option_strings).replace("|", "\\|")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(commands_page())
