"""What `--changed` makes of a run."""

from __future__ import annotations

import argparse
import json
from argparse import Namespace
from pathlib import Path

import msgspec
import pytest

from harness.build.artifact import Build
from harness.errors import ConfigError
from harness.manifest import Manifest
from harness.results.outcomes import Outcome
from harness.run import changed
from harness.run.changed import Changes, find_changes, reached_by
from harness.run.options import TESTING
from harness.run.prepared import Prepared
from harness.run.selection import TestSelection
from harness.suite.durations import read_imports, record_imports
from tests.unit.sample_cells import WASI
from tests.unit.sample_results import case, module

SUITE = ("test_heapq", "test_json", "test_os")


def parsed(*words: str) -> Namespace:
    parser = argparse.ArgumentParser()
    for option in TESTING:
        option.add(parser.add_argument)
    return parser.parse_args(words)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cpython" / ".git").mkdir(parents=True)
    monkeypatch.setattr(changed, "commit_of", lambda _, revision: "c0ffee" if revision == "main" else "")
    monkeypatch.setattr(changed, "changed_since", lambda _, commit: ("Lib/heapq.py",) if commit == "c0ffee" else ())
    return tmp_path / "cpython"


def test_the_changes_are_those_of_the_checkout(checkout: Path) -> None:
    found = find_changes(parsed(f"--cpython={checkout}", "--changed=main"))
    assert found == Changes(revision="main", files=("Lib/heapq.py",))
    assert find_changes(parsed(f"--cpython={checkout}")) is None


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "the CPython is a release, and only a checkout has changes"),
        (["--cpython=3.13.5"], "--cpython 3.13.5 is no folder"),
        (["--cpython=git:https://example.org/cpython@main"], "is no folder"),
        (["--cpython={plain}"], "is no git checkout"),
        (["--cpython={checkout}", "--changed=mian"], "--changed mian: .* has no such revision"),
        (["--cpython={checkout}", "--shard=1/2"], "and --shard does so too"),
        (["--cpython={checkout}", "--case=test.test_os"], "and a list of modules or --case does so too"),
        (["--cpython={checkout}", "--tests=mine"], "and --tests does so too"),
    ],
)
def test_what_makes_no_sense_is_refused(checkout: Path, tmp_path: Path, words: list[str], why: str) -> None:
    given = [word.format(checkout=checkout, plain=tmp_path) for word in words]
    with pytest.raises(ConfigError, match=why) as caught:
        find_changes(parsed("--changed=main", *given))
    assert caught.value.hint


def test_an_expression_and_changes_are_two_choices(checkout: Path) -> None:
    with pytest.raises(ConfigError, match="and -k does so too"):
        find_changes(parsed(f"--cpython={checkout}", "--changed=main"), "test_json")


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    """A suite with a whole run of 3.14."""
    (tmp_path / "modules.json").write_text(json.dumps(SUITE))
    build = Build(folder=tmp_path, manifest=Manifest.from_json({"python": "3.14.0a2+"}))
    found = Prepared(cell=WASI, build=build, runtime=tmp_path, cache=tmp_path)
    imports = {"test_heapq": ("heapq.py",), "test_json": ("json/tool.py", "heapq.py"), "test_os": ("test/test_os.py",)}
    modules = [
        msgspec.structs.replace(module(name, case(f"{name}.T.a")), imports=files) for name, files in imports.items()
    ]
    found.durations.parent.mkdir()
    record_imports(found.durations, modules, "3.14.0a1")
    return found


def test_only_what_the_changes_can_reach_is_chosen_and_the_rest_is_named(prepared: Prepared) -> None:
    changes = Changes(revision="main", files=("Doc/a.rst", "Lib/heapq.py"))
    found, lines = reached_by(changes, TestSelection(modules=("test_os", "test_json", "test_heapq")), prepared)
    assert found.modules == ("test_json", "test_heapq")
    assert (found.changed, found.reached) == (
        "main",
        "2 of 3 modules, which the changes since main can reach,",
    )
    assert lines[0] == "changed since main: 2 changed files: 2 modules of 3 can be reached, 1 left out"


def test_without_a_record_of_this_cpython_all_of_it_is_tested_and_that_is_said(prepared: Prepared) -> None:
    build = Build(folder=prepared.build.folder, manifest=Manifest.from_json({"python": "3.15.0a1"}))
    other = Prepared(cell=WASI, build=build, runtime=prepared.runtime, cache=prepared.cache)
    found, lines = reached_by(Changes(revision="main", files=("Lib/heapq.py",)), TestSelection(modules=SUITE), other)
    assert found.modules == SUITE
    assert "no whole run of wasi has recorded yet what its modules import" in lines[-1]


@pytest.mark.parametrize(
    ("files", "what"),
    [((), "nothing has changed"), (("Doc/a.rst",), "1 file that no test reads: Doc/a.rst has changed")],
)
def test_where_no_test_sees_a_change_nothing_is_to_be_tested(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...], what: str
) -> None:
    monkeypatch.setattr(changed, "changed_since", lambda *_: files)
    with pytest.raises(ConfigError, match=f"nothing is to be tested: since main {what} in") as caught:
        find_changes(parsed(f"--cpython={checkout}", "--changed=main"))
    assert caught.value.hint


def test_imports_are_those_of_whole_runs_of_one_version(tmp_path: Path) -> None:
    path = tmp_path / "wasi.json"
    whole = msgspec.structs.replace(module("test_a", case("test_a.T.x")), imports=("a.py", "b.py"))
    record_imports(path, [whole], "3.13.5")
    record_imports(path, [msgspec.structs.replace(whole, imports=("c.py",), complete=False)], "3.13.7")
    assert read_imports(path, "3.13.9") == {"test_a": {"a.py", "b.py"}}
    assert read_imports(path, "3.14.0") == {}
    other = msgspec.structs.replace(whole, module="test_b", imports=("b.py",), outcome=Outcome.SKIP)
    record_imports(path, [other], "3.13.5")
    assert read_imports(path, "3.13.5") == {"test_a": {"a.py", "b.py"}, "test_b": {"b.py"}}
    record_imports(path, [other], "3.14.0")
    assert read_imports(path, "3.14.0a2+") == {"test_b": {"b.py"}}
    assert read_imports(path, "3.13.5") == {"test_a": {"a.py", "b.py"}, "test_b": {"b.py"}}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"files": [], "modules": {"a": [3]}}'])
def test_a_damaged_record_of_imports_is_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / "wasi.imports-3.13.json").write_text(text)
    assert read_imports(tmp_path / "wasi.json", "3.13.5") == {}
