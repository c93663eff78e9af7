"""Which differences between the harness and regrtest a rule explains, and which not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from harness.diagnostics.agreement import RULES, Agreement, Situation, agree
from harness.diagnostics.regrtest_runner import Key, Word
from harness.expectations.entries import CellExpectations
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, SubtestResult
from tests.unit.sample_results import expecting

CASE, OTHER = "test.test_x.T.test_a", "test.test_x.T.test_b"
PASS, FAIL, ERROR, SKIP, CRASH = Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.SKIP, Outcome.CRASH


def case(name: str, outcome: Outcome, reason: str = "", **detail: str) -> CaseResult:
    return CaseResult(case=name, outcome=outcome, detail=Detail(reason=reason, **detail))


def with_subtests(name: str, outcome: Outcome, *subtests: tuple[str, Outcome]) -> CaseResult:
    found = tuple(SubtestResult(params=params, outcome=each) for params, each in subtests)
    return CaseResult(case=name, outcome=outcome, subtests=found)


def module(*cases: CaseResult, name: str = "test_x") -> ModuleResult:
    return ModuleResult(module=name, outcome=PASS, seconds=1, attempts=1, complete=True, cases=cases)


def rule_of(
    name: str,
    theirs: Outcome | None,
    *cases: CaseResult,
    word: Word | None = None,
    expected: CellExpectations | None = None,
    home: str = "test_x",
    also: dict[str, Outcome] | None = None,
) -> str | None:
    """The rule that explains the case; None when it is no difference."""
    outcomes = ({name: theirs} if theirs else {}) | (also or {})
    found = agree(of(outcomes, home), {home: word} if word else {}, [module(*cases, name=home)], expected)
    return next((each.rule for each in found.differences if each.case == name), None)


def of(outcomes: Mapping[str, Outcome], home: str = "test_x") -> dict[Key, Outcome]:
    """regrtest's outcomes of the cases of a module."""
    return {Key(home, name): outcome for name, outcome in outcomes.items()}


def test_the_same_outcome_is_compared_and_no_difference() -> None:
    found = agree(of({CASE: CRASH}), {"test_x": Word.FAILED}, [module(case(CASE, CRASH))])
    assert (found.total, found.differences, found.is_agreement) == (1, (), True)


@pytest.mark.parametrize("theirs", [FAIL, SKIP, CRASH, Outcome.EXPECTED_FAILURE])
def test_another_outcome_is_not_explained_by_itself(theirs: Outcome) -> None:
    found = agree(of({CASE: theirs}), {"test_x": Word.PASSED}, [module(case(CASE, PASS))])
    assert [(each.case, each.module, each.theirs, each.ours, each.rule) for each in found.differing] == [
        (CASE, "test_x", theirs, PASS, "")
    ]
    assert not found.is_agreement


def test_what_one_side_alone_has_is_counted_by_side_and_module_and_is_not_explained_by_itself() -> None:
    words = {"test_x": Word.PASSED, "test_y": Word.PASSED}
    theirs = of({CASE: PASS}) | of({"test.test_y.T.test_a": PASS}, "test_y")
    found = agree(theirs, words, [module(case(CASE, PASS), case(OTHER, CRASH))])
    assert [(each.case, each.module) for each in found.only_there] == [("test.test_y.T.test_a", "test_y")]
    assert [(each.case, each.module) for each in found.only_here] == [(OTHER, "test_x")]
    assert len(found.unexplained) == 2
    assert found.compared == {"test_x": 1}
    assert found.lone_modules == {"only there": ("test_y",)}


@pytest.mark.parametrize(
    ("words", "lone"),
    [
        ({"test_x": Word.PASSED}, {}),
        ({"test_x": Word.PASSED, "test_y": Word.SKIPPED}, {"only there": ("test_y",)}),
        ({}, {"only here": ("test_x",)}),
    ],
)
def test_a_module_of_one_side_alone_does_not_count_as_agreement(
    words: dict[str, Word], lone: dict[str, tuple[str, ...]]
) -> None:
    found = agree(of({CASE: PASS}), words, [module(case(CASE, PASS))])
    assert found.lone_modules == lone
    assert found.is_agreement is not bool(lone)


@pytest.mark.parametrize(("theirs", "ours"), [({}, ()), ({CASE: PASS}, ()), ({}, (case(CASE, SKIP),))])
def test_without_common_cases_there_is_no_agreement(theirs: dict[str, Outcome], ours: tuple[CaseResult, ...]) -> None:
    assert not agree(of(theirs), {"test_x": Word.PASSED}, [module(*ours)]).is_agreement
    assert not Agreement().is_agreement


def test_a_case_is_compared_within_its_module_whatever_its_id() -> None:
    # test_cprofile runs the cases of test_profile again, under their ids.
    words = {"test_profile": Word.PASSED, "test_cprofile": Word.PASSED}
    ours = [module(case(CASE, PASS), name="test_profile"), module(case(CASE, FAIL), name="test_cprofile")]
    found = agree(of({CASE: PASS}, "test_profile") | of({CASE: SKIP}, "test_cprofile"), words, ours)
    assert [(each.module, each.theirs, each.ours) for each in found.differences] == [("test_cprofile", SKIP, FAIL)]
    assert found.compared == {"test_profile": 1, "test_cprofile": 1}


def test_every_rule_has_a_name_of_its_own_and_explains_no_bare_difference() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    for theirs, ours in ((PASS, FAIL), (FAIL, SKIP), (SKIP, PASS), (None, CRASH), (CRASH, None)):
        bare = Situation(case=CASE, module="test_x", theirs=theirs, ours=case(CASE, ours) if ours else None)
        assert not [rule.name for rule in RULES if rule.explains(bare)]


@pytest.mark.parametrize(
    ("listed", "theirs", "rule"),
    [
        ((FAIL, PASS), PASS, "varies"),
        ((FAIL, PASS), ERROR, ""),
        ((FAIL, PASS), None, ""),
        ((FAIL,), PASS, ""),
        ((ERROR, PASS), PASS, ""),
    ],
)
def test_varies(listed: tuple[Outcome, ...], theirs: Outcome | None, rule: str) -> None:
    expected = CellExpectations({CASE: expecting(CASE.removeprefix("test."), *listed)})
    assert rule_of(CASE, theirs, case(CASE, FAIL), expected=expected) == rule


@pytest.mark.parametrize(
    ("name", "theirs", "subtests", "rule"),
    [
        (f"{CASE} (i=3)", SKIP, [("(i=3)", SKIP)], "skipped-subtest"),
        (f"{CASE} (i=3)", SKIP, [("(i=4)", SKIP)], ""),
        (f"{CASE} (i=3)", SKIP, [("(i=3)", FAIL)], ""),
        (f"{CASE} (i=3)", SKIP, [], ""),
        (f"{CASE} (i=3)", PASS, [("(i=3)", SKIP)], ""),
        (f"{OTHER} (i=3)", SKIP, [("(i=3)", SKIP)], ""),
        (f"{CASE} (f=<g at 0x1192738>)", SKIP, [("(f=<g at 0x7a>)", SKIP)], "skipped-subtest"),
        (f"{CASE} (f=<g at 0x1192738>)", SKIP, [("(f=<h at 0x1192738>)", SKIP)], ""),
        (f"{CASE} (i=0x1)", SKIP, [("(i=0x2)", SKIP)], ""),
    ],
)
def test_skipped_subtest_there(name: str, theirs: Outcome, subtests: list[tuple[str, Outcome]], rule: str) -> None:
    assert rule_of(name, theirs, with_subtests(CASE, SKIP, *subtests)) == rule


@pytest.mark.parametrize(
    ("also", "rule"),
    [
        ({f"{CASE} (i=3)": SKIP}, "skipped-subtest"),
        ({f"{CASE} (i=4)": SKIP}, ""),
        ({f"{CASE} (i=3)": FAIL}, ""),
        ({f"{OTHER} (i=3)": SKIP}, ""),
        ({}, ""),
    ],
)
def test_the_case_of_a_skipped_subtest_has_no_name_there(also: dict[str, Outcome], rule: str) -> None:
    assert rule_of(CASE, None, with_subtests(CASE, SKIP, ("(i=3)", SKIP)), also=also) == rule


@pytest.mark.parametrize(
    ("ours", "word", "rule"),
    [
        (SKIP, Word.SKIPPED, "module-as-a-whole"),
        (SKIP, Word.DENIED, "module-as-a-whole"),
        (Outcome.NO_TESTS, Word.NO_TESTS, "module-as-a-whole"),
        (ERROR, Word.UNCAUGHT, "module-as-a-whole"),
        (FAIL, Word.FAILED, "module-as-a-whole"),
        (CRASH, Word.DIED, "module-as-a-whole"),
        (Outcome.TIMEOUT, Word.TIMED_OUT, "module-as-a-whole"),
        (SKIP, Word.PASSED, ""),
        (SKIP, Word.NO_TESTS, ""),
        (SKIP, None, ""),
        (Outcome.NO_TESTS, Word.SKIPPED, ""),
        (CRASH, Word.TIMED_OUT, ""),
        (CRASH, Word.BUG, ""),
        (PASS, Word.PASSED, ""),
    ],
)
def test_module_as_a_whole(ours: Outcome, word: Word | None, rule: str) -> None:
    assert rule_of("test.test_x", None, case("test.test_x", ours), word=word) == rule
    assert rule_of(OTHER, None, case(OTHER, ours), word=word) == ""


@pytest.mark.parametrize(
    ("name", "ours", "word", "rule"),
    [
        ("setUpClass (test.test_x.T)", SKIP, Word.PASSED, "fixture"),
        ("setUpClass (test.test_x.T)", SKIP, Word.DIED, ""),
        ("setUpClass (test.test_x.T)", SKIP, None, ""),
        ("setUpModule (test.test_x)", ERROR, Word.FAILED, "fixture"),
        ("tearDownClass (test.test_x.T)", FAIL, Word.FAILED, "fixture"),
        ("tearDownClass (test.test_x.T)", ERROR, Word.PASSED, ""),
        ("tearDownClass (test.test_x.T)", ERROR, None, ""),
        ("setUpClass (test.test_x.T)", CRASH, Word.FAILED, ""),
        ("after (test.test_x.T.test_a)", CRASH, Word.DIED, ""),
        ("after (test.test_x.T.test_a)", SKIP, Word.PASSED, ""),
        ("test.test_x.T.test_a (i=1)", SKIP, Word.FAILED, ""),
    ],
)
def test_fixture(name: str, ours: Outcome, word: Word | None, rule: str) -> None:
    assert rule_of(name, None, case(name, ours), word=word) == rule


FIXTURE = "setUpClass (test.test_x.T)"


@pytest.mark.parametrize(
    ("fixture", "ours", "word", "rule"),
    [
        (case(FIXTURE, SKIP), case(CASE, SKIP), Word.PASSED, "kept-by-fixture"),
        (case(FIXTURE, ERROR), case(CASE, Outcome.NOT_RUN, FIXTURE), Word.FAILED, "kept-by-fixture"),
        (case(FIXTURE, ERROR), case(CASE, Outcome.NOT_RUN, FIXTURE), Word.PASSED, ""),
        (case(FIXTURE, ERROR), case(CASE, Outcome.NOT_RUN, "gave up after 100 attempts"), Word.FAILED, ""),
        (case(FIXTURE, SKIP), case(CASE, SKIP), Word.DIED, ""),
        (case(FIXTURE, SKIP), case(CASE, SKIP), None, ""),
        (case(FIXTURE, SKIP), case(CASE, PASS), Word.PASSED, ""),
        (case("setUpClass (test.test_x.U)", SKIP), case(CASE, SKIP), Word.PASSED, ""),
        (case("tearDownClass (test.test_x.T)", SKIP), case(CASE, SKIP), Word.PASSED, ""),
    ],
)
def test_kept_by_fixture(fixture: CaseResult, ours: CaseResult, word: Word, rule: str) -> None:
    assert rule_of(CASE, None, fixture, ours, word=word) == rule


def test_a_class_was_not_skipped_there_when_one_of_its_cases_ran() -> None:
    skipped = (case(FIXTURE, SKIP), case(CASE, SKIP), case(OTHER, SKIP))
    for name in (FIXTURE, CASE):
        assert rule_of(name, None, *skipped, word=Word.PASSED, also={OTHER: PASS}) == ""
        assert rule_of(name, None, *skipped, word=Word.PASSED, also={"test.test_x.U.test_b": PASS}) != ""


ZIPFILE = "test.test_zipfile.test_core.PyZipFileTests.test_write_pyfile"
READ_ONLY = "requires write access to the installed location"


@pytest.mark.parametrize(
    ("name", "theirs", "ours", "rule"),
    [
        (ZIPFILE, PASS, case(ZIPFILE, SKIP, READ_ONLY), "library-read-only"),
        (ZIPFILE, FAIL, case(ZIPFILE, SKIP, READ_ONLY), ""),
        (ZIPFILE, None, case(ZIPFILE, SKIP, READ_ONLY), ""),
        (ZIPFILE, PASS, case(ZIPFILE, FAIL, READ_ONLY), ""),
        (ZIPFILE, PASS, case(ZIPFILE, SKIP, "cannot write"), ""),
        (ZIPFILE, PASS, case(ZIPFILE, SKIP, f"{READ_ONLY} of the host"), ""),
        (CASE, PASS, case(CASE, SKIP, READ_ONLY), ""),
    ],
)
def test_library_read_only(name: str, theirs: Outcome | None, ours: CaseResult, rule: str) -> None:
    assert rule_of(name, theirs, ours, home="test_zipfile", word=Word.PASSED) == rule


EGG_INFO = "test.test_importlib.metadata.test_api.APITests.test_files_egg_info"
CLIMBS = "[Errno 63] Operation not permitted: '/tmp/tmpl2m5nrrl/../../etc/jupyter/jupyter_notebook_config.d'"


@pytest.mark.parametrize(
    ("name", "theirs", "ours", "message", "rule"),
    [
        (EGG_INFO, PASS, ERROR, CLIMBS, "scratch-mount"),
        (EGG_INFO, FAIL, ERROR, CLIMBS, ""),
        (EGG_INFO, PASS, FAIL, CLIMBS, ""),
        (EGG_INFO, PASS, ERROR, "[Errno 63] Operation not permitted: '/tmp/x/etc'", ""),
        (EGG_INFO, PASS, ERROR, f"cannot go on: {CLIMBS}", ""),
        (EGG_INFO.replace("egg_info", "egg"), PASS, ERROR, CLIMBS, ""),
    ],
)
def test_scratch_mount(name: str, theirs: Outcome, ours: Outcome, message: str, rule: str) -> None:
    assert rule_of(name, theirs, case(name, ours, message=message), home="test_importlib") == rule


TEHRAN = "test.datetimetester.IranTest_Fast.test_folds"
PLIST = "test.test_plistlib.TestBinaryPlistlib.test_dump_aware_datetime"
NO_TEHRAN = "Skipping Asia/Tehran: [Errno 44] No such file or directory: '/usr/share/zoneinfo/Asia/Tehran'"


@pytest.mark.parametrize(
    ("home", "name", "theirs", "reason", "rule"),
    [
        ("test_plistlib", PLIST, PASS, "Can't find timezone datebase", "no-zone-files"),
        ("test_plistlib", PLIST, FAIL, "Can't find timezone datebase", ""),
        ("test_plistlib", PLIST, PASS, "Can't find timezone datebase anywhere", ""),
        ("test_plistlib", PLIST, PASS, NO_TEHRAN, ""),
        ("test_datetime", TEHRAN, PASS, NO_TEHRAN, "no-zone-files"),
        ("test_datetime", TEHRAN, ERROR, NO_TEHRAN, ""),
        ("test_datetime", TEHRAN, PASS, "Skipping Asia/Tehran: [Errno 44] No such file or directory: '/tmp/x'", ""),
        ("test_datetime", TEHRAN, PASS, "Skipping zoneinfo tests on Windows", ""),
        ("test_x", CASE, PASS, NO_TEHRAN, ""),
    ],
)
def test_no_zone_files(home: str, name: str, theirs: Outcome, reason: str, rule: str) -> None:
    assert rule_of(name, theirs, case(name, SKIP, reason), home=home, word=Word.PASSED) == rule
    assert rule_of(name, theirs, case(name, FAIL, reason), home=home, word=Word.PASSED) in {"", None}


PROPERTY = "test.test_zoneinfo.test_zoneinfo_property"


@pytest.mark.parametrize(
    ("reason", "name", "rule"),
    [
        ("No time zone data available", f"{PROPERTY}.ZoneInfoTest.test_str", "no-zone-files"),
        ("No time zone data available", "test.test_zoneinfo.test_zoneinfo.T.test_str", ""),
        ("No time zone data available", f"{PROPERTY}_more.ZoneInfoTest.test_str", ""),
        ("No time zone data", f"{PROPERTY}.ZoneInfoTest.test_str", ""),
        ("requires threads", f"{PROPERTY}.ZoneInfoTest.test_str", ""),
    ],
)
def test_the_cases_of_a_file_that_skipped_itself_are_explained_by_its_reason(reason: str, name: str, rule: str) -> None:
    skipped = case(f"unittest.loader.ModuleSkipped.{PROPERTY}", SKIP, reason)
    assert rule_of(name, PASS, skipped, home="test_zoneinfo", word=Word.PASSED) == rule


@pytest.mark.parametrize(
    ("also", "reason", "rule"),
    [
        ({f"{PROPERTY}.ZoneInfoTest.test_str": PASS}, "No time zone data available", "no-zone-files"),
        ({f"{PROPERTY}.ZoneInfoTest.test_str": PASS}, "No time zone data", ""),
        ({f"{PROPERTY}_more.ZoneInfoTest.test_str": PASS}, "No time zone data available", ""),
        ({}, "No time zone data available", ""),
    ],
)
def test_the_file_that_skipped_itself_is_explained_where_its_cases_ran_there(
    also: dict[str, Outcome], reason: str, rule: str
) -> None:
    name = f"unittest.loader.ModuleSkipped.{PROPERTY}"
    assert rule_of(name, None, case(name, SKIP, reason), home="test_zoneinfo", word=Word.PASSED, also=also) == rule


SOURCE = "test.test_support.TestSupport.test_copy_python_src_ignore"


@pytest.mark.parametrize(
    ("name", "theirs", "reason", "rule"),
    [
        (SOURCE, PASS, "cannot access Python source code directory: '/x/view'", "no-source-folder"),
        (SOURCE, FAIL, "cannot access Python source code directory: '/x/view'", ""),
        (SOURCE, PASS, "it cannot access Python source code directory: '/x/view'", ""),
        (SOURCE, PASS, "cannot access Python source code directory", ""),
        (CASE, PASS, "cannot access Python source code directory: '/x/view'", ""),
    ],
)
def test_no_source_folder(name: str, theirs: Outcome, reason: str, rule: str) -> None:
    assert rule_of(name, theirs, case(name, SKIP, reason), home="test_support", word=Word.PASSED) == rule


STDIN = "test.test_file.COtherFileTests.testStdin"


@pytest.mark.parametrize(
    ("name", "theirs", "reason", "rule"),
    [
        (STDIN, PASS, "stdin must be a TTY in this test", "stdin-is-no-terminal"),
        (STDIN, FAIL, "stdin must be a TTY in this test", ""),
        (STDIN, PASS, "stdin must be a TTY in this test, too", ""),
        (CASE, PASS, "stdin must be a TTY in this test", ""),
    ],
)
def test_stdin_is_not_a_terminal(name: str, theirs: Outcome, reason: str, rule: str) -> None:
    assert rule_of(name, theirs, case(name, SKIP, reason), home="test_file", word=Word.PASSED) == rule
