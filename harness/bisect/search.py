"""Which candidate to ask next, and where the change is by the answers so far. Pure.

Candidates stand in a row from the good end to the bad one and are named by their number in it. It is taken for granted,
as in every bisection, that there is one change: all before it are good, all from it on are bad.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import pairwise


class Judgement(StrEnum):
    """What a candidate says. `SKIP`: nothing."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"


Answers = Mapping[int, Judgement]


def bounds(answers: Answers) -> tuple[int, int]:
    """The last candidate that is known to be good, and the first that is known to be bad; both ends have answered."""
    bad = min(number for number, answer in answers.items() if answer is Judgement.BAD)
    return max(number for number, answer in answers.items() if answer is Judgement.GOOD and number < bad), bad


def suspects(answers: Answers) -> range:
    """The candidates among which the first bad one is; more than one in the end only where skips hide which."""
    good, bad = bounds(answers)
    return range(good + 1, bad + 1)


def next_candidate(answers: Answers) -> int | None:
    """Whom to ask next; None when nobody is left who could tell more.

    It is the middle of the longest stretch that nobody was asked of. Next to one that was skipped there are often more
    of them, and so the next one asked is far from it.
    """
    longest = max(_stretches(answers), key=len, default=range(0))
    return longest[len(longest) // 2] if longest else None


def steps_left(answers: Answers) -> int:
    """How many more there will be if none of them is a skip."""
    return sum(map(len, _stretches(answers))).bit_length()


def _stretches(answers: Answers) -> Iterator[range]:
    """The stretches between the bounds that nobody was asked of."""
    good, bad = bounds(answers)
    asked = [number for number in range(good, bad + 1) if number in answers]
    yield from (range(one + 1, other) for one, other in pairwise(asked))
