"""The updater: what it adds, narrows, widens and removes, and what it leaves alone."""

from __future__ import annotations

import dataclasses
import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.cli import main as cli
from harness.curation.update.decide import Rules
from harness.curation.update.evidence import Failure, read_run, setting_of
from harness.curation.update.history_evidence import past_runs
from harness.curation.update.requirements import Skipped
from harness.curation.update.update import Update, gather, summary_lines, update, write
from harness.errors import EXIT_CONFIG, EXIT_OK, ConfigError, HarnessError
from harness.expectations.entries import Expectation, Expectations
from harness.expectations.files import read_lists
from harness.history.database import opened
from harness.history.record import record_of
from harness.history.store import Store
from harness.limitations.registry import Registry
from harness.matrix.cells import Cell, Distribution, with_python
from harness.matrix.conditions import read_condition
from harness.results.cell_results import CellResults, write_results
from harness.results.command_line import RunOptions
from harness.results.outcomes import CaseResult, Detail, Outcome
from harness.targets import Engine, Target
from tests.unit.sample_cells import emscripten
from tests.unit.sample_lists import REGISTRY, entry, limitation
from tests.unit.sample_runs import (
    CELLS,
    FILE,
    MIDDLE,
    NEW,
    OLD,
    THREADS,
    WASI,
    run_of,
    runs_of,
    updated,
    verdicts,
    workspace_of,
)

LINK = "test_os.LinkTests.test_link"
ON_WASI = '{ target = "wasi" }'
EVERYWHERE = [*runs_of(OLD, LINK, "EEE"), *runs_of(THREADS, LINK, "EEE"), *runs_of(WASI, LINK, "EEE")]


def conditions(found: Update, test: str = LINK) -> list[str]:
    return [str(one.when) for one in found.entries if f"test.{test}" in one.tests]


def held(found: Update) -> list[str]:
    return [one.why for one in found.held]


def test_an_entry_for_an_altered_environment_stays_whatever_is_seen_of_the_cases() -> None:
    listed = {FILE: entry(tests='["test.test_os"]', outcome='"env-changed"')}
    found = updated(listed, runs_of(WASI, LINK, "PPPPP"))
    assert (found.after, found.held) == (listed, ())
    crash = {FILE: entry(tests='["test.test_os"]', outcome='"crash"')}
    assert updated(crash, runs_of(WASI, LINK, "PPPPP")).after != crash


# What is new.


def test_a_new_failure_gets_an_entry_that_waits_for_its_reason() -> None:
    found = updated({}, runs_of(WASI, LINK, "E"))
    assert found.after == {
        "expected_failures/wasi/test_os.toml": "[[expect]]\n"
        'tests = ["test.test_os.LinkTests.test_link"]\n'
        'outcome = "error"\n'
        'reason = "TODO"\n'
        'signature = "OSError ENOTSUP"\n'
        'when = { target = "wasi" }\n'
    }
    assert found.unfinished == 1
    refused = read_lists(found.after, REGISTRY).unfinished
    assert {problem.key for problem in refused} == {"expect.reason", "expect.limitation"}


def test_what_depends_on_a_single_run_is_reported() -> None:
    found = updated({}, [*runs_of(WASI, LINK, "EE"), run_of(WASI, {"test_json.X.test_a": "E"}, day=3)])
    assert found.seen_once == 1
    lines = list(summary_lines(found, rows=9))
    assert lines[0].startswith("1 of the new cases failed in one run only")
    assert lines[-1] == (
        "1 entry waits for its cause and reason; once written, no cell can be tested until then: "
        f"{found.waiting[0].place}"
    )
    *_, last = summary_lines(found, rows=9, written=True)
    assert f"until then no cell can be tested: {found.waiting[0].place}" in last


PROBED = {"no-dup": {"finding": "holds", "probes": {}}}


def lines_on_probing(*results: CellResults, lists: Mapping[str, str] | None = None, written: bool = False) -> list[str]:
    """The lines that say what to probe, after runs in `reports/DAY`."""
    read = [read_run(one, source=f"reports/{one.run.started[8:10]}/{one.cell.id}/results.json") for one in results]
    found = update(workspace_of(lists or {}), read, Rules(), learn_signatures=False)
    assert found.unfinished
    return [line for line in summary_lines(found, rows=9, written=written) if " probe " in line or "more run" in line]


def test_what_an_entry_that_waits_for_its_cause_comes_from_is_to_be_probed() -> None:
    first, second = runs_of(WASI, LINK, "EE")
    command = "`python -m harness probe wasi --run-dir reports/02`"
    assert lines_on_probing(first, second) == [f"{command}, then update again, may find the cause"]
    assert lines_on_probing(first, second, written=True) == [
        f"{command}, then update again without the entry, may find the cause"
    ]
    elsewhere = lines_on_probing(first, *runs_of(OLD, LINK, "E"))
    assert [line.partition(",")[0] for line in elsewhere] == [
        "`python -m harness probe emscripten-3.1.69 --run-dir reports/01`",
        "`python -m harness probe wasi --run-dir reports/01`",
    ]
    cells = [emscripten(f"4.0.{number}") for number in range(7)]
    assert lines_on_probing(*(run_of(cell, {LINK: "E"}) for cell in cells))[-1] == "and so with 2 more runs"


def test_nothing_is_to_be_probed_where_that_was_done_or_cannot_help() -> None:
    first, second = runs_of(WASI, LINK, "EE")
    assert lines_on_probing(msgspec.structs.replace(first, probes=PROBED), second) == []
    assert lines_on_probing(*runs_of(WASI, LINK, "C")) == [], "no probe explains a crash"
    assert lines_on_probing(first, lists=updated({}, [first]).after) == [], "the entry is there, and stays as it is"
    moved = update(
        workspace_of({}), [read_run(first, source="elsewhere/results.json")], Rules(), learn_signatures=False
    )
    assert moved.probing == ()


def test_versions_are_ordered_and_a_target_without_a_run_is_not_mentioned() -> None:
    results = [run for cell, letter in ((OLD, "P"), (MIDDLE, "E"), (NEW, "P")) for run in runs_of(cell, LINK, letter)]
    assert conditions(updated({}, results)) == ["target emscripten, emscripten >=4.0.7,<4.0.12"]
    assert conditions(updated({}, results[:2])) == ["target emscripten, emscripten >=4.0.7"]
    assert conditions(updated({}, results[1:])) == ["target emscripten, emscripten <4.0.12"]


def test_what_fails_on_every_target_needs_no_target() -> None:
    assert conditions(updated({}, EVERYWHERE)) == [""]


def test_cases_that_fail_alike_share_an_entry_and_cases_of_other_modules_a_file_of_their_own() -> None:
    cases = {LINK: "E", "test_os.LinkTests.test_a": "E", "test_os.X.test_b": "F", "test_json.X.test_a": "E"}
    found = updated({}, [run_of(WASI, cases)])
    assert sorted(found.after) == ["expected_failures/wasi/test_json.toml", "expected_failures/wasi/test_os.toml"]
    assert [(one.tests, one.outcome[0].value) for one in found.entries] == [
        (("test.test_json.X.test_a",), "error"),
        (("test.test_os.LinkTests.test_a", "test.test_os.LinkTests.test_link"), "error"),
        (("test.test_os.X.test_b",), "fail"),
    ]


def test_a_later_failure_of_the_same_kind_joins_the_entry_that_still_waits_for_its_reason() -> None:
    first = updated({}, [run_of(WASI, {LINK: "E", "test_os.LinkTests.test_a": "P"})])
    second = updated(first.after, [run_of(WASI, {LINK: "E", "test_os.LinkTests.test_b": "E"}, day=2)])
    (only,) = second.entries
    assert only.tests == ("test.test_os.LinkTests.test_b", "test.test_os.LinkTests.test_link")


def test_a_later_failure_does_not_join_an_entry_that_somebody_gave_a_reason() -> None:
    first = updated({}, [run_of(WASI, {LINK: "E"})])
    reasoned = 'reason = "links are not there"\nlimitation = "fs-hard-links"'
    lists = {name: text.replace('reason = "TODO"', reasoned) for name, text in first.after.items()}
    second = updated(lists, [run_of(WASI, {LINK: "E", "test_os.LinkTests.test_b": "E"}, day=2)])
    assert {one.tests: one.reason for one in second.entries} == {
        ("test.test_os.LinkTests.test_b",): "OSError: [Errno 58] Not supported",
        ("test.test_os.LinkTests.test_link",): "links are not there",
    }


def test_the_limitation_whose_pattern_explains_the_failure_is_proposed() -> None:
    telling = dataclasses.replace(limitation("no-dup", Target.WASI), explains=(r"^OSError ENOTSUP: \[Errno 58\]",))
    found = updated({}, runs_of(WASI, LINK, "E"), registry=Registry({"no-dup": telling}))
    (only,) = found.entries
    assert (only.limitation, only.reason) == ("no-dup", "OSError: [Errno 58] Not supported")
    assert found.unfinished == 0
    elsewhere = updated({}, runs_of(OLD, LINK, "E"), registry=Registry({"no-dup": telling}))
    assert elsewhere.entries[0].limitation == ""


def test_where_probes_could_tell_and_were_not_run_a_limitation_is_only_named() -> None:
    telling = dataclasses.replace(limitation("no-dup", Target.WASI), explains=("ENOTSUP",), probes=("files.dup",))
    results = runs_of(WASI, LINK, "EE")
    asked = updated({}, results, registry=Registry({"no-dup": telling}))
    assert (asked.entries[0].limitation, asked.entries[0].reason) == ("", "TODO: perhaps no-dup")
    assert asked.unfinished == 1
    seen = {"did": "error", "seconds": 1, "kinds": ["OSError"], "errno": ["ENOTSUP"]}
    answer = {"finding": "holds", "probes": {"files.dup": seen}}
    probed = [msgspec.structs.replace(results[0], probes={"no-dup": answer}), results[1]]
    assert updated({}, probed, registry=Registry({"no-dup": telling})).entries[0].limitation == "no-dup"


def test_a_limitation_of_other_versions_is_not_a_cause() -> None:
    (before_4,) = [read_condition({"emscripten": "<4"})[0]]
    old = dataclasses.replace(limitation("old", Target.EMSCRIPTEN), explains=("ENOTSUP",), when=before_4)
    registry = Registry({"old": old})
    found = updated({}, runs_of(OLD, LINK, "E"), registry=registry)
    (only,) = found.entries
    assert (only.limitation, str(only.when)) == ("old", "target emscripten, emscripten <4")
    assert updated(found.after, runs_of(OLD, LINK, "EE"), registry=registry).changed == ()
    unsure = updated({}, [*runs_of(MIDDLE, LINK, "P"), *runs_of(OLD, LINK, "E")], registry=registry)
    assert conditions(unsure) == ["target emscripten, emscripten <4"]
    assert updated({}, runs_of(NEW, LINK, "E"), registry=registry).entries[0].limitation == ""
    both = updated({}, [*runs_of(OLD, LINK, "E"), *runs_of(NEW, LINK, "E")], registry=registry)
    assert [one.limitation for one in both.entries] == [""]


def test_the_limitation_of_the_other_cases_of_the_class_is_proposed_for_the_same_signature() -> None:
    text = entry(signature='"OSError ENOTSUP"', when='{ target = "wasi" }')
    cases = {LINK: "E", "test_os.LinkTests.test_a": "E", "test_os.LinkTests.test_b": "V", "test_os.Other.test_c": "E"}
    found = updated(text, [run_of(WASI, cases)])
    assert {test: one.limitation for one in found.entries for test in one.tests} == {
        "test.test_os.LinkTests.test_link": "fs-hard-links",
        "test.test_os.LinkTests.test_a": "fs-hard-links",
        "test.test_os.LinkTests.test_b": "",
        "test.test_os.Other.test_c": "",
    }


@pytest.mark.parametrize(("letter", "name", "copied"), [("F", "AssertionError", False), ("V", "ValueError", True)])
def test_an_assertion_alone_does_not_carry_an_entry_over_to_other_cells(letter: str, name: str, copied: bool) -> None:
    when = '{ target = "emscripten", emscripten = ">=4" }'
    listed = entry(outcome='"fail"' if letter == "F" else '"error"', signature=f'"{name}"', when=when)
    found = updated(listed, [*runs_of(NEW, LINK, letter), *runs_of(OLD, LINK, letter)])
    reasons = [one.reason for one in found.entries if one.when.holds(dict(setting_of(OLD)))]
    assert reasons == ["os.link() fails with ENOSYS" if copied else "TODO: perhaps fs-hard-links"]


def test_an_assertion_alone_is_not_taken_for_the_reason_of_the_rest_of_the_class() -> None:
    text = entry(outcome='"fail"', signature='"AssertionError"', when='{ target = "wasi" }')
    found = updated(text, [run_of(WASI, {LINK: "F", "test_os.LinkTests.test_a": "F"})])
    (new,) = [one for one in found.entries if one.tests == ("test.test_os.LinkTests.test_a",)]
    assert (new.limitation, new.reason) == ("", "TODO: perhaps fs-hard-links")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({}, {"target": "emscripten"}),
        ({"engine": Engine.CHROMIUM}, {"target": "emscripten", "engine": "chromium"}),
        ({"distribution": Distribution.PYODIDE}, {"target": "emscripten", "distribution": "pyodide"}),
    ],
)
def test_what_fails_in_a_browser_or_in_a_build_of_others_alone_is_listed_for_these(
    change: dict[str, Any], where: dict[str, str]
) -> None:
    cell = dataclasses.replace(OLD, **change)
    found = updated({}, runs_of(cell, LINK, "E"), cells=(*CELLS, cell))
    assert [dict(one.when.terms) for one in found.entries] == [where]
    both = updated({}, [*runs_of(cell, LINK, "E"), *runs_of(NEW, LINK, "E")], cells=(*CELLS, cell))
    assert [dict(one.when.terms) for one in both.entries] == [{"target": "emscripten"}]


def test_a_crash_is_never_explained_by_the_updater() -> None:
    every = dataclasses.replace(limitation("every", Target.WASI), explains=(".",))
    found = updated({}, runs_of(WASI, LINK, "C"), registry=Registry({"every": every}))
    assert (found.entries[0].limitation, found.entries[0].reason) == ("", "TODO")
    assert found.entries[0].signature == ("trap: stack exhausted",)


def crashing(*functions: str) -> list[CellResults]:
    """A run a day, in which the case crashed in that function of Python."""
    found = []
    for day, function in enumerate(functions, 1):
        run = run_of(WASI, {LINK: "C"}, day=day)
        stack = f'Stack (most recent call last):\n  File "/Lib/test/test_os.py", line 7 in {function}'
        (module,) = run.modules
        cases = [
            msgspec.structs.replace(
                case, detail=msgspec.structs.replace(case.detail, python_stack=stack if function else "")
            )
            for case in module.cases
        ]
        found.append(msgspec.structs.replace(run, modules=(msgspec.structs.replace(module, cases=tuple(cases)),)))
    return found


@pytest.mark.parametrize(
    ("functions", "signature"),
    [
        (("link", "link"), "trap: stack exhausted at test/test_os.py:link"),
        (("link", ""), "trap: stack exhausted at test/test_os.py:link"),
        (("link", "unlink"), "trap: stack exhausted"),
    ],
)
def test_the_signature_of_a_crash_has_the_place_that_every_run_has_seen(
    functions: tuple[str, ...], signature: str
) -> None:
    unsigned = entry(outcome='"crash"', signature="[]", when=ON_WASI)
    for found in updated({}, crashing(*functions)), updated(unsigned, crashing(*functions), learn=True):
        assert [one.signature for one in found.entries] == [(signature,)]


def test_an_entry_that_names_the_kind_of_a_trap_stays_as_it_is() -> None:
    by_kind = entry(outcome='"crash"', signature='"trap: stack exhausted"', when=ON_WASI)
    assert updated(by_kind, crashing("link", "unlink"), learn=True).changed == ()


def test_a_crash_elsewhere_leaves_an_entry_the_kind_of_its_trap() -> None:
    by_place = entry(outcome='"crash"', signature='"trap: stack exhausted at test/test_os.py:link"', when=ON_WASI)
    (found,) = updated(by_place, crashing("unlink", "unlink", "unlink")).entries
    assert found.signature == ("trap: stack exhausted",)


def test_a_crash_at_an_unknown_place_leaves_the_place_of_the_entry() -> None:
    by_place = entry(outcome='"crash"', signature='"trap: stack exhausted at test/test_os.py:link"', when=ON_WASI)
    (found,) = updated(by_place, crashing("", "", "")).entries
    assert found.signature == ("trap: stack exhausted at test/test_os.py:link",)


def test_what_used_to_pass_is_a_regression_and_listed_only_when_asked_for() -> None:
    results = runs_of(WASI, LINK, "PPE")
    found = updated({}, results)
    assert found.changed == ()
    assert held(found) == ["is a regression: it passed in run 1; --accept-regression would list it"]
    assert [one.outcome[0].value for one in updated({}, results, accept=True).entries] == ["error"]


def test_a_case_that_passed_under_an_older_cpython_used_to_pass() -> None:
    results = [*runs_of(with_python(WASI, "3.13.4"), LINK, "P"), *runs_of(WASI, LINK, "E")]
    assert updated({}, results).changed == ()


def test_a_case_that_passes_now_and_then_says_so() -> None:
    assert updated({}, runs_of(WASI, LINK, "PEPE")).changed == ()
    (only,) = updated({}, runs_of(WASI, LINK, "PEPE"), accept=True).entries
    assert [outcome.value for outcome in only.outcome] == ["error", "pass"]
    found = updated({}, runs_of(WASI, LINK, "SES"), accept=True)
    assert (found.changed, held(found)) == ((), ["is skip now and then, which no list can say"])


def test_what_was_not_run_is_not_a_failure_of_its_own() -> None:
    found = updated({}, runs_of(WASI, LINK, "N"))
    assert (found.changed, held(found)) == ((), ["was not run, which is no failure of its own"])


# What goes.


def test_an_entry_goes_when_enough_whole_runs_of_all_its_cells_agree() -> None:
    text = entry(when='{ target = "wasi" }')
    assert updated(text, runs_of(WASI, LINK, "EPPP")).after == {FILE: ""}
    found = updated(text, runs_of(WASI, LINK, "EPP"))
    assert found.changed == ()
    assert held(found) == ["does pass now; 3 whole runs must have seen it, and 2 have"]


@pytest.mark.parametrize("letters", ["SSS", "---"])
def test_a_case_that_is_skipped_or_gone_needs_no_entry_either(letters: str) -> None:
    assert updated(entry(when='{ target = "wasi" }'), runs_of(WASI, LINK, letters)).after == {FILE: ""}


def test_runs_of_a_part_say_nothing_against_an_entry() -> None:
    text = entry(when='{ target = "wasi" }')
    for part in (
        [run_of(WASI, {LINK: "P"}, day=day, complete=False) for day in (1, 2, 3)],
        [run_of(WASI, {LINK: "-"}, day=day, complete=False) for day in (1, 2, 3)],
        [run_of(WASI, {LINK: "P"}, day=day, module_complete=False) for day in (1, 2, 3)],
        [run_of(WASI, {"test_json.X.test_a": "P"}, day=day, complete=False) for day in (1, 2, 3)],
    ):
        assert updated(text, part).changed == ()


@pytest.mark.parametrize("letter", ["C", "T"])
def test_a_module_that_died_of_something_unexplained_says_nothing_against_an_entry(letter: str) -> None:
    text = entry(when='{ target = "wasi" }')
    results = [run_of(WASI, {LINK: "P", "test_os.X.test_dies": letter}, day=day) for day in (1, 2, 3)]
    found = updated(text, results)
    assert conditions(found) == ["target wasi"]
    assert "does pass now; 3 whole runs must have seen it, and none has" in held(found)
    word = "crash" if letter == "C" else "timeout"
    explained = entry(tests='["test.test_os.X.test_dies"]', outcome=f'"{word}"')
    assert conditions(updated(text + explained, results)) == []


def test_a_crash_that_did_not_come_again_makes_its_module_doubtful_all_the_same() -> None:
    """What came after it ran in another interpreter."""
    text = entry(when='{ target = "wasi" }')
    dies = "test_os.X.test_dies"
    results = [with_tries_of(run_of(WASI, {LINK: "P", dies: "C"}, day=day), dies) for day in (1, 2, 3)]
    found = updated(text, results)
    assert conditions(found) == ["target wasi"]
    assert "does pass now; 3 whole runs must have seen it, and none has" in held(found)


def with_tries_of(results: CellResults, name: str) -> CellResults:
    """The results, in which that case passed when it ran again."""
    modules = [
        msgspec.structs.replace(
            module,
            cases=tuple(
                msgspec.structs.replace(case, tries=(case.outcome, Outcome.PASS)) if case.case.endswith(name) else case
                for case in module.cases
            ),
        )
        for module in results.modules
    ]
    return msgspec.structs.replace(results, modules=tuple(modules))


def test_an_entry_is_narrowed_to_the_cells_that_were_not_seen_to_pass() -> None:
    text = entry(when='{ target = "emscripten", python = "<3.14" }')
    new, threads, old = (runs_of(cell, LINK, "PPP") for cell in (NEW, THREADS, OLD))
    assert conditions(updated(text, new, cautious=True)) == ["target emscripten, python <3.14, emscripten <4.0.12"]
    assert conditions(updated(text, threads, cautious=True)) == ["target emscripten, python <3.14, no pthreads"]
    assert conditions(updated(text, [*old, *threads], cautious=True)) == [
        "target emscripten, python <3.14, emscripten >=4.0.7"
    ]


def notes(found: Update) -> list[str]:
    return [line for line in summary_lines(found, rows=9) if line.startswith("note  ")]


@pytest.mark.parametrize("letters", ["PPP", "SSS", "---"])
def test_an_entry_that_is_stale_wherever_it_was_looked_for_goes_with_a_note(letters: str) -> None:
    """What passes, is skipped or is gone in every run of the target: one removal, and not a condition for each cell of
    which no run was seen.
    """
    found = updated(entry(when='{ target = "emscripten" }'), runs_of(OLD, LINK, letters))
    assert found.after[FILE] == ""
    assert notes(found) == [
        (
            f"note  test.{LINK}: no entry is left where no run was seen: emscripten-4.0.7, emscripten-4.0.12, "
            "emscripten-3.1.69-pthreads (--cautious keeps it there)"
        )
    ]
    assert notes(updated(entry(when='{ target = "emscripten" }'), runs_of(OLD, LINK, letters), cautious=True)) == []


def test_a_condition_is_narrowed_where_runs_differ() -> None:
    text = entry(when='{ target = "emscripten" }')
    found = updated(text, [*runs_of(OLD, LINK, "EEE"), *runs_of(NEW, LINK, "PPP")])
    assert conditions(found) == ["target emscripten, emscripten <4.0.12"]
    assert notes(found) == []


def test_a_run_that_says_nothing_about_the_case_does_not_count() -> None:
    part = run_of(NEW, {"test_json.T.test_a": "P"}, complete=False)
    found = updated(entry(when='{ target = "emscripten" }'), [*runs_of(OLD, LINK, "PPP"), part])
    assert found.after[FILE] == ""


def test_what_is_held_on_a_target_stays_on_all_of_it() -> None:
    """Two whole runs where three must agree: nothing is assumed of the others."""
    text = {FILE: entry(when='{ target = "emscripten" }')}
    assert updated(text, [*runs_of(OLD, LINK, "PP"), *runs_of(NEW, LINK, "PP")]).after == text


def test_a_target_without_a_run_keeps_its_entry() -> None:
    assert conditions(updated(entry(), runs_of(WASI, LINK, "PPP"))) == ["target emscripten"]


def test_every_case_of_a_class_has_to_be_stale() -> None:
    names = [f"test_os.LinkTests.test_{name}" for name in "ab"]
    text = entry(tests='["test.test_os.LinkTests.*"]', when='{ target = "emscripten" }')
    passing = [run_of(OLD, dict.fromkeys(names, "P"), day=day) for day in (1, 2, 3)]
    assert updated(text, passing).after[FILE] == ""
    partly = [run_of(OLD, dict(zip(names, "PE", strict=True)), day=day) for day in (1, 2, 3)]
    left = {test: str(one.when) for one in updated(text, partly).entries for test in one.tests}
    assert left[f"test.{names[1]}"] == "target emscripten"


def test_a_hole_in_the_middle_takes_two_entries() -> None:
    found = updated(entry(when='{ target = "emscripten" }'), runs_of(MIDDLE, LINK, "PPP"), cautious=True)
    assert conditions(found) == ["target emscripten, emscripten <4.0.7", "target emscripten, emscripten >=4.0.12"]
    assert {one.reason for one in found.entries} == {"os.link() fails with ENOSYS"}


def test_only_the_test_that_passes_leaves_its_entry() -> None:
    text = entry(tests='["test.test_os.A.test_a", "test.test_os.LinkTests.test_link"]', when='{ target = "wasi" }')
    found = updated(text, [run_of(WASI, {LINK: "P", "test_os.A.test_a": "E"}, day=day) for day in (1, 2, 3)])
    assert found.after[FILE] == entry(tests='["test.test_os.A.test_a"]', when='{ target = "wasi" }')


def test_a_class_is_named_case_by_case_when_its_cases_differ_now() -> None:
    text = entry(tests='["test.test_os.LinkTests.*"]', when='{ target = "wasi" }')
    names = [f"test_os.LinkTests.test_{name}" for name in "abc"]
    results = [run_of(WASI, dict(zip(names, "EPE", strict=True)), day=day) for day in (1, 2, 3)]
    found = updated(text, results)
    assert [one.tests for one in found.entries] == [("test.test_os.LinkTests.test_a", "test.test_os.LinkTests.test_c")]
    gone = [run_of(WASI, dict(zip(names, "PPP", strict=True)), day=day) for day in (1, 2, 3)]
    assert updated(text, gone).after == {FILE: ""}
    same = [run_of(WASI, dict(zip(names, "EEE", strict=True)))]
    assert updated(text, same).changed == ()


def test_a_class_that_is_gone_keeps_its_entry_until_enough_whole_runs_agree() -> None:
    """It does not get the outcome that its cases had last before they were gone."""
    text = entry(tests='["test.test_os.LinkTests.*"]', when='{ target = "wasi" }')
    late = [*runs_of(WASI, "test_os.LinkTests.test_a", "EV"), *runs_of(WASI, LINK, "EV")]
    gone = [run_of(WASI, {"test_os.Other.test_fine": "P"}, day=day) for day in (3, 4, 5)]
    kept = updated(text, [*late, *gone[:2]], accept=True)
    assert (kept.after[FILE], set(held(kept))) == (text, {"is gone now; 3 whole runs must have seen it, and 2 have"})
    assert updated(text, [*late, *gone], accept=True).after == {FILE: ""}


# What changes.


def test_an_entry_is_widened_to_a_cell_where_its_case_fails_in_the_same_way() -> None:
    text = entry(when='{ target = "emscripten", emscripten = "<4", python = "<3.14" }')
    both = [*runs_of(OLD, LINK, "E"), *runs_of(MIDDLE, LINK, "E")]
    assert conditions(updated(text, both)) == ["target emscripten, emscripten <4.0.12, python <3.14"]


def test_an_entry_is_not_widened_on_the_strength_of_its_outcome_alone() -> None:
    text = entry(when='{ target = "emscripten", emscripten = "<4" }')
    assert [one.reason for one in updated(text, runs_of(MIDDLE, LINK, "E")).entries].count("TODO") == 1
    other = [*runs_of(OLD, LINK, "V"), *runs_of(MIDDLE, LINK, "E")]
    assert [one.reason for one in updated(text, other).entries].count("TODO") == 1
    signed = entry(signature='"OSError ENOTSUP"', when='{ target = "emscripten", emscripten = "<4" }')
    assert conditions(updated(signed, runs_of(MIDDLE, LINK, "E"))) == ["target emscripten, emscripten <4.0.12"]


def test_where_a_cell_between_was_not_seen_the_entry_stays_and_a_copy_covers_the_new_cell() -> None:
    text = entry(when='{ target = "emscripten", emscripten = "<4" }')
    found = updated(text, [*runs_of(OLD, LINK, "E"), *runs_of(NEW, LINK, "E")])
    assert conditions(found) == ["target emscripten, emscripten <4", "target emscripten, emscripten >=4.0.12"]
    assert {one.reason for one in found.entries} == {"os.link() fails with ENOSYS"}


def test_a_class_is_widened_where_all_of_its_cases_fail_alike() -> None:
    text = entry(tests='["test.test_os.LinkTests.*"]', when='{ target = "emscripten", emscripten = "<4" }')
    names = [f"test_os.LinkTests.test_{name}" for name in "ab"]
    old = run_of(OLD, dict.fromkeys(names, "E"))
    found = updated(text, [old, run_of(MIDDLE, dict.fromkeys(names, "E"))])
    assert [(one.tests, str(one.when)) for one in found.entries] == [
        (("test.test_os.LinkTests.*",), "target emscripten, emscripten <4.0.12")
    ]
    found = updated(text, [old, run_of(MIDDLE, dict(zip(names, "EP", strict=True)))])
    assert [one.tests for one in found.entries] == [("test.test_os.LinkTests.test_a",), ("test.test_os.LinkTests.*",)]


def test_an_entry_is_not_widened_to_a_target_that_it_does_not_cover() -> None:
    text = entry(when='{ target = "emscripten" }')
    found = updated(text, runs_of(WASI, LINK, "E"))
    assert [(str(one.when), one.reason) for one in found.entries] == [
        ("target emscripten", "os.link() fails with ENOSYS"),
        ("target wasi", "TODO"),
    ]


def test_another_outcome_takes_the_place_of_the_listed_one_only_where_it_was_seen() -> None:
    found = updated(entry(when='{ target = "emscripten" }'), runs_of(NEW, LINK, "F"))
    assert [(one.outcome[0].value, str(one.when), one.reason) for one in found.entries] == [
        ("error", "target emscripten, emscripten <4.0.12", "os.link() fails with ENOSYS"),
        ("fail", "target emscripten, emscripten >=4.0.12", "os.link() fails with ENOSYS"),
    ]


def test_a_crash_in_place_of_an_error_is_not_a_small_change() -> None:
    found = updated(entry(when='{ target = "wasi" }'), runs_of(WASI, LINK, "C"))
    assert found.changed == ()
    assert held(found) == ["does crash now, worse than its entry: --accept-regression would list it"]
    (only,) = updated(entry(when='{ target = "wasi" }'), runs_of(WASI, LINK, "C"), accept=True).entries
    assert only.outcome[0].value == "crash"


def test_a_second_outcome_that_alternates_is_listed_behind_the_first() -> None:
    (only,) = updated(entry(when='{ target = "wasi" }'), runs_of(WASI, LINK, "EFE")).entries
    assert [outcome.value for outcome in only.outcome] == ["error", "fail"]
    (only,) = updated(entry(when='{ target = "wasi" }'), runs_of(WASI, LINK, "EPE")).entries
    assert [outcome.value for outcome in only.outcome] == ["error", "pass"]


def test_signatures_are_learnt() -> None:
    signed = entry(signature='"OSError ENOTSUP"', when='{ target = "wasi" }')
    assert updated(signed, runs_of(WASI, LINK, "E")).changed == ()
    (only,) = updated(signed, runs_of(WASI, LINK, "EV")).entries
    assert only.signature == ("OSError ENOTSUP", "ValueError")
    unsigned = entry(when='{ target = "wasi" }')
    assert updated(unsigned, runs_of(WASI, LINK, "E")).changed == ()
    (only,) = updated(unsigned, runs_of(WASI, LINK, "E"), learn=True).entries
    assert only.signature == ("OSError ENOTSUP",)
    (only,) = updated(entry(), [*runs_of(WASI, LINK, "P"), *runs_of(OLD, "test_os.X.test_x", "S")], learn=True).entries
    assert only.signature == ()


def test_the_signatures_of_a_class_are_those_of_its_cases_that_no_entry_names() -> None:
    a_class = entry(tests='["test.test_os.LinkTests.*"]', when='{ target = "wasi" }')
    (only,) = updated(a_class, runs_of(WASI, LINK, "E"), learn=True).entries
    assert only.signature == ("OSError ENOTSUP",)
    named = entry(tests=f'["test.{LINK}"]', signature='"OSError ENOTSUP"', when='{ target = "wasi" }')
    *_, wider = updated(named + a_class, runs_of(WASI, LINK, "E"), learn=True).entries
    assert wider.signature == ()


@pytest.mark.parametrize(("outcome", "learnt"), [('["error", "pass"]', ("OSError ENOTSUP",)), ('"error"', ())])
def test_not_every_case_that_passes_now_and_then_must_have_failed(outcome: str, learnt: tuple[str, ...]) -> None:
    unsigned = entry(tests=f'["test.{LINK}", "test.{LINK}_too"]', outcome=outcome, when='{ target = "wasi" }')
    seen = run_of(WASI, {LINK: "E", f"{LINK}_too": "P"})
    (only,) = updated(unsigned, [seen], learn=True).entries
    assert only.signature == learnt


# How it is written.

COMMENTED = """\
# What is wrong with links. (A comment on the file.)

# This one matters: it is about links.
[[expect]]
tests = [
    "test.test_os.LinkTests.test_a", # the short one
    "test.test_os.LinkTests.test_link",
]
outcome = "error"
limitation = "fs-hard-links"   # as documented
reason = '''
[[expect]] in a string is no entry'''
note = "seen by hand"
when = { target = "wasi" }
# after it

[[expect]]
tests = ["test.test_os.Z.test_z"]
outcome = "error"
limitation = "fs-hard-links"
reason = "untouched"
"""


def test_comments_reasons_and_notes_stay_and_nothing_else_moves() -> None:
    results = [
        run_of(WASI, {LINK: "P", "test_os.LinkTests.test_a": "E", "test_os.Z.test_z": "E"}, day=day)
        for day in (1, 2, 3)
    ]
    found = updated(COMMENTED, results)
    assert found.after[FILE] == COMMENTED.replace('    "test.test_os.LinkTests.test_link",\n', "")
    assert '-    "test.test_os.LinkTests.test_link",' in found.diff()


def test_new_entries_are_sorted_in_among_the_others() -> None:
    first = updated({}, [run_of(WASI, {"test_os.M.test_m": "E"})])
    cases = {"test_os.M.test_m": "E", "test_os.A.test_a": "F", "test_os.Z.test_z": "F", "test_os.B.test_b": "V"}
    found = updated(first.after, [run_of(WASI, cases)])
    assert [one.tests[0].split(".")[2] for one in found.entries] == ["A", "B", "M"]


def test_the_order_of_the_results_does_not_matter() -> None:
    results = [
        *runs_of(OLD, LINK, "EEE"),
        *runs_of(NEW, LINK, "PPP"),
        *runs_of(WASI, "test_os.X.test_x", "FFF"),
    ]
    text = entry(when='{ target = "emscripten" }')
    expected = updated(text, results).after
    for seed in range(5):
        shuffled = random.Random(seed).sample(results, len(results))
        assert updated(text, shuffled).after == expected


def test_updates_of_two_people_to_different_modules_touch_different_files() -> None:
    one = updated({}, [run_of(WASI, {LINK: "E", "test_json.X.test_a": "P"})])
    other = updated({}, [run_of(WASI, {LINK: "P", "test_json.X.test_a": "E"})])
    together = updated({}, [run_of(WASI, {LINK: "E", "test_json.X.test_a": "E"})])
    assert together.after == {**one.after, **other.after}


def test_a_list_in_another_form_is_reported_and_not_changed() -> None:
    inline = (
        'expect = [{ tests = ["test.test_os.LinkTests.test_link"], outcome = "error", '
        'limitation = "fs-hard-links", reason = "x", when = { target = "wasi" } }]\n'
    )
    with pytest.raises(Exception, match="the updater cannot edit this entry"):
        updated(inline, runs_of(WASI, LINK, "PPP"))


def test_after_an_update_the_newest_runs_are_as_expected() -> None:
    results = [*runs_of(OLD, LINK, "EEE"), *runs_of(NEW, LINK, "PPP"), *runs_of(WASI, LINK, "PPF")]
    found = updated(entry(when='{ target = "emscripten" }'), results, accept=True)
    for newest in (results[2], results[5], results[8]):
        assert verdicts(found, newest).is_as_expected


# The command.


def saved(folder: Path, results: list[CellResults]) -> list[str]:
    paths = []
    for number, found in enumerate(results):
        path = folder / f"run{number}" / found.cell.id / "results.json"
        write_results(path, found)
        paths.append(str(path))
    return paths


def test_the_command_shows_a_difference_and_writes_it_only_when_asked_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = tmp_path / "expected_failures"
    lists.mkdir()
    (lists / "limitations.toml").write_text("")
    paths = saved(tmp_path, [run_of(WASI, {LINK: "E"})])
    arguments = ["update", *paths, "--lists", str(lists), "--reports", str(tmp_path / "none")]
    assert cli.main(arguments) == EXIT_OK
    shown = capsys.readouterr().out
    assert '+tests = ["test.test_os.LinkTests.test_link"]' in shown
    assert "1 list would change with --write" in shown
    assert f"read: {Path(paths[0]).parent}" in shown
    assert not (lists / "wasi").exists()
    assert cli.main([*arguments, "--write"]) == EXIT_OK
    assert 'reason = "TODO"' in (lists / "wasi" / "test_os.toml").read_text()
    capsys.readouterr()
    assert cli.main(["update", str(tmp_path), *arguments[2:], "--write"]) == EXIT_OK
    assert "1 run read, 0 lists changed" in capsys.readouterr().out
    assert cli.main(["update", str(lists), *arguments[2:]]) == EXIT_CONFIG
    assert "there is no results.json in" in capsys.readouterr().err


def test_what_was_held_assumed_and_listed_is_summed_up() -> None:
    cells = tuple(f"cell-{number}" for number in range(7))
    found = Update(
        before={},
        after={},
        held=tuple(Skipped(f"test.t.T.test_{letter}", "wasi" if letter == "a" else "", "why") for letter in "abcde"),
        entries=read_lists({FILE: entry(reason='"TODO"') + entry(reason='"TODO: x"', when=ON_WASI)}, REGISTRY).entries,
        assumed={cells[:1]: ("t.a",), cells[:5]: ("t.a", "t.b"), cells[:6]: ("t.a", "t.b", "t.c"), cells: ("t.d",)},
    )
    where = "no entry is left where no run was seen: cell-0"
    five = f"{where}, cell-1, cell-2, cell-3, cell-4"
    assert list(summary_lines(found, rows=3)) == [
        "held  test.t.T.test_a (wasi) why",
        "held  test.t.T.test_b why",
        "held  test.t.T.test_c why",
        "held  ... and 2 more",
        f"note  t.a: {where} (--cautious keeps it there)",
        f"note  t.a and 1 more test: {five} (--cautious keeps it there)",
        f"note  t.a and 2 more tests: {five} and 1 more (--cautious keeps it there)",
        f"note  t.d: {five} and 2 more (--cautious keeps it there)",
        "2 entries wait for their cause and reason; once written, no cell can be tested until then: "
        + ", ".join(entry.place for entry in found.waiting),
    ]
    assert len(list(summary_lines(found, rows=5))) == 10
    assert list(summary_lines(Update(before={}, after={}, held=(), entries=()), rows=3)) == []


def test_a_difference_is_a_patch_of_every_list_that_changed() -> None:
    before = {"l/changed.toml": "a\nb", "l/gone.toml": "c\n", "l/same.toml": "d\n"}
    after = {"l/changed.toml": "a\ne\n", "l/gone.toml": "", "l/new.toml": "f\n", "l/same.toml": "d\n"}
    assert Update(before=before, after=after, held=(), entries=()).diff() == (
        "--- a/l/changed.toml\n+++ b/l/changed.toml\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+e\n"
        "--- a/l/gone.toml\n+++ /dev/null\n@@ -1 +0,0 @@\n-c\n"
        "--- /dev/null\n+++ b/l/new.toml\n@@ -0,0 +1 @@\n+f\n"
    )


def test_lists_are_written_into_folders_that_need_not_be_there(tmp_path: Path) -> None:
    folder = tmp_path / "project" / "lists"
    after = {"lists/wasi/a.toml": "a", "lists/wasi/b.toml": "b", "lists/gone.toml": ""}
    found = Update(before={"lists/gone.toml": "x"}, after=after, held=(), entries=())
    for _ in range(2):
        write(found, folder)
        assert {path.name: path.read_text() for path in folder.rglob("*.toml")} == {"a.toml": "a", "b.toml": "b"}


def test_an_update_that_would_write_a_mistake_is_an_error() -> None:
    workspace = dataclasses.replace(workspace_of({FILE: entry(when=ON_WASI)}), registry=Registry({}))
    read = [read_run(run, source="", index=index) for index, run in enumerate(runs_of(WASI, LINK, "FFF"))]
    with pytest.raises(HarnessError, match=r"would write a list with a mistake: .*fs-hard-links"):
        update(workspace, read, Rules(), learn_signatures=False)


def test_a_cell_that_is_not_declared_or_broken_is_not_mentioned() -> None:
    part = run_of(emscripten("9.9.9"), {"test_json.T.test_a": "P"}, complete=False)
    text = entry(when='{ target = "emscripten" }')
    found = updated(text, [*runs_of(OLD, LINK, "PPP"), part], cells=(OLD, dataclasses.replace(NEW, broken="x"), WASI))
    assert (found.after[FILE], notes(found)) == ("", [])


def test_a_failure_that_said_nothing_has_no_cause() -> None:
    every = dataclasses.replace(limitation("every", Target.WASI), explains=(".",))
    silent = CaseResult(case=f"test.{LINK}", outcome=Outcome.FAIL)
    run = run_of(WASI, {LINK: "F"})
    run = msgspec.structs.replace(run, modules=(msgspec.structs.replace(run.modules[0], cases=(silent,)),))
    (only,) = updated({}, [run], registry=Registry({"every": every})).entries
    assert (only.limitation, only.reason) == ("", "TODO")


def test_only_new_cases_are_counted_that_failed_once() -> None:
    text = entry(when=ON_WASI)
    twice = [run_of(WASI, {LINK: letter, "test_os.X.test_a": "E"}, day=day) for day, letter in enumerate("EP", 1)]
    assert updated(text, twice).seen_once == 0


def test_signatures_that_are_listed_or_of_another_class_are_not_learnt() -> None:
    signed = entry(signature='["OSError ENOTSUP", "ValueError"]', when=ON_WASI)
    assert updated(signed, runs_of(WASI, LINK, "E"), learn=True).changed == ()
    a_class = entry(tests='["test.test_os.LinkTests.*"]', when=ON_WASI)
    found = updated(a_class, [run_of(WASI, {LINK: "E", "test_os.Other.test_a": "V"})], learn=True)
    assert [one.signature for one in found.entries if "LinkTests" in one.tests[0]] == [("OSError ENOTSUP",)]


def test_a_list_with_nothing_left_is_removed(tmp_path: Path) -> None:
    found = updated(entry(when='{ target = "wasi" }'), runs_of(WASI, LINK, "PPP"))
    path = tmp_path / FILE
    path.parent.mkdir()
    path.write_text(found.before[FILE])
    write(found, path.parent)
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.json"], "cannot read nowhere.json"),
        (["--runs", "0", "x.json"], "--runs: 0: must be a number of 1 or more"),
    ],
)
def test_a_mistake_in_the_arguments_is_reported(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["update", *arguments]) == EXIT_CONFIG
    assert message in capsys.readouterr().err


def test_older_runs_of_the_same_cells_are_the_history(tmp_path: Path, said: list[str]) -> None:
    reports = tmp_path / "reports"
    results = runs_of(WASI, LINK, "PPPP")
    paths = [Path(path) for path in saved(reports, [*results, *runs_of(OLD, LINK, "P")])]
    (reports / "broken" / "wasi").mkdir(parents=True)
    (reports / "broken" / "wasi" / "results.json").write_text("{")
    runs = gather([paths[2]], reports)
    assert sorted(run.order for run in runs) == [
        ("2026-11-01T00:00:00Z", -1),
        ("2026-11-02T00:00:00Z", -1),
        ("2026-11-03T00:00:00Z", 0),
    ]
    assert len(said) == 1
    given_twice = gather([paths[0], paths[2]], reports)
    assert [run.order[1] for run in sorted(given_twice, key=lambda run: run.order)] == [0, -1, 1]


def test_ten_older_runs_are_read(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    paths = saved(reports, [run_of(WASI, {LINK: "P"}, day=day) for day in range(1, 13)])
    newest = given(tmp_path, run_of(WASI, {LINK: "P"}, day=20))
    for number, path in enumerate(paths):
        os.utime(path, (number, number))
    read = gather([newest], reports)
    assert sorted(run.order[0][8:10] for run in read) == [f"{day:02}" for day in [*range(3, 13), 20]]


def test_lists_do_not_learn_from_runs_of_own_tests(tmp_path: Path) -> None:
    run = run_of(WASI, {LINK: "P"})
    own = msgspec.structs.replace(run, run=msgspec.structs.replace(run.run, options=RunOptions(tests="/mine")))
    (path,) = saved(tmp_path / "reports", [own])
    with pytest.raises(ConfigError, match="is a run of own tests, /mine"):
        gather([Path(path)], tmp_path / "reports")
    newest = given(tmp_path, run_of(WASI, {LINK: "P"}, day=2))
    assert [one.source for one in gather([newest], tmp_path / "reports")] == [str(newest)]


# The history.


def kept(file: Path, results: list[CellResults]) -> None:
    for run in results:
        with opened(file, write=True) as connection:
            Store(connection).record(record_of(run, source=f"the night of {run.run.started[:10]}"))


def given(folder: Path, run: CellResults) -> Path:
    path = folder / f"given on {run.run.started[:10]}" / "results.json"
    write_results(path, run)
    return path


@pytest.mark.parametrize(("letters", "goes"), [("PPP", True), ("EPP", True), ("PEP", False), ("EEP", False)])
def test_runs_of_the_history_count_in_addition_to_those_that_are_given(
    tmp_path: Path, letters: str, goes: bool
) -> None:
    runs = runs_of(WASI, LINK, letters + "P")
    kept(tmp_path / "history.sqlite", runs)
    read = gather([given(tmp_path, runs[-1])], tmp_path, history=tmp_path / "history.sqlite")
    assert sorted(run.order[0][8:10] for run in read) == ["01", "02", "03", "04"]
    found = update(workspace_of({FILE: entry()}), read, Rules(runs=3), learn_signatures=False)
    assert (WASI not in [cell for cell in CELLS if f"test.{LINK}" in expected(found, cell)]) is goes


def test_a_run_of_the_history_is_the_evidence_that_its_results_are(tmp_path: Path) -> None:
    cases = {LINK: "E", "test_os.LinkTests.test_a": "P", "test_json.X.test_b": "C", "test_json.X.test_c": "S"}
    old = [
        run_of(WASI, cases, day=1),
        run_of(WASI, {LINK: "P", "test_os.LinkTests.test_a": "-"}, day=2, complete=False),
        run_of(WASI, cases | {LINK: "T"}, day=3, complete=False, module_complete=False),
        mixed(run_of(WASI, cases, day=4)),
        following(run_of(WASI, cases, day=5)),
    ]
    kept(tmp_path / "history.sqlite", old)
    path = given(tmp_path, run_of(WASI, cases, day=9))
    _, *read = gather([path], tmp_path, history=tmp_path / "history.sqlite")
    for run, results in zip(read, old, strict=True):
        wanted = read_run(results, source=run.source, index=-1)
        # What a failure said is not kept.
        wanted = dataclasses.replace(wanted, failures=dict.fromkeys(wanted.failures, Failure("", "")))
        assert dataclasses.replace(run, deaths=()) == dataclasses.replace(wanted, deaths=())
        assert set(run.deaths) == set(wanted.deaths)


def test_only_older_runs_of_the_same_cell_count_of_the_history_and_each_once(tmp_path: Path) -> None:
    runs = runs_of(WASI, LINK, "PPPP")
    kept(tmp_path / "history.sqlite", [*runs, *runs_of(THREADS, LINK, "PP")])
    paths = [given(tmp_path, runs[1]), given(tmp_path, runs[2])]
    read = gather(paths, tmp_path, history=tmp_path / "history.sqlite")
    assert sorted((run.cell, run.order[0][8:10]) for run in read) == [("wasi", "01"), ("wasi", "02"), ("wasi", "03")]


@pytest.mark.parametrize("option", [True, False])
def test_the_command_uses_the_history_next_to_the_reports_or_the_one_that_is_named(
    tmp_path: Path, option: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    lists, reports = tmp_path / "expected_failures", tmp_path / "reports"
    lists.mkdir()
    (lists / "limitations.toml").write_text("")
    runs = runs_of(WASI, LINK, "PPP")
    kept(tmp_path / "other.sqlite" if option else reports / "history.sqlite", runs[:2])
    named = ["--history", str(tmp_path / "other.sqlite")] if option else []
    path = str(given(tmp_path, runs[2]))
    assert cli.main(["update", path, "--lists", str(lists), "--reports", str(reports), *named]) == EXIT_OK
    assert "3 runs read" in capsys.readouterr().out


def test_past_runs_are_those_before_a_time_and_know_what_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite"
    fine = "test_os.Other.test_fine"
    kept(file, [run_of(WASI, {LINK: letter, fine: "P"}, day=day) for day, letter in enumerate("E--P", 1)])
    found = past_runs(file, {"wasi": "2026-11-04T00:00:00Z"}, (), limit=2)
    assert [(run.order, set(run.seen), set(run.modules)) for run in found] == [
        ((f"2026-11-0{day}T00:00:00Z", -1), {f"test.{fine}"}, {"test.test_os"}) for day in (2, 3)
    ]
    assert past_runs(file, {"wasi": "2026-11-01T00:00:00Z"}, (), limit=2) == []
    with pytest.raises(ConfigError):
        past_runs(tmp_path / "none.sqlite", {"wasi": "2026-11-04T00:00:00Z"}, (), limit=2)


def expected(found: Update, cell: Cell) -> Mapping[str, Expectation]:
    return Expectations(found.entries).for_cell(cell).entries


def mixed(run: CellResults) -> CellResults:
    """The run, in which the case changed its outcome when it ran again."""
    modules = [msgspec.structs.replace(one, cases=tuple(map(_mixed, one.cases))) for one in run.modules]
    return msgspec.structs.replace(run, modules=tuple(modules))


def _mixed(case: CaseResult) -> CaseResult:
    tries = (Outcome.ERROR, Outcome.PASS)
    return msgspec.structs.replace(case, tries=tries) if case.case == f"test.{LINK}" else case


def following(run: CellResults) -> CellResults:
    """The run, in which the class of the case was not set up."""
    fixture = CaseResult(case="setUpClass (test.test_os.LinkTests)", outcome=Outcome.ERROR)
    follower = CaseResult(case=f"test.{LINK}", outcome=Outcome.NOT_RUN, detail=Detail(reason=fixture.case))
    module = next(one for one in run.modules if one.module == "test_os")
    others = tuple(one for one in run.modules if one is not module)
    return msgspec.structs.replace(run, modules=(*others, msgspec.structs.replace(module, cases=(fixture, follower))))


@pytest.mark.parametrize("test", [f"test.{LINK}", "test.test_os.LinkTests.*"])
def test_what_changed_its_outcome_in_every_run_is_not_gone(test: str) -> None:
    runs = [mixed(run) for run in runs_of(WASI, LINK, "EEE")]
    assert not updated(entry(tests=f'["{test}"]'), runs).changed


@pytest.mark.parametrize("change", [{"use": ("none",)}, {"randomize": True}])
def test_lists_learn_nothing_from_other_resources_or_another_order(tmp_path: Path, change: dict[str, Any]) -> None:
    run = run_of(WASI, {LINK: "P"})
    options = msgspec.structs.replace(run.run.options, **change)
    other = msgspec.structs.replace(run, run=msgspec.structs.replace(run.run, options=options))
    (path,) = saved(tmp_path, [other])
    with pytest.raises(ConfigError, match="is a run with -u or --randomize"):
        gather([Path(path)], tmp_path / "none")
