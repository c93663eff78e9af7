"""The page on what another version changes."""

from __future__ import annotations

import dataclasses

import msgspec

from harness.bisect.bump_page import (
    FirstBad,
    ListChange,
    SkipChange,
    bisection_words,
    bump_page,
    needed_skips,
    worse_groups,
)
from harness.results.cell_results import CellResults
from harness.results.command_line import RunOptions
from harness.results.diff import diff_cells
from harness.results.outcomes import Outcome
from harness.results.verdicts import Verdict
from tests.unit.sample_results import case, expecting, module, results

PINNED = results(module("test_a", case("test_a.T.test_x"), case("test_a.T.test_y")))


def page_of(pinned: CellResults, new: CellResults, lists: ListChange) -> str:
    return bump_page(diff_cells(pinned, new, names=("pinned", "new")), pinned, new, lists)


def newer(outcome: Outcome, runtime: str = "50.0.1") -> CellResults:
    """The same with one case that does something else, under that wasmtime."""
    changed = case("test_a.T.test_x", outcome, exception="trap: unreachable")
    found = results(module("test_a", changed, PINNED.modules[0].cases[1]))
    cell = dataclasses.replace(found.cell, runtime=runtime)
    return msgspec.structs.replace(found, cell=cell, engine={"name": "wasmtime", "version": runtime})


def test_a_case_that_crashes_with_the_new_version_has_its_commands() -> None:
    page = page_of(PINNED, newer(Outcome.CRASH, runtime="51.0.0"), ListChange())
    assert page.startswith("# wasi: engine wasmtime 50.0.1 to wasmtime 51.0.0\n")
    assert "| | CPython | WASI SDK | wasmtime | cases | passed |" in page
    assert "| pinned | 3.13.5 | 25.0 | 50.0.1 | 2 | 2 | 0 | 0 | 0 |" in page
    assert "| new | 3.13.5 | 25.0 | 51.0.0 | 2 | 1 | 0 | 1 | 1 |" in page
    assert "2 cases compared: 1 new crash.\n\n" in page
    assert "- `test.test_a.T.test_x`: regression: crash trap: unreachable" in page
    assert "python -m harness test wasi --case test.test_a.T.test_x`" in page
    bisection = "bisect wasi --case test.test_a.T.test_x --axis wasmtime --good 50.0.1 --bad 51.0.0`"
    assert f"The first bad version: `python -m harness {bisection}" in page
    assert "## Lists" not in page


def test_what_cannot_be_bisected_has_no_command_for_it() -> None:
    """Nothing differs, so that no version is to blame."""
    page = page_of(PINNED, newer(Outcome.FAIL), ListChange())
    assert page.startswith("# wasi: nothing differs\n")
    assert "## New to the lists: 1 case" in page
    assert "bisect" not in page


def test_two_versions_that_do_the_same_make_a_short_page() -> None:
    page = page_of(PINNED, newer(Outcome.PASS, runtime="51.0.0"), ListChange())
    assert page.endswith("2 cases compared: all as before.\n")
    assert "## " not in page


def test_the_lists_change_is_a_patch_with_its_notes() -> None:
    page = page_of(PINNED, PINNED, ListChange(patch="--- a\n+++ b\n", notes=("held  a case",)))
    assert page.endswith("## Lists\n\n- held  a case\n\n```diff\n--- a\n+++ b\n```\n")


def test_the_first_of_many_cases_that_are_new_to_the_lists_are_named() -> None:
    names = [f"test_a.T.test_{number:02}" for number in range(25)]
    before = results(module("test_a", *map(case, names)))
    after = results(module("test_a", *(case(name, Outcome.FAIL) for name in names)))
    page = page_of(before, after, ListChange())
    assert page.count("regression: fail") == 20
    assert "- and 5 more cases" in page


def changed(outcomes: dict[str, tuple[Outcome, str]]) -> CellResults:
    """The results of test_a and test_b, with the outcome and the exception of each case."""
    modules = {name.split(".")[0] for name in outcomes}
    return results(
        *(
            module(each, *(case(name, *what[:1], exception=what[1]) for name, what in outcomes.items() if each in name))
            for each in sorted(modules)
        )
    )


def test_cases_that_fail_alike_in_a_module_are_one_group_without_those_that_got_better() -> None:
    names = ["test_a.T.test_x", "test_a.T.test_y", "test_a.T.test_z", "test_b.T.test_x", "test_b.T.test_fixed"]
    before = changed(dict.fromkeys(names[:-1], (Outcome.PASS, "")) | {names[-1]: (Outcome.FAIL, "")})
    oserror, crash = (Outcome.ERROR, "OSError"), (Outcome.CRASH, "trap: unreachable")
    after = changed(dict(zip(names, [oserror, oserror, crash, oserror, (Outcome.PASS, "")], strict=True)))
    pair = diff_cells(before, after, names=("pinned", "new"))
    groups = worse_groups(pair, after)
    assert [(group.headline, [case.case.removeprefix("test.") for case in group.cases]) for group in groups] == [
        ("trap: unreachable", ["test_a.T.test_z"]),
        ("OSError", ["test_a.T.test_x", "test_a.T.test_y"]),
        ("OSError", ["test_b.T.test_x"]),
    ]
    found = [
        FirstBad(group=groups[0], found="not bisected: no network"),
        FirstBad(group=groups[1], found="first bad: Emscripten 4.0.1", report="bump/bisect-2/report.txt"),
    ]
    page = bump_page(pair, before, after, ListChange(), first_bad=found)
    assert "## Bisected\n\n- not bisected: no network: `test.test_a.T.test_z` (trap: unreachable)\n" in page
    assert (
        "- first bad: Emscripten 4.0.1: `test.test_a.T.test_x` (OSError) and 1 more case that now does the same; "
        "its steps: `bump/bisect-2/report.txt`\n" in page
    )
    assert "Not bisected: 1 more group of cases that got worse (--bisections)." in page
    assert "The first bad version: `" not in page


def test_what_got_worse_needs_a_skip_that_names_the_platform_and_the_version() -> None:
    names = ["test_a.T.test_x", "test_a.T.test_y", "test_b.T.test_gone", "test_b.T.test_skipped"]
    before = changed(dict.fromkeys(names, (Outcome.PASS, "")))
    now = [(Outcome.ERROR, "OSError"), (Outcome.ERROR, "OSError"), (Outcome.CRASH, "trap"), (Outcome.SKIP, "")]
    after = changed(dict(zip(names, now, strict=True)))
    cell = dataclasses.replace(after.cell, runtime="51.0.0")
    after = msgspec.structs.replace(after, cell=cell, engine={"name": "wasmtime", "version": "51.0.0"})
    found = needed_skips(diff_cells(before, after, names=("pinned", "new")), after)
    assert [(each.tests, each.reason) for each in found] == [
        (("test.test_b.T.test_gone",), "fails with wasmtime 51.0.0: trap"),
        (("test.test_a.T.test_x", "test.test_a.T.test_y"), "fails with wasmtime 51.0.0: OSError"),
    ]
    assert all(str(each.when) == "target wasi" for each in found)
    assert needed_skips(diff_cells(before, before, names=("pinned", "new")), before) == ()


def test_what_fails_with_both_is_counted_by_its_cause() -> None:
    entry = expecting("test_a.T.test_x", Outcome.ERROR)
    both = results(module("test_a", case("test_a.T.test_x", Outcome.ERROR), case("test_a.T.test_y")), entries=(entry,))
    page = page_of(both, both, ListChange())
    assert "## Failing with both\n\n- `fs-hard-links`: 1 error: os.link() fails with ENOSYS\n" in page
    fixed = results(module("test_a", case("test_a.T.test_x"), case("test_a.T.test_y")), entries=(entry,))
    assert "## Failing with both" not in page_of(both, fixed, ListChange())
    assert "## Failing with both" not in page_of(fixed, both, ListChange())


def test_what_is_expected_to_fail_at_times_and_passes_with_both_does_not_fail_with_both() -> None:
    entry = expecting("test_a.T.test_x", Outcome.PASS, Outcome.ERROR)
    passing = results(module("test_a", case("test_a.T.test_x"), case("test_a.T.test_y")), entries=(entry,))
    assert passing.comparison.rows[0].verdict is Verdict.KNOWN
    assert "## Failing with both" not in page_of(passing, passing, ListChange())


def test_a_skip_says_what_the_lists_know_of_the_case() -> None:
    entry = dataclasses.replace(expecting("test_a.T.test_x", Outcome.FAIL), reason="readlink() is wrong: the FS")
    after = results(module("test_a", case("test_a.T.test_x", Outcome.FAIL)), entries=(entry,))
    before = results(module("test_a", case("test_a.T.test_x")))
    (found,) = needed_skips(diff_cells(before, after, names=("pinned", "new")), after)
    assert found.reason == "readlink() is wrong"


def test_the_skips_of_cpython_s_tests_are_parts_of_their_own() -> None:
    pair = diff_cells(PINNED, PINNED, names=("pinned", "new"))
    skips = SkipChange(added="--- a\n+skip\n", remarks=("`x` has no file",), table="| 1 |\n", removed="--- b\n-skip\n")
    page = bump_page(pair, PINNED, PINNED, ListChange(), skips=skips)
    assert "## Skips that CPython's tests would need\n\n- `x` has no file\n\n```diff\n--- a\n+skip\n```\n" in page
    assert "## Skips in CPython's tests that may go\n\n| 1 |\n\n```diff\n--- b\n-skip\n```\n" in page
    none = bump_page(pair, PINNED, PINNED, ListChange(), skips=SkipChange(table="| 1 |"))
    assert none.endswith("| 1 |\n\nNo decorator that names the platform can go.\n")


def test_a_bisection_is_asked_with_the_build_s_options_but_for_the_version_itself() -> None:
    new = newer(Outcome.CRASH, runtime="51.0.0")
    options = RunOptions(runtime="51.0.0", provider="apt", isolated=True, randseed="7")
    new = msgspec.structs.replace(new, run=msgspec.structs.replace(new.run, options=options))
    pair = diff_cells(PINNED, new, names=("pinned", "new"))
    assert bisection_words("test.test_a.T.test_x", pair, PINNED, new) == [
        *("wasi", "--case", "test.test_a.T.test_x", "--axis", "wasmtime", "--good", "50.0.1", "--bad", "51.0.0"),
        "--provider=apt",
    ]


def test_the_page_says_which_part_of_the_suite_was_run_and_has_no_path_of_the_machine() -> None:
    new = newer(Outcome.FAIL)
    here = RunOptions(program="/home/me/venv/bin/python", cache="/home/me/cache", project="/home/me/lists")
    new = msgspec.structs.replace(new, run=msgspec.structs.replace(new.run, complete=False, options=here))
    page = page_of(PINNED, new, ListChange())
    assert "2 cases compared: 1 broken.\nOnly a part of the suite was run: test_a.\n" in page
    assert "/home/me" not in page


def test_the_page_names_the_causes_by_which_the_lists_knew_what_is_fixed() -> None:
    name = "test_a.T.test_x"
    entry = dataclasses.replace(expecting(name, Outcome.FAIL), limitation="fs-hard-links", reason="no link()")
    before = results(module("test_a", case(name, Outcome.FAIL)), entries=(entry,))
    page = page_of(before, results(module("test_a", case(name))), ListChange())
    assert "## Causes that the lists know\n\n- `fs-hard-links`: 1 fixed: no link()\n" in page
    assert "## Causes" not in page_of(PINNED, newer(Outcome.FAIL), ListChange())
