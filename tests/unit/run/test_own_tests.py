"""Which modules a folder or a file of the user's own has, and the copy that guests see."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.expectations.compare import compare
from harness.expectations.entries import CellExpectations, is_own
from harness.results.outcomes import CaseResult, ModuleResult, Outcome, decode_module, encode_module
from harness.results.verdicts import Verdict
from harness.run import own_tests
from harness.run.own_tests import OwnTests, find_tests, unimportable
from harness.suite.unseen import lost_module
from tests.unit.sample_cells import WASI
from tests.unit.sample_lists import entry, load

LOADS = "def load_tests(loader, standard_tests, pattern):\n    pass\n"


def lay(folder: Path, *names: str, **texts: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts.get(name, ""))
    return folder


def test_a_folder_has_its_modules_and_packages(tmp_path: Path) -> None:
    lay(tmp_path, "test_b.py", "test_a.py", "helper.py", "other/test_c.py", "test_.txt", "data/x.bin", ".git/test_d.py")
    lay(tmp_path, "__pycache__/test_a.pyc", "test_pkg/__init__.py", "test_pkg/test_x.py", "test_empty/x.txt")
    found = find_tests(str(tmp_path))
    assert found.modules == ("test_a", "test_b", "test_pkg.test_x")
    assert "helper.py" in found.files
    assert "data/x.bin" in found.files
    assert not [name for name in found.files if ".git" in name or "__pycache__" in name]


@pytest.mark.parametrize(
    ("init", "modules"),
    [
        (None, ("test_pkg.test_inner.test_y", "test_pkg.test_x")),
        ("", ("test_pkg.test_inner.test_y", "test_pkg.test_x")),
        (LOADS, ("test_pkg",)),
        ("load_tests = None", ("test_pkg",)),
        ("from .loader import load_tests", ("test_pkg",)),
        ("# load_tests is not defined", ("test_pkg.test_inner.test_y", "test_pkg.test_x")),
        # CPython's own loader knows only the library.
        (
            "def load_tests(*args):\n    return load_package_tests(x, *args)\n",
            ("test_pkg.test_inner.test_y", "test_pkg.test_x"),
        ),
        ("class T(unittest.TestCase): pass", ("test_pkg", "test_pkg.test_inner.test_y", "test_pkg.test_x")),
    ],
)
def test_a_package_that_loads_its_tests_is_one_module(
    tmp_path: Path, init: str | None, modules: tuple[str, ...]
) -> None:
    lay(tmp_path, "test_pkg/test_x.py", "test_pkg/helper.py", "test_pkg/test_inner/test_y.py")
    if init is not None:
        (tmp_path / "test_pkg" / "__init__.py").write_text(init)
    assert find_tests(str(tmp_path)).modules == modules


def test_a_package_may_be_named_itself(tmp_path: Path) -> None:
    lay(tmp_path, "test_pkg/__init__.py", "test_pkg/test_x.py", "neighbor.py")
    found = find_tests(str(tmp_path / "test_pkg"))
    assert found.modules == ("test_pkg.test_x",)
    assert set(found.files) == {"test_pkg/__init__.py", "test_pkg/test_x.py"}
    lay(tmp_path, "tests/__init__.py", "tests/test_x.py")
    assert find_tests(str(tmp_path / "tests")).modules == ("test_x",)


def test_a_file_is_one_module_of_any_name_and_is_seen_alone(tmp_path: Path) -> None:
    lay(tmp_path, "repro.py", "other.py")
    found = find_tests(str(tmp_path / "repro.py"))
    assert (found.modules, found.files) == (("repro",), ("repro.py",))


@pytest.mark.parametrize("name", ["json.py", "test.py"])
def test_a_file_with_the_name_of_a_module_of_the_library_is_refused(tmp_path: Path, name: str) -> None:
    lay(tmp_path, name)
    with pytest.raises(ConfigError, match="would run in its place"):
        find_tests(str(tmp_path / name))


def test_what_holds_no_test_is_refused_with_its_path(tmp_path: Path) -> None:
    lay(tmp_path, "empty/helper.py", "notes.txt")
    os.mkfifo(tmp_path / "pipe.py")
    for name, why in (
        ("empty", "holds no test module"),
        ("notes.txt", "is neither a folder nor a .py file"),
        ("pipe.py", "is neither a folder nor a .py file"),
        ("nowhere/x.py", "No such file or directory"),
        ("notes.txt/x.py", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("a\0b", "embedded null"),
    ):
        with pytest.raises(ConfigError) as caught:
            find_tests(str(tmp_path / name))
        assert why in str(caught.value)
        assert str(tmp_path) in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_cannot_be_read_is_reported_with_its_path(tmp_path: Path) -> None:
    lay(tmp_path, "in/test_a.py", "in/data.txt").joinpath("in/data.txt").chmod(0)
    with pytest.raises(ConfigError, match=r"in/data\.txt: Permission denied"):
        find_tests(str(tmp_path / "in")).copied_into(tmp_path / "copy")


def test_a_refusal_of_the_system_is_reported_with_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system refuses root nothing, so that its refusal is made up."""
    lay(tmp_path, "in/test_a.py")

    def refused(path: object) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(ConfigError, match=r"--tests .*/in: Permission denied"):
        find_tests(str(tmp_path / "in"))


def test_a_folder_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, "test_a.py", "b", "c")
    monkeypatch.setattr(own_tests, "MAX_FILES", 2)
    with pytest.raises(ConfigError, match=f"{tmp_path} holds more than"):
        find_tests(str(tmp_path))


def test_the_copy_is_readable_and_whole_and_its_key_stands_for_it(tmp_path: Path) -> None:
    lay(tmp_path, "in/test_a.py", "in/data/x.txt", "outside.py")
    (tmp_path / "in" / "test_a.py").write_text("X = 1\n")
    (tmp_path / "in" / "test_a.py").chmod(0o400)
    (tmp_path / "in" / "test_link.py").symlink_to(tmp_path / "outside.py")
    (tmp_path / "in" / "round").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "test_dead.py").symlink_to("nowhere")
    found = find_tests(str(tmp_path / "in"))
    assert found.modules == ("test_a", "test_link")
    lay(tmp_path, "copy/left.py")
    copy = found.copied_into(tmp_path / "copy")
    assert {path.relative_to(tmp_path / "copy").as_posix() for path in (tmp_path / "copy").rglob("*")} == {
        "data",
        "data/x.txt",
        "test_a.py",
        "test_link.py",
    }
    assert not (tmp_path / "copy" / "test_link.py").is_symlink()
    assert (tmp_path / "copy" / "test_a.py").stat().st_mode & 0o777 == 0o644
    assert copy.key == found.key
    assert OwnTests.from_json(copy.to_json()) == copy
    assert copy.sizes() == {"test_a": 6, "test_link": 0}
    (tmp_path / "outside.py").write_text("changed")
    assert find_tests(str(tmp_path / "in")).key != copy.key


def test_a_name_that_no_import_can_have_is_an_error_of_the_module() -> None:
    assert unimportable("test_a.test_b") is None
    found = unimportable("test_a-b")
    assert found
    assert (found.outcome, found.own) == (Outcome.ERROR, True)
    assert "rename the file" in found.cases[0].detail.message


# What the ids of own tests mean elsewhere.

A = "test_mine.T.test_a"


def result(outcome: Outcome = Outcome.FAIL) -> ModuleResult:
    cases = (CaseResult(case=A, outcome=outcome),)
    return ModuleResult(
        module="test_mine", outcome=outcome, seconds=1, attempts=1, complete=True, cases=cases, own=True
    )


def listed(folder: Path, *tests: str) -> CellExpectations:
    return load(folder, "".join(entry(tests=f'["{test}"]', outcome='"fail"') for test in tests)).for_cell(WASI)


def test_an_entry_by_id_holds_for_own_tests(tmp_path: Path) -> None:
    expectations = listed(tmp_path, A, "test_mine.T.test_gone")
    found = {row.case: row.verdict for row in compare([result()], expectations).rows}
    assert found == {A: Verdict.KNOWN, "test_mine.T.test_gone": Verdict.MISSING}


def test_the_suite_s_module_of_that_name_is_another_one(tmp_path: Path) -> None:
    expectations = listed(tmp_path, "test.test_mine.T.test_a")
    assert {row.case: row.verdict for row in compare([result()], expectations).rows} == {A: Verdict.REGRESSION}


def test_a_whole_suite_does_not_miss_the_entries_of_own_tests(tmp_path: Path) -> None:
    expectations = listed(tmp_path, A, "test_mine.T.*", "helper.T.test_a")
    rows = compare([], expectations, complete=True).rows
    assert [row.case for row in rows] == ["helper.T.test_a"]


@pytest.mark.parametrize(
    ("test", "own"),
    [
        (A, True),
        ("setUpClass (test_mine.T)", True),
        ("test_mine.T.*", True),
        ("test.test_mine.T.test_a", False),
        ("doctest.DebugRunner", False),
        ("test_doctest_txt", False),
    ],
)
def test_ids_of_own_tests_are_known_by_their_form(test: str, own: bool) -> None:
    assert is_own(test) is own


def test_a_lost_module_of_own_tests_has_its_own_name() -> None:
    lost = lost_module("test_mine", "no engine", own=True)
    assert lost.cases[0].case == "test_mine"
    assert decode_module("test_mine", encode_module(lost)).own
