"""The cases of many cells in little space, for the page. Pure.

A case does on most cells what it does on the others and what its neighbours do. So every combination of outcome,
verdict and words about it is kept once, as a `kind`, and a cell is a list of numbers: how many cases in a row have
which kind. Every text is kept once too. What a test printed is kept for unexpected cases alone, and only up to a
budget.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from harness.results.cell_results import CellResults
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, judged_cases
from harness.results.signatures import headline_of
from harness.results.verdicts import CaseVerdict, Verdict
from harness.util.text import as_script_data, visible

ABSENT, PASSED = 0, 1
# Characters, as they stand in the page. Fifty cells in which everything fails still make less than 15 MB.
PAGE_MESSAGE_LENGTH = 300
OUTPUT_LENGTH = 6000
MESSAGES_BUDGET = 2_500_000
OUTPUTS_BUDGET = 5_000_000
KINDS_BUDGET = 60_000
UNCLAIMED = "expected_failures"


class Strings:
    """Texts by number, each once. `size` is what they take in the page, where some characters need six."""

    def __init__(self) -> None:
        self.texts: list[str] = [""]
        self.size = 0
        self._numbers: dict[str, int] = {"": 0}

    def number(self, text: str) -> int:
        """The text's number; characters that could mislead a reader are shown as escapes."""
        if text not in self._numbers:
            shown = visible(text)
            self._numbers[text] = len(self.texts)
            self.texts.append(shown)
            self.size += len(as_script_data(shown))
        return self._numbers[text]


class Dataset:
    """Takes the results of one cell after the other, and gives what the page needs as JSON."""

    def __init__(self, cells: int) -> None:
        self._share = max(1, cells)
        self._strings = Strings()
        self._kinds: dict[tuple[Any, ...], int] = {("absent",): ABSENT, ("pass",): PASSED}
        self._modules: dict[str, dict[str, int]] = {}
        self._cells: dict[str, dict[str, array[int]]] = {}
        self._outputs: list[dict[tuple[str, int], int]] = []
        self._seconds: list[dict[str, float]] = []
        self._messages_left = 0
        self._outputs_left = 0
        self._explain: Callable[[str], str] | None = None

    def add(self, label: str, results: CellResults, explain: Callable[[str], str] | None = None) -> None:
        """Takes in a cell. Each has the same share of the space for messages and outputs. `explain` gives the id of
        what explains a reason for a skip, or "".
        """
        self._explain = explain
        self._messages_left = MESSAGES_BUDGET // self._share
        self._outputs_left = OUTPUTS_BUDGET // self._share
        rows: dict[str, dict[str, CaseVerdict]] = {}
        for row in results.comparison.rows:
            rows.setdefault(row.module, {})[row.case] = row
        outputs: dict[tuple[str, int], int] = {}
        kinds = {
            module.module: self._module(module, rows.pop(module.module, {}), outputs) for module in results.modules
        }
        for name, left in rows.items():
            # The module has not run, or the rows belong to none.
            unseen = ModuleResult(
                module=name or UNCLAIMED, outcome=Outcome.NOT_RUN, seconds=0.0, attempts=0, complete=False, cases=()
            )
            kinds[unseen.module] = self._module(unseen, left, outputs)
        self._cells[label] = kinds
        self._outputs.append(outputs)
        self._seconds.append({module.module: round(module.seconds, 1) for module in results.modules})

    def _module(
        self, module: ModuleResult, rows: Mapping[str, CaseVerdict], outputs: dict[tuple[str, int], int]
    ) -> array[int]:
        """The kinds of a module's cases, by their numbers in the module."""
        numbers = self._modules.setdefault(module.module, {})
        kinds = array("H", bytes(2 * len(numbers)))
        for case in judged_cases(module):
            row = rows.get(case.case)
            number = _numbered(case.case, numbers, kinds)
            if row is None and case.outcome is Outcome.PASS:
                kinds[number] = PASSED
                continue
            kinds[number] = self._kind(case.outcome, case.shown_detail, row)
            if row and row.verdict.is_unexpected:
                self._keep_output(outputs, (module.module, number), case, module)
        for row in rows.values():
            number = _numbered(row.case, numbers, kinds)
            if kinds[number] == ABSENT:
                kinds[number] = self._kind(row.outcome, row.detail, row)
        return kinds

    def _kind(self, outcome: Outcome | None, detail: Detail, row: CaseVerdict | None) -> int:
        text = self._message(detail)
        verdict = row.verdict if row else Verdict.AS_EXPECTED
        words = (row.limitation or row.issue, row.reason, row.place, " or ".join(row.expected)) if row else ("",) * 4
        if row is None and outcome is Outcome.SKIP and self._explain:
            words = (self._explain(detail.reason), *words[1:])
        kind = (outcome or "", verdict, text, *map(self._strings.number, words))
        if kind not in self._kinds and len(self._kinds) >= KINDS_BUDGET:
            kind = (outcome or "", verdict, 0, 0, 0, 0, 0)
        return self._kinds.setdefault(kind, len(self._kinds))

    def _message(self, detail: Detail) -> int:
        """The number of an outcome's words; once the cell's share is used up, of the exception's name alone."""
        text = detail.reason or ": ".join(part for part in (headline_of(detail), detail.message) if part)
        if self._messages_left <= 0:
            text = detail.exception
        text = text if len(text) <= PAGE_MESSAGE_LENGTH else text[:PAGE_MESSAGE_LENGTH] + "..."
        before = self._strings.size
        number = self._strings.number(text)
        self._messages_left -= self._strings.size - before
        return number

    def _keep_output(
        self, outputs: dict[tuple[str, int], int], where: tuple[str, int], case: CaseResult, module: ModuleResult
    ) -> None:
        text = _output(case, module)
        if not text or self._outputs_left <= 0:
            return
        text = text if len(text) <= OUTPUT_LENGTH else "...\n" + text[-OUTPUT_LENGTH:]
        before = self._strings.size
        outputs[where] = self._strings.number(text)
        self._outputs_left -= self._strings.size - before

    def passed(self, label: str, module: str, case: str) -> bool:
        """Whether the cell has passed that case of that module, as nothing else was expected."""
        number = self._modules.get(module, {}).get(case)
        kinds = self._cells[label].get(module)
        return number is not None and kinds is not None and number < len(kinds) and kinds[number] == PASSED

    def to_json(
        self, new: Iterable[Iterable[tuple[str, str]]] = (), since: Mapping[tuple[str, str], str] | None = None
    ) -> dict[str, Any]:
        """`modules`: name and cases, by what their ids have in common. `results` and `seconds`: by cell. `outputs`: by
        cell, the number of a text by the number of a case. `new`: by cell, the numbers of the cases that are unexpected
        now and were not in the run before. `since`: by the number of a case, since when it misbehaves. These two are
        given by module and id.
        """
        starts: dict[str, int] = {}
        total = 0
        for name, numbers in self._modules.items():
            starts[name] = total
            total += len(numbers)

        def numbered(name: str, case: str) -> int:
            return starts[name] + self._modules[name][case]

        return {
            "modules": [[visible(name), list(_prefixed(numbers))] for name, numbers in self._modules.items()],
            "kinds": [list(kind) for kind in self._kinds],
            "strings": self._strings.texts,
            "results": [list(_runs(self._in_order(kinds))) for kinds in self._cells.values()],
            "seconds": [[seconds.get(name, -1) for name in self._modules] for seconds in self._seconds],
            "outputs": [
                {starts[name] + number: text for (name, number), text in outputs.items()} for outputs in self._outputs
            ],
            "new": [[numbered(name or UNCLAIMED, case) for name, case in cases] for cases in new],
            "since": {numbered(name or UNCLAIMED, case): text for (name, case), text in (since or {}).items()},
        }

    def _in_order(self, kinds: Mapping[str, array[int]]) -> Iterator[int]:
        nothing = array("H")
        for name, numbers in self._modules.items():
            found = kinds.get(name, nothing)
            yield from found
            yield from [ABSENT] * (len(numbers) - len(found))


def _numbered(case: str, numbers: dict[str, int], kinds: array[int]) -> int:
    """The case's number, with a place for it among the kinds."""
    number = numbers.setdefault(case, len(numbers))
    if number >= len(kinds):
        kinds.append(ABSENT)
    return number


def _runs(kinds: Iterable[int]) -> Iterator[int]:
    """How many in a row, and which, again and again."""
    for kind, group in groupby(kinds):
        yield sum(1 for _ in group)
        yield kind


def _prefixed(cases: Iterable[str]) -> Iterator[list[Any]]:
    """The ids in their order, neighbours of one class together: its name, then theirs."""
    for prefix, group in groupby(cases, key=lambda case: "" if " " in case else case.rpartition(".")[0]):
        names = [case[len(prefix) + 1 :] if prefix else case for case in group]
        yield [visible(prefix), [visible(name) for name in names]]


def _output(case: CaseResult, module: ModuleResult) -> str:
    """The test's traceback or stack, those of its subtests, and the module's output when the interpreter died."""
    detail = case.detail
    # The message of a trap has its frames too, by their addresses.
    said = detail.exception if detail.wasm_stack else detail.message
    parts = [detail.traceback or said, detail.python_stack, detail.wasm_stack]
    for subtest in case.subtests:
        parts.append(f"subtest {subtest.params}: {subtest.outcome}")
        parts.append(subtest.detail.traceback or subtest.detail.message)
    if case.outcome in {Outcome.CRASH, Outcome.TIMEOUT, Outcome.NOT_RUN}:
        parts.append(detail.output or module.output)
    return "\n".join(part.strip("\n") for part in parts if part.strip())
