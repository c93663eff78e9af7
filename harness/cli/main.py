"""`python -m harness COMMAND`: the table of the commands, and how errors are reported."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import errno
import importlib
import os
import signal
import sys
import textwrap
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from harness.errors import (
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_UNAVAILABLE,
    ConfigError,
    HarnessError,
    did_you_mean,
)
from harness.util.log import show_log, to_stderr, to_stdout
from harness.util.paths import shown


@dataclass(frozen=True, kw_only=True)
class Subcommand:
    """One command. For `audit-skips` with the module `limitations`, `harness.cli.limitations` has the functions
    `add_audit_skips`, which declares its arguments, and `run_audit_skips`, which returns the exit status.

    With `takes_rest` the command also gets the arguments that its parser does not know: names of cells, or options of
    pytest. With `prints_result` its standard output is data, so that messages go to standard error.
    """

    name: str
    module: str
    help: str
    takes_rest: bool = False
    prints_result: bool = False

    def function(self, verb: str) -> Callable[..., int]:
        """The function `add_...` or `run_...`. The module of the command is imported only now."""
        module = importlib.import_module(f"harness.cli.{self.module}")
        found: Callable[..., int] = getattr(module, f"{verb}_{self.name.replace('-', '_')}")
        return found


# Grouped by purpose, as `--help` shows them.
GROUPS: dict[str, tuple[Subcommand, ...]] = {
    "build and test": (
        Subcommand(
            name="test", module="test", help="build cells, run their suite, compare with the lists", takes_rest=True
        ),
        Subcommand(name="build", module="test", help="build cells", takes_rest=True),
        Subcommand(name="cells", module="cells", help="list the cells of the matrix"),
        Subcommand(name="doctor", module="diagnostics", help="what this machine has and lacks, for each cell"),
        Subcommand(name="python", module="cells", help="start the interpreter of a cell", prints_result=True),
        Subcommand(name="bundle", module="cells", help="one file of a build, to test it where there is no compiler"),
    ),
    "read results": (
        Subcommand(name="table", module="runs", help="the table over all cells of a run"),
        Subcommand(name="report", module="report", help="make every view of a run again from its results.json"),
        Subcommand(name="diff", module="diff", help="what differs between two runs, or two cells, and why"),
        Subcommand(name="merge", module="runs", help="put the shards of a run together"),
        Subcommand(name="record", module="history", help="add runs to the history"),
        Subcommand(name="history", module="history", help="what a case, or a module, has done over time on each cell"),
        Subcommand(name="site", module="site", help="a static site from the history and the newest runs"),
    ),
    "maintain the expectation lists and the pins": (
        Subcommand(name="lint", module="curation", help="check the lists against every cell and the suite"),
        Subcommand(name="update", module="curation", help="what results change in the lists"),
        Subcommand(name="export", module="curation", help="the lists in the formats of other runners"),
        Subcommand(name="import", module="curation", help="somebody else's list, compared with a run"),
        Subcommand(name="pins", module="pins", help="pin a version, find newer ones, check what origins still have"),
    ),
    "find out why": (
        Subcommand(
            name="bump",
            module="bisect",
            help="what another version of a cell's toolchain, runtime or CPython changes",
            takes_rest=True,
        ),
        Subcommand(name="bisect", module="bisect", help="the version or commit at which a case began to differ"),
        Subcommand(name="probe", module="limitations", help="try the documented limitations on a cell's build"),
        Subcommand(name="embed", module="examples", help="run the embedding snippets of CPython's own README"),
        Subcommand(name="web-example", module="examples", help="use the web example of CPython's tree in a browser"),
        Subcommand(name="skips", module="limitations", help="what explains the skips of a run"),
        Subcommand(name="audit-skips", module="limitations", help="run what the suite skips, its gates forced open"),
        Subcommand(
            name="reduce", module="crashes", help="the earlier cases that a failure needs, and a script of them"
        ),
        Subcommand(name="stack", module="crashes", help="how much of the engine's stack cases need"),
        Subcommand(
            name="stale-skips",
            module="limitations",
            help="the skip audits of several builds in one table, and the patch that lets run what passes",
            prints_result=True,
        ),
        Subcommand(name="native", module="limitations", help="run the suite on the native build Python, for reference"),
        Subcommand(
            name="oracle", module="diagnostics", help="compare the outcomes of a cell with CPython's own runner"
        ),
    ),
}
COMMANDS = {command.name: command for group in GROUPS.values() for command in group}

# Errors of the machine that may occur anywhere, even while a line is printed.
_REFUSALS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives the process's exit status (harness/errors.py lists them)."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = run_command(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output, such as `head`, has ended. The interpreter would report that once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; what was finished is kept", file=sys.stderr)
        return EXIT_INTERRUPTED
    except ModuleNotFoundError as error:
        return _report_missing(error)
    except Exception as error:  # noqa: BLE001
        return _report_unforeseen(error)
    return status


def run_command(arguments: Sequence[str]) -> int:
    """Runs the command that the first argument names. ConfigError when there is none of that name."""
    name, *others = arguments or ("",)
    if name in {"-h", "--help"}:
        print(overview(), end="")
        return EXIT_OK
    if name not in COMMANDS:
        what = f"there is no command {name!r}" if name else "no command is named"
        hint = did_you_mean(name, COMMANDS) or "`python -m harness --help` lists the commands"
        raise ConfigError(what, hint=hint)
    command = COMMANDS[name]
    parser = parser_of(command)
    options, rest = parser.parse_known_args(others)
    if rest and not command.takes_rest and not rest[0].startswith("-"):
        # A positional argument after an option. TypeError: a parser with subcommands does not support that.
        with contextlib.suppress(TypeError):
            options, rest = parser.parse_known_intermixed_args(others)
    show_log(to_stderr if command.prints_result else to_stdout)
    if rest and not command.takes_rest:
        raise ConfigError(
            f"unknown argument {rest[0]!r}{_meant(rest[0], parser)}",
            hint=f"`python -m harness {name} --help` lists the arguments",
        )
    return command.function("run")(options, rest) if command.takes_rest else command.function("run")(options)


def _meant(word: str, parser: argparse.ArgumentParser) -> str:
    """A suggestion for an option that the command does not have; empty if there is none."""
    from harness.run.options import TESTING  # noqa: PLC0415 - only a mistake needs it

    flag = word.partition("=")[0]
    actions = parser._actions  # noqa: SLF001 - argparse lists them nowhere else
    known = [option for action in actions for option in action.option_strings if option.startswith("--")]
    if near := difflib.get_close_matches(flag, known, n=1, cutoff=0.75):
        return f"; did you mean {near[0]}?"
    return ", which is an option of `test`" if flag in {option.flag for option in TESTING} else ""


class Parser(argparse.ArgumentParser):
    """argparse's parser, whose errors are reported like all others, in one line and with a hint."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(message, hint=f"`{self.prog} --help` lists the arguments")


def parser_of(command: Subcommand) -> argparse.ArgumentParser:
    """The parser of one command, with all its arguments."""
    parser = Parser(
        prog=f"python -m harness {command.name}",
        description=textwrap.fill(f"{command.help[0].upper()}{command.help[1:]}.", 100),
        allow_abbrev=False,
    )
    command.function("add")(parser)
    return parser


def overview() -> str:
    """The page of `python -m harness --help`."""
    width = max(map(len, COMMANDS))
    lines = ["usage: python -m harness COMMAND ...", "", "What of CPython works on WebAssembly."]
    for title, group in GROUPS.items():
        lines += ["", f"{title}:", *(f"  {command.name:{width}}  {command.help}" for command in group)]
    lines += ["", "`python -m harness COMMAND --help` describes one. The README has the two commands to begin with."]
    return "\n".join(lines) + "\n"


def _report_missing(error: ModuleNotFoundError) -> int:
    """Reports a missing package: the usual cause is that the environment of the harness is not activated."""
    package = (error.name or "").partition(".")[0]
    if package in {"", "harness"} | sys.stdlib_module_names:
        return _report_unforeseen(error)
    environment = Path(__file__).resolve().parents[2] / ".venv"
    hint = (
        f"`. {shown(environment / 'bin' / 'activate')}` first, or {shown(environment / 'bin' / 'python')} -m harness"
        if (environment / "bin" / "activate").is_file()
        else "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && . .venv/bin/activate"
    )
    print(f"error: {sys.executable} lacks the package {package}, which the harness needs\n  -> {hint}", file=sys.stderr)
    return EXIT_UNAVAILABLE


def _report_unforeseen(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        place = f" for {error.filename}" if error.filename else ", perhaps for what is printed"
        print(
            f"error: {error.strerror}{place}\n  -> fix that on this machine, then repeat the command", file=sys.stderr
        )
        with contextlib.suppress(OSError):
            # What could not be printed would be tried once more when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_UNAVAILABLE
    traceback.print_exception(error)
    print("internal error; please report it with the output above and the command that you gave", file=sys.stderr)
    return EXIT_INTERNAL


def _interrupt(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as every handler of a signal
    """SIGTERM ends a run as Ctrl-C does: children are stopped and results kept."""
    raise KeyboardInterrupt
