"""What CPython's tree shows its users of a build for Emscripten, tried in real runtimes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import EXIT_OK
from harness.run.prepared import Prepared
from tests.integration.conftest import ALPHA, ALPHA_CELL
from tests.integration.guests import NEEDS_BROWSER
from tests.integration.test_own_tests import harness

pytestmark = pytest.mark.toolchain
# A folder with characters in its name that are special to shells, URLs and JavaScript.
ODD = 'it\'s "odd" #1 %20'
# CPython 3.13 has no snippets of its own: those of 3.14.
README = Path(__file__).parents[1] / "data" / "embedding.md"


def embed(cell: str, folder: Path, *options: str) -> list[dict[str, Any]]:
    """The trials of that cell, each as expected."""
    done = harness("embed", cell, "--readme", README, "--run-dir", folder, *options)
    assert done.returncode == EXIT_OK, done.stdout
    trials: list[dict[str, Any]] = json.loads((folder / cell / "embed.json").read_text())["trials"]
    return trials


def test_the_snippet_for_node_works_with_two_changes(emscripten: Prepared, tmp_path: Path) -> None:
    trials = embed("emscripten-3.1.69", tmp_path / ODD)
    assert [(trial["example"], trial.get("fails", "")) for trial in trials] == [
        ("Node snippet", "no-lib-folder"),
        ("Node snippet", "program-on-the-host"),
        ("Node snippet", ""),
        ("Node snippet, root: the library itself", "not-below-a-prefix"),
    ]
    assert "answer 42" in trials[2]["seen"]


@pytest.mark.parametrize("engine", [pytest.param(engine.value, marks=mark) for engine, mark in NEEDS_BROWSER.items()])
def test_the_snippet_for_browsers_works_with_a_stored_zip_file(
    emscripten: Prepared, tmp_path: Path, engine: str
) -> None:
    trials = embed(f"emscripten-3.1.69-{engine}", tmp_path / ODD, "--runtime", "system")
    assert [(trial["example"], trial.get("fails", "")) for trial in trials] == [
        ("browser snippet", "deflated-zip-without-zlib"),
        ("browser snippet", ""),
        ("browser snippet, cross-origin isolated", ""),
    ]


def test_a_tree_without_snippets_says_where_there_are_some(emscripten: Prepared, tmp_path: Path) -> None:
    done = harness("embed", "emscripten-3.1.69", "--run-dir", tmp_path)
    assert done.returncode == 3
    assert "the README of this CPython shows no embedding in JavaScript" in done.stdout
    assert "--readme FILE" in done.stdout


def test_the_examples_of_3_14_work_in_any_folder(alpha: Prepared, tmp_path: Path) -> None:
    done = harness("embed", ALPHA_CELL, "--cpython", ALPHA, "--run-dir", tmp_path / ODD)
    assert done.returncode == EXIT_OK, done.stdout
    assert "python.sh -i, with input                 -                     works   works" in done.stdout
