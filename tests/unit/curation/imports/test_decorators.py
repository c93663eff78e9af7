"""The skips in CPython's own tests that name WebAssembly, compared with a run and an audit of its skips."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.curation.imports.comparison import behind_gates, compare_list, render_comparison
from harness.curation.imports.decorators import read_decorators
from harness.curation.imports.formats import ForeignEntry
from harness.errors import ConfigError
from harness.matrix.cells import Cell
from harness.results.outcomes import CaseResult, ModuleResult, Outcome
from tests.unit.sample_cells import EMSCRIPTEN, WASI

TESTS = """
import sys, unittest
from test import support
from test.support import is_wasi, is_emscripten, Py_DEBUG

class Base:
    @unittest.skipIf(is_wasi, "no dup()")
    def test_dup(self): ...

    @unittest.skipIf(support.is_emscripten or support.is_wasi, "umask is a stub")
    def test_mode(self): ...

    @unittest.skipIf(is_wasi and Py_DEBUG, "deep")
    def test_deep(self): ...

    @unittest.skipUnless(hasattr(sys, "_emscripten_info"), "only on Emscripten")
    def test_info(self): ...

    @unittest.skipUnless(not is_wasi, "not here")
    def test_unless(self): ...

    @support.skip_emscripten_stack_overflow()
    def test_overflow(self): ...

    @unittest.skipIf(sys.platform in {"emscripten", "win32"}, "no")
    def test_platform(self): ...

    @unittest.skipIf(sys.platform == "win32", "not about us")
    def test_windows(self): ...

    @support.expectedFailureIf(support.is_wasi)
    def test_expected(self): ...

    @unittest.skipIf(is_wasi, "a helper")
    def helper(self): ...

    def test_body(self):
        if is_wasi:
            self.skipTest("in the test")

class First(Base, unittest.TestCase): ...
class Second(First): ...

@unittest.skipIf(is_wasi, "no /dev/null")
class Null(unittest.TestCase):
    def test_one(self): ...

class Prepared(unittest.TestCase):
    def setUp(self):
        if support.is_wasi:
            raise unittest.SkipTest("nothing here")
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tests = tmp_path / "Lib" / "test"
    (tests / "libregrtest").mkdir(parents=True)
    (tests / "test_pkg").mkdir()
    (tests / "test_a.py").write_text(TESTS)
    (tests / "test_pkg" / "test_b.py").write_text("if is_emscripten or is_wasi:\n    raise unittest.SkipTest('x')\n")
    (tests / "bad_wasi.py").write_text("def wasi(:\n")
    (tests / "test_other.py").write_text("@unittest.skip('no reason')\nclass A: ...\n")
    return tmp_path


def left_out(tree: Path, cell: Cell) -> set[str]:
    """What the tests leave out, by the last of the subclasses."""
    found = read_decorators(tree, cell, ("test.test_a", "test.test_pkg"))
    return {entry.names[-1].removeprefix("test.") for entry in found.entries}


def test_what_holds_in_the_cell_is_left_out_there(tree: Path) -> None:
    both = {"test_a.Second.test_mode", "test_pkg.test_b"}
    of_wasi = {"test_dup", "test_unless", "test_expected", "test_body"}
    # Only the interpreter knows whether it has `sys._emscripten_info`.
    maybe = {"test_a.Second.test_info"}
    wasi = both | maybe | {f"test_a.Second.{name}" for name in of_wasi} | {"test_a.Null", "test_a.Prepared"}
    assert left_out(tree, WASI) == wasi
    assert left_out(tree, dataclasses.replace(WASI, pydebug=True)) == wasi | {"test_a.Second.test_deep"}
    own = {"test_a.Second.test_overflow", "test_a.Second.test_platform"}
    assert left_out(tree, EMSCRIPTEN) == both | maybe | own


def test_a_decorated_method_is_that_of_every_class_that_inherits_it(tree: Path) -> None:
    found = read_decorators(tree / "Lib" / "test", WASI, ("test.test_a",))
    (entry,) = (entry for entry in found.entries if "no dup()" in entry.why)
    assert entry == ForeignEntry(
        module="test.test_a",
        names=("test.test_a.Base.test_dup", "test.test_a.First.test_dup", "test.test_a.Second.test_dup"),
        why="@unittest.skipIf(is_wasi, 'no dup()')",
    )
    assert entry.matches("test.test_a.First.test_dup")
    assert not entry.matches("test.test_a.First.test_dup2")


def test_a_folder_without_tests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no tests of CPython"):
        read_decorators(tmp_path, WASI, ())


def run_of(**outcomes: Outcome) -> tuple[ModuleResult, ...]:
    cases = tuple(CaseResult(case=f"test.test_a.First.{name}", outcome=outcome) for name, outcome in outcomes.items())
    return (ModuleResult(module="test_a", outcome=Outcome.PASS, seconds=1.0, attempts=1, complete=True, cases=cases),)


def test_a_skip_says_nothing_until_an_audit_has_run_the_case(tree: Path) -> None:
    foreign = read_decorators(tree, WASI, ("test.test_a",))
    modules = run_of(test_dup=Outcome.SKIP, test_mode=Outcome.PASS, test_body=Outcome.SKIP, test_new=Outcome.FAIL)

    def kinds(forced: dict[str, Outcome]) -> dict[str, tuple[bool, bool]]:
        found = compare_list(foreign, "wasi", behind_gates(modules, forced), skips_are_good=False)
        named = {finding.entry.names[-1].rpartition(".")[2]: finding for finding in found.findings}
        assert found.missing == {"test.test_a": ("test.test_a.First.test_new",)}
        return {name: (named[name].is_stale, named[name].is_unknown) for name in ("test_dup", "test_mode", "test_body")}

    assert kinds({}) == {"test_dup": (False, True), "test_mode": (True, False), "test_body": (False, True)}
    seen = {
        "test.test_a.First.test_dup": Outcome.PASS,
        "test.test_a.First.test_body": Outcome.ERROR,
    }
    (module,) = behind_gates(modules, {**seen, "test.test_a.Null.test_one": Outcome.PASS})
    assert module.cases[-1].case == "test.test_a.Null.test_one"
    found = compare_list(foreign, "wasi", behind_gates(modules, seen), skips_are_good=False)
    named = {finding.entry.names[-1].rpartition(".")[2]: finding for finding in found.findings}
    assert (named["test_dup"].is_stale, named["test_body"].is_stale) == (True, False)
    assert named["test_body"].bad == ("test.test_a.First.test_body",)
    page = render_comparison(found)
    assert "  test.test_a.Base.test_dup, test.test_a.First.test_dup" in page
    assert "(@unittest.skipIf(is_wasi, 'no dup()')): 1 case\n" in page
