"""The table of commands, and how an error is shown."""

from __future__ import annotations

import argparse
import importlib
import sys

import pytest

from harness.cli import limitations, main
from harness.errors import EXIT_CONFIG, EXIT_INTERNAL, EXIT_UNAVAILABLE


def test_a_package_that_this_python_lacks_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {name!r}", name="tomli._parser")

    monkeypatch.setattr(importlib, "import_module", without)
    assert main.main(["cells"]) == EXIT_UNAVAILABLE
    said = capsys.readouterr().err
    assert said.startswith(f"error: {sys.executable} lacks the package tomli")
    assert "bin/activate" in said
    assert "Traceback" not in said


def test_a_module_of_the_harness_that_is_missing_is_its_own_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {name!r}", name="harness.cli.cells")

    monkeypatch.setattr(importlib, "import_module", without)
    assert main.main(["cells"]) == EXIT_INTERNAL
    assert "internal error" in capsys.readouterr().err


def test_only_what_hands_words_on_takes_words_that_it_does_not_know() -> None:
    assert {name for name, command in main.COMMANDS.items() if command.takes_rest} == {"test", "build", "bump"}


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["doctor", "--ofline"], "'--ofline'; did you mean --offline?\n"),
        (["doctor", "wasi", "--toolchain=/sdk"], "'--toolchain=/sdk', which is an option of `test`\n"),
        (["doctor", "--bogus"], "'--bogus'\n"),
    ],
)
def test_an_option_that_a_command_does_not_have_may_be_another_or_of_test(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(words) == EXIT_CONFIG
    assert f"unknown argument {meant}" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["table", "--bogus"], ["table", "RUN", "other"], ["cells", "--bogus"]])
def test_a_word_that_a_command_does_not_know_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(words) == EXIT_CONFIG
    assert f"unknown argument {words[-1]!r}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says", "program"),
    [
        (["cells", "-t"], "argument -t/--tag: expected one argument", "cells"),
        (["diff", "a"], "the following arguments are required: RUN_B", "diff"),
        (["import", "pyodide"], "the following arguments are required: FILE, RESULTS", "import pyodide"),
    ],
)
def test_what_argparse_refuses_is_an_error_like_others(
    words: list[str], says: str, program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(words) == EXIT_CONFIG
    hint = f"`python -m harness {program} --help` lists the arguments"
    assert capsys.readouterr().err == f"error: {says}\n  -> {hint}\n"


def test_a_word_may_follow_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def audited(options: argparse.Namespace) -> int:
        asked.append((options.cell, options.results, options.module))
        return 0

    monkeypatch.setattr(limitations, "run_audit_skips", audited)
    assert main.main(["audit-skips", "wasi", "--results", "R", "test_posix"]) == 0
    assert asked == [("wasi", "R", ["test_posix"])]
