"""Somebody else's list compared with a run."""

from __future__ import annotations

from harness.curation.imports.comparison import compare_list, compare_run, render_comparison
from harness.curation.imports.formats import ForeignEntry, ForeignList
from harness.results.outcomes import CaseResult, ModuleResult, Outcome
from tests.unit.sample_results import case, expecting, results
from tests.unit.sample_results import module as sample


def module(name: str, outcome: Outcome, **cases: Outcome) -> ModuleResult:
    results = tuple(CaseResult(case=f"test.{name}.T.{case}", outcome=each) for case, each in cases.items())
    return ModuleResult(module=name, outcome=outcome, seconds=1.0, attempts=1, complete=True, cases=results)


RUN = (
    module("test_a", Outcome.FAIL, test_good=Outcome.PASS, test_bad=Outcome.FAIL, test_dead=Outcome.CRASH),
    module("test_b", Outcome.PASS, test_good=Outcome.PASS, test_skipped=Outcome.SKIP),
    module("test_c", Outcome.FAIL, test_good=Outcome.PASS, test_bad=Outcome.ERROR),
    module("test_d", Outcome.SKIP),
    module("test_new", Outcome.PASS, test_good=Outcome.PASS),
)


def entry(module: str, pattern: str = "", why: str = "") -> ForeignEntry:
    return ForeignEntry(module=module, pattern=pattern, why=why)


LIST = ForeignList(
    name="their.yaml",
    modules=frozenset(f"test.test_{name}" for name in ("a", "b", "c", "d", "old")),
    entries=(
        entry("test.test_a", "test_bad"),
        entry("test.test_a", "test_good"),
        entry("test.test_a", "test_gone"),
        entry("test.test_b", why="slow"),
        entry("test.test_c", why="dbm"),
        entry("test.test_d", why="no module"),
        entry("test.test_old", why="gone"),
    ),
)


def test_each_entry_is_compared_with_what_it_leaves_out() -> None:
    found = compare_list(LIST, "pyodide-1", RUN)
    kinds = [(finding.is_stale, finding.is_broad, finding.is_gone) for finding in found.findings]
    assert [finding.ran for finding in found.findings] == [True] * 5 + [False] * 2
    stale, broad, gone, agreed = (True, False, False), (False, True, False), (False, False, True), (False,) * 3
    assert kinds == [agreed, stale, gone, stale, broad, agreed, agreed]
    assert found.missing == {"test.test_a": ("test.test_a.T.test_dead",)}
    assert (found.unknown, found.absent) == (("test.test_new",), ("test.test_old",))


def test_the_page_names_what_to_do() -> None:
    page = render_comparison(compare_list(LIST, "pyodide-1", RUN))
    assert page.splitlines()[0] == (
        "their.yaml against pyodide-1: 6 entries, 2 stale, 1 broader than needed, 1 gone, 1 agreed, 1 not known; "
        "1 failing case missing"
    )
    assert "  test.test_b (slow): 2 cases\n" in page
    assert "  test.test_c (dbm): 1 of 2 cases: T.test_bad\n" in page
    assert "  test.test_a: test_gone\n" in page
    assert "not known: no case of theirs ran here\n  test.test_d (no module)\n" in page
    assert "    test.test_a.T.test_dead\n" in page
    assert "modules that only the list has\n  test.test_old\n" in page


def test_a_pattern_without_a_module_holds_in_all_of_them() -> None:
    foreign = ForeignList(name="ignored", entries=(entry("", "test_bad"),))
    found = compare_list(foreign, "wasi", RUN)
    assert found.findings[0].bad == ("test.test_a.T.test_bad", "test.test_c.T.test_bad")
    assert (found.unknown, found.absent) == ((), ())


def test_a_module_that_is_left_out_and_cannot_be_imported_is_agreed_on() -> None:
    failed = ModuleResult(
        module="test_dbm",
        outcome=Outcome.ERROR,
        seconds=1.0,
        attempts=1,
        complete=True,
        cases=(CaseResult(case="test.test_dbm", outcome=Outcome.ERROR),),
    )
    foreign = ForeignList(name="l", entries=(entry("test.test_dbm", why="dbm"), entry("test.test_dbm", "test_x")))
    found = compare_list(foreign, "pyodide-1", (failed,))
    assert [finding.is_unknown for finding in found.findings] == [False, True]
    assert render_comparison(found).startswith(
        "l against pyodide-1: 2 entries, 0 stale, 0 broader than needed, 0 gone, 1"
    )


def test_cases_of_another_version_than_the_interpreter_say_nothing() -> None:
    bad, good, dead = (f"test.test_a.T.test_{name}" for name in ("bad", "good", "dead"))
    found = compare_list(LIST, "pyodide-1", RUN, apart={bad, good, dead})
    # Nothing is known of what only these cases show: it is neither stale, nor gone, nor agreed.
    assert [finding.is_unknown for finding in found.findings[:2]] == [True, True]
    assert not any(finding.is_stale or finding.is_gone for finding in found.findings[:2])
    assert found.missing == {}
    assert render_comparison(found).splitlines()[0].endswith("; 0 failing cases missing; 3 cases of another version")


def test_a_file_of_a_package_that_regrtest_takes_for_one_module_is_compared_with_its_own_cases() -> None:
    cases = (
        CaseResult(case="test.test_p.test_one.T.test_bad", outcome=Outcome.FAIL),
        CaseResult(case="test.test_p.test_two.T.test_bad", outcome=Outcome.FAIL),
    )
    run = ModuleResult(module="test_p", outcome=Outcome.FAIL, seconds=1.0, attempts=1, complete=True, cases=cases)
    names = frozenset(f"test.test_p.test_{name}" for name in ("one", "two", "skipped"))
    entries = (
        entry("test.test_p.test_one", "test_bad"),
        entry("test.test_p.test_one", "test_gone"),
        entry("test.test_p.test_skipped", "test_a"),
    )
    theirs = ForeignList(name="their.yaml", modules=names, entries=entries)
    found = compare_list(theirs, "pyodide-1", (run,))
    assert found.findings[0].bad == ("test.test_p.test_one.T.test_bad",)
    assert [(finding.is_gone, finding.is_unknown) for finding in found.findings[1:]] == [(True, False), (False, True)]
    assert found.missing == {"test.test_p": ("test.test_p.test_two.T.test_bad",)}
    assert (found.unknown, found.absent) == ((), ())


def test_what_is_known_to_fail_now_and_then_is_not_stale_because_it_has_passed() -> None:
    sometimes = expecting("test_a.T.test_good", Outcome.PASS, Outcome.FAIL)
    run = results(sample("test_a", case("test_a.T.test_good")), entries=(sometimes,))
    theirs = ForeignList(name="their.yaml", modules=frozenset(), entries=(entry("test.test_a", "test_good"),))
    (finding,) = compare_run(theirs, run).findings
    assert (finding.is_stale, finding.bad) == (False, ("test.test_a.T.test_good",))
    (finding,) = compare_run(theirs, results(sample("test_a", case("test_a.T.test_good")))).findings
    assert finding.is_stale
