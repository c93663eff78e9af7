"""A bisection finds what trying every candidate would find."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.bisect.search import Judgement, bounds, next_candidate, steps_left, suspects


@st.composite
def rows(draw: st.DrawFn, skips: bool = True) -> list[Judgement]:
    """What a row of candidates answers: good ones, then bad ones; some of those between the ends give no answer."""
    good, bad = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    row = [Judgement.GOOD] * good + [Judgement.BAD] * bad
    inner = range(1, len(row) - 1)
    for number in draw(st.sets(st.sampled_from(inner))) if skips and inner else ():
        row[number] = Judgement.SKIP
    return row


def search(row: list[Judgement]) -> tuple[dict[int, Judgement], int]:
    """All answers, and how many were asked for between the ends."""
    answers = {0: row[0], len(row) - 1: row[-1]}
    while (number := next_candidate(answers)) is not None:
        assert number not in answers
        answers[number] = row[number]
    return answers, len(answers) - 2


def linear(row: list[Judgement]) -> range:
    """The suspects that trying every candidate gives."""
    bad = row.index(Judgement.BAD)
    good = max(number for number in range(bad) if row[number] is Judgement.GOOD)
    return range(good + 1, bad + 1)


@given(rows())
def test_the_search_finds_what_trying_all_finds(row: list[Judgement]) -> None:
    answers, _ = search(row)
    assert suspects(answers) == linear(row)


@given(rows(skips=False))
def test_without_skips_one_is_left_after_the_number_of_steps_that_was_predicted(row: list[Judgement]) -> None:
    predicted = steps_left({0: row[0], len(row) - 1: row[-1]})
    answers, asked = search(row)
    assert len(suspects(answers)) == 1
    assert asked <= predicted <= len(row).bit_length()


@given(rows())
def test_skips_cost_little_more_than_themselves(row: list[Judgement]) -> None:
    answers, asked = search(row)
    skipped = sum(answer is Judgement.SKIP for answer in answers.values())
    assert asked <= skipped + (skipped + 1) * len(row).bit_length()


def test_the_one_after_a_skip_is_far_from_it() -> None:
    answers = {0: Judgement.GOOD, 100: Judgement.BAD}
    assert next_candidate(answers) == 50
    assert next_candidate(answers | {50: Judgement.SKIP}) in {25, 75}


def test_the_bounds_are_those_around_the_change() -> None:
    answers = {0: Judgement.GOOD, 3: Judgement.GOOD, 4: Judgement.SKIP, 5: Judgement.BAD, 9: Judgement.BAD}
    assert bounds(answers) == (3, 5)
    assert list(suspects(answers)) == [4, 5]
    assert next_candidate(answers) is None
