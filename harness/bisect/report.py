"""What a bisection has found: as text and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.bisect.answers import BisectStep, judge_step
from harness.bisect.question import Candidate, Question
from harness.bisect.search import Judgement, next_candidate, suspects
from harness.util.text import clock, plain

BISECT_SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Bisection:
    """A question and the steps so far, in the order in which they were asked, the good end first, then the bad one.
    `row` goes from the good end to the bad one, `backwards` in time where a fix is looked for.
    """

    question: Question
    row: tuple[Candidate, ...]
    backwards: bool
    steps: tuple[BisectStep, ...]

    @property
    def answers(self) -> Mapping[int, Judgement]:
        """By the places in the row, in the order of the steps."""
        places = {candidate.name: place for place, candidate in enumerate(self.row)}
        good, bad = self.steps[0].outcome, self.steps[1].outcome
        changed = self.question.changed
        return {places[step.candidate]: judge_step(step, good=good, bad=bad, changed=changed) for step in self.steps}

    @property
    def next(self) -> int | None:
        """The place of the candidate to ask next."""
        return next_candidate(self.answers)

    @property
    def found(self) -> tuple[Candidate, ...]:
        """The candidates, in the order of time, among which is the one that changed the case. Where a fix is looked
        for, it is the last good one in the row that is the first good one in time.
        """
        places = suspects(self.answers)
        first, last = (places.start - 1, places.stop - 1) if self.backwards else (places.start, places.stop)
        return self.row[first:last][:: -1 if self.backwards else 1]

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        good, bad = self.steps[0].outcome, self.steps[1].outcome
        what, before, after = ("good", bad, good) if self.backwards else ("bad", good, bad)
        if len(self.found) == 1:
            return f"first {what}: {self.question.axis.label} {self.found[0]}: {before} before it, {after} from it on"
        which = f"one of {len(self.found)}, {self.question.axis.label} {self.found[0]} to {self.found[-1]}"
        why = "what was skipped hides which" if self.next is None else "the same command goes on"
        return f"first {what}: {which}; {why}"

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": BISECT_SCHEMA,
            "question": self.question.to_json(),
            "candidates": [vars(candidate) for candidate in self.row],
            "first": "good" if self.backwards else "bad",
            "finished": self.next is None,
            "suspects": [candidate.name for candidate in self.found],
            "steps": [
                {**step.to_json(), "answer": self.answers[place].value, "folder": f"steps/{step.candidate}"}
                for step, place in zip(self.steps, self.answers, strict=True)
            ],
        }

    def render(self, folder: str) -> str:
        """The report for people, its last line the headline."""
        answers = list(self.answers.values())
        rows = [
            (step.candidate[:12], step.seen, _word(step, answer))
            for step, answer in zip(self.steps, answers, strict=True)
        ]
        widths = [max(len(row[index]) for row in rows) for index in range(2)]
        asked = f"{len(self.steps)} of {len(self.row)} asked, {clock(sum(step.seconds for step in self.steps))}"
        names = {candidate.name for candidate in self.found}
        again = [f"  again      {step.command}" for step in self.steps if step.candidate in names and step.outcome]
        lines = [
            f"{self.question.case} on {self.question.cell}, by {self.question.axis.label}: {asked}",
            *(f"  {name:<{widths[0]}}  {seen:<{widths[1]}}  {word}".rstrip() for name, seen, word in rows),
            *again[:1],
            f"  evidence   {folder}",
            "",
            self.headline,
        ]
        return "\n".join(map(plain, lines)) + "\n"


def _word(step: BisectStep, answer: Judgement) -> str:
    if answer is not Judgement.SKIP:
        return answer.value
    return "skipped" if not step.is_clear else "skipped: neither what the good end does nor what the bad one does"
