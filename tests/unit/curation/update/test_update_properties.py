"""What is true of every update, whatever the lists and the runs."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from harness.curation.update.evidence import setting_of
from harness.expectations.compare import compare, compare_module
from harness.expectations.entries import Expectations
from harness.expectations.files import read_lists
from harness.matrix.cells import Cell
from harness.results.case_ids import wildcard_of
from harness.results.cell_results import CellResults
from harness.results.outcomes import Outcome
from tests.unit.sample_lists import REGISTRY, entry
from tests.unit.sample_runs import CELLS, FILE, run_of, updated, verdicts

# An update takes 40 ms; HYPOTHESIS_UPDATES=1000 looks longer.
PROPERTY = settings(
    deadline=None,
    max_examples=int(os.environ.get("HYPOTHESIS_UPDATES", "25")),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
CASES = [f"test_os.{kind}.test_{case}" for kind in ("A", "B") for case in "ab"] + ["test_json.C.test_a"]
TESTS = [*(f"test.{case}" for case in CASES), "test.test_os.A.*", "test.test_os.B.*"]
CONDITIONS = (
    "",
    '{ target = "emscripten" }',
    '{ target = "wasi" }',
    '{ emscripten = "<4" }',
    '{ emscripten = ">=4.0.7,<6" }',
    '{ target = "emscripten", pthreads = false }',
    '{ python = "<3.14" }',
)
ENTRIES = st.builds(
    lambda tests, outcome, signature, when: entry(
        tests=str(sorted(tests)).replace("'", '"'), outcome=outcome, signature=signature, when=when
    ),
    st.sets(st.sampled_from(TESTS), min_size=1, max_size=3),
    st.sampled_from(('"error"', '"fail"', '["error", "pass"]', '"crash"')),
    st.sampled_from(("", '"ValueError"', '["OSError ENOTSUP", "AssertionError"]')),
    st.sampled_from(CONDITIONS),
)


@st.composite
def lists(draw: st.DrawFn) -> str:
    """Up to four entries that do not contradict each other."""
    text = ""
    for more in draw(st.lists(ENTRIES, max_size=4)):
        found = read_lists({FILE: text + more}, REGISTRY)
        assert not found.problems
        if not Expectations(found.entries).overlaps(CELLS):
            text += more
    return text


def runs(letters: str, *, most: int = 4) -> st.SearchStrategy[list[CellResults]]:
    """Runs of some cells, each with its own day, whole or not."""

    def one(cell: Cell) -> st.SearchStrategy[list[CellResults]]:
        words = st.tuples(*[st.sampled_from(letters)] * len(CASES))
        days = st.lists(st.tuples(words, st.integers(0, 5)), max_size=most)
        return days.map(
            lambda found: [
                run_of(
                    cell, dict(zip(CASES, word, strict=True)), day=day, complete=part != 0, module_complete=part != 1
                )
                for day, (word, part) in enumerate(found, 1)
            ]
        )

    return st.tuples(*map(one, CELLS)).map(lambda found: [run for some in found for run in some])


def newest(results: Sequence[CellResults]) -> list[CellResults]:
    return list({run.cell.id: run for run in results}.values())


@PROPERTY
@given(lists(), runs("PSFEVCTN-"), st.integers(1, 3), st.booleans(), st.booleans())
def test_an_update_is_total_deterministic_and_changes_nothing_the_second_time(
    text: str, results: list[CellResults], count: int, accept: bool, learn: bool
) -> None:
    first = updated(text, results, runs=count, accept=accept, learn=learn)
    assert updated(text, results, runs=count, accept=accept, learn=learn) == first
    second = updated(first.after, results, runs=count, accept=accept, learn=learn)
    assert second.after == first.after
    assert second.held == first.held
    assert not Expectations(first.entries).overlaps(CELLS)


@PROPERTY
@given(lists(), runs("PSFEVCT-"))
def test_after_an_update_nothing_is_unexpected_except_what_it_says_it_held_back(
    text: str, results: list[CellResults]
) -> None:
    found = updated(text, results, runs=1, accept=True)
    held = {(one.test, one.cell) for one in found.held}
    classes = {(wildcard_of(test), cell) for test, cell in held}
    for run in newest(results):
        for row in verdicts(found, run).unexpected:
            # The entry of a class and that of one of its cases name each other.
            mine, its_class = (row.case, run.cell.id), (wildcard_of(row.case), run.cell.id)
            assert mine in held or its_class in (classes if mine == its_class else held)


@PROPERTY
@given(lists(), runs("PSFEV-", most=1), st.integers(1, 3))
def test_after_an_update_from_enough_whole_runs_that_agree_nothing_is_unexpected(
    text: str, results: list[CellResults], count: int
) -> None:
    whole = [run for run in results if run.run.complete and all(module.complete for module in run.modules)]
    found = updated(text, whole * count, runs=count)
    for run in whole:
        assert verdicts(found, run).unexpected == ()


@PROPERTY
@given(lists(), runs("PSFEVCTN-"), st.booleans())
def test_a_cautious_update_leaves_every_entry_as_it_is_where_no_run_was_seen(
    text: str, results: list[CellResults], accept: bool
) -> None:
    found = updated(text, results, accept=accept, cautious=True)
    before = Expectations(read_lists({FILE: text}, REGISTRY).entries)
    after = Expectations(found.entries)
    seen = {setting_of(run.cell) for run in results}
    for cell in CELLS:
        if setting_of(cell) in seen:
            continue
        then, now = before.for_cell(cell), after.for_cell(cell)
        for case in CASES:
            old, new = then.lookup(f"test.{case}"), now.lookup(f"test.{case}")
            assert old is None or new is not None
            assert old is None or old.reason == "TODO" or new is None or set(old.outcome) <= set(new.outcome)


@PROPERTY
@given(lists(), runs("PFES-"))
def test_nothing_that_passed_is_listed_unless_asked_for(text: str, results: list[CellResults]) -> None:
    before = Expectations(read_lists({FILE: text}, REGISTRY).entries)
    after = Expectations(updated(text, results).entries)
    for run in results:
        then, now = before.for_cell(run.cell), after.for_cell(run.cell)
        for module in run.modules:
            for case in module.cases:
                if case.outcome is Outcome.PASS and then.lookup(case.case) is None:
                    assert now.lookup(case.case) is None


@PROPERTY
@given(lists(), runs("PSFEVCTN-"), st.randoms(use_true_random=False))
def test_comparing_is_total_and_knows_no_order(text: str, results: list[CellResults], random: object) -> None:
    expectations = Expectations(read_lists({FILE: text}, REGISTRY).entries)
    for run in results:
        expected = expectations.for_cell(run.cell)
        whole = compare(run.modules, expected, complete=run.run.complete)
        assert compare(tuple(reversed(run.modules)), expected, complete=run.run.complete) == whole
        assert sum(whole.counts.values()) >= sum(len(module.cases) for module in run.modules)
        for module in run.modules:
            assert compare_module(module, expected) == compare_module(module, expected)
