"""The cases of many cells in compact form, as data for the page. Pure.

Most cases have the same outcome on all cells, and the same as their neighbours. So each combination of outcome,
verdict and texts is stored once, as a `kind`, and a cell is a run-length encoded list of kinds. Each text is stored
once too. The output of tests is stored for unexpected cases only, and only up to a budget.
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
# Lengths and budgets in characters of the page. Fifty cells in which everything fails still make less than 15 MB.
PAGE_MESSAGE_LENGTH = 300
OUTPUT_LENGTH = 6000
MESSAGES_BUDGET = 2_500_000
OUTPUTS_BUDGET = 5_000_000
KINDS_BUDGET = 60_000
UNCLAIMED = "expected_failures"


class Strings:
    """Numbered texts, each stored once. `size` is their length in the page, where some characters become six."""

    def __init__(self) -> None:
        self.texts: list[str] = [""]
        self.size = 0
        self._numbers: dict[str, int] = {"": 0}

    def number(self, text: str) -> int:
        """The number of the text, which is stored with escapes for characters that could mislead a reader."""
        if text not in self._numbers:
            shown = visible(text)
            self._numbers[text] = len(self.texts)
            self.texts.append(shown)
            self.size += len(as_script_data(shown))
        return self._numbers[text]


class Dataset:
    """Collects the results of one cell after the other; `to_json` returns the data of the page."""

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
        """Adds a cell. Each cell has the same share of the budgets for messages and outputs. `explain` returns the id
        of the limitation or circumstance that explains a reason for a skip, or "".
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
            # The module has not run, or the rows belong to no module.
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
        """The kinds of a module's cases, in the order of their numbers in the module."""
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
        """The number of the text of an outcome; once the cell's share is used up, that of the exception's name only."""
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
        """Whether the case of that module passed on the cell, and was expected to pass."""
        number = self._modules.get(module, {}).get(case)
        kinds = self._cells[label].get(module)
        return number is not None and kinds is not None and number < len(kinds) and kinds[number] == PASSED

    def to_json(
        self, new: Iterable[Iterable[tuple[str, str]]] = (), since: Mapping[tuple[str, str], str] | None = None
    ) -> dict[str, Any]:
        """The data of the page. `modules` has each name with its cases, grouped by the common beginning of their ids.
        `results` and `seconds` are lists with an item for each cell. `outputs` has for each cell the number of a text
        by the number of a case, `new` for each cell the numbers of the cases that are unexpected now and were not in
        the previous run. `since` has, by the number of a case, the version since which it misbehaves.

        The arguments `new` and `since` name cases by module and id.
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
    """The number of the case in its module, after appending it to `numbers` and, as absent, to `kinds` if needed."""
    number = numbers.setdefault(case, len(numbers))
    if number >= len(kinds):
        kinds.append(ABSENT)
    return number


def _runs(kinds: Iterable[int]) -> Iterator[int]:
    """The kinds in run-length encoding: a count, the kind, the next count, the next kind, and so on."""
    for kind, group in groupby(kinds):
        yield sum(1 for _ in group)
        yield kind


def _prefixed(cases: Iterable[str]) -> Iterator[list[Any]]:
    """The ids in their order, grouped where neighbours are of one class: the class, and the names of its cases."""
    for prefix, group in groupby(cases, key=lambda case: "" if " " in case else case.rpartition(".")[0]):
        names = [case[len(prefix) + 1 :] if prefix else case for case in group]
        yield [visible(prefix), [visible(name) for name in names]]


def _output(case: CaseResult, module: ModuleResult) -> str:
    """The traceback or stack of the case, those of its subtests, and the module's output if the interpreter died."""
    detail = case.detail
    # The message of a trap would repeat the frames of the wasm stack, by their addresses.
    said = detail.exception if detail.wasm_stack else detail.message
    parts = [detail.traceback or said, detail.python_stack, detail.wasm_stack]
    for subtest in case.subtests:
        parts.append(f"subtest {subtest.params}: {subtest.outcome}")
        parts.append(subtest.detail.traceback or subtest.detail.message)
    if case.outcome in {Outcome.CRASH, Outcome.TIMEOUT, Outcome.NOT_RUN}:
        parts.append(detail.output or module.output)
    return "\n".join(part.strip("\n") for part in parts if part.strip())
