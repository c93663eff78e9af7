"""What an error says to the user."""

from __future__ import annotations

import pytest

from harness import errors
from harness.cli.main import main
from harness.errors import (
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    ConfigError,
    HarnessError,
    Problem,
    did_you_mean,
)


def test_an_error_reads_as_its_message_and_what_to_do() -> None:
    assert str(HarnessError("no build", hint="run build-wasi")) == "no build\n  -> run build-wasi"
    assert str(HarnessError("no build")) == "no build"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ConfigError, 2),
        (errors.UnavailableError, 3),
        (errors.BuildError, 4),
        (errors.HarnessError, 5),
    ],
)
def test_every_kind_has_the_documented_exit_code(kind: type[HarnessError], code: int) -> None:
    assert kind.exit_code == code


def test_problems_are_reported_once_in_the_order_of_their_places() -> None:
    late = Problem(file="b.toml", line=3, key="cell.id", message="is wrong", suggestion="did you mean 'wasi'?")
    early = Problem(file="a.toml", message="cannot be read")
    error = ConfigError("mistakes:", problems=[late, early, late], hint="fix them")
    assert error.problems == (early, late)
    assert str(error).splitlines() == [
        "mistakes:",
        "  a.toml: cannot be read",
        "  b.toml:3: cell.id: is wrong (did you mean 'wasi'?)",
        "  -> fix them",
    ]


def test_the_nearest_name_is_offered_else_all_of_a_few() -> None:
    assert did_you_mean("wsai", ["wasi", "emscripten"]) == "did you mean 'wasi'?"
    assert did_you_mean("jvm", ["wasi", "emscripten"]) == "allowed: emscripten, wasi"
    assert did_you_mean("test_jsn", ["test_json", "test_bool"]) == "did you mean 'test_json'?"
    assert did_you_mean("test_posix", ["test_bool"]) == "allowed: test_bool"
    assert did_you_mean("wasi", ["wasmtime", "wasi-sdk", "node"]) == "did you mean 'wasi-sdk'?"
    assert did_you_mean("jvm", []) == ""
    assert did_you_mean("jvm", [f"test_{number}" for number in range(100)]) == ""


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ZeroDivisionError("x"), EXIT_INTERNAL, "ZeroDivisionError: x\ninternal error; please report it"),
        (KeyboardInterrupt(), EXIT_INTERRUPTED, "interrupted"),
    ],
)
def test_a_fault_of_the_harness_is_reported_as_one(
    error: BaseException, status: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("harness.cli.cells.load_configuration", fail)
    assert main(["cells"]) == status
    said = capsys.readouterr().err
    assert words in said
    assert ("internal error" in said) == (status == EXIT_INTERNAL)
