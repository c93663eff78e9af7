"""The lists in the words of others: regrtest, Pyodide, and people. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from harness.expectations.entries import CellExpectations, Expectation, Expectations
from harness.limitations.registry import Limitation, Registry
from harness.results.case_ids import FIXTURE, dotted, module_of, subject_of
from harness.results.cell_results import CellResults
from harness.results.verdicts import Verdict, cause_of
from harness.suite.journal import unnumbered
from harness.suite.regrtest import exact_pattern


def regrtest_patterns(expected: CellExpectations, modules: Collection[str]) -> str:
    """A file for regrtest's `--ignorefile`, a pattern a line. It knows no comments: what is ignored is not run."""
    names = frozenset(map(dotted, modules))
    patterns = sorted({pattern_of(test, names) for test in expected.entries})
    return "".join(f"{pattern}\n" for pattern in patterns)


def pattern_of(test: str, modules: Collection[str]) -> str:
    """The pattern that matches all cases that an id of a list represents."""
    subject = subject_of(test)
    # A crash after a case does not come without the case.
    is_case = not FIXTURE.fullmatch(test) or test.startswith("after (")
    one_case = is_case and not test.endswith(".*") and subject not in modules
    return exact_pattern(unnumbered(subject)) if one_case else f"{exact_pattern(subject)}.*"


def pyodide_entries(expected: CellExpectations, modules: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Entries for Pyodide's src/tests/python_tests.yaml, and the tests whose module is not known.

    A `skip` is a list of regrtest's patterns of cases that are left out, an `xfail` a reason to leave out the module.
    """
    names = {dotted(module): module.removeprefix("test.") for module in modules}
    by_module: dict[str, list[tuple[str, Expectation]]] = {}
    homeless: list[str] = []
    for test, entry in sorted(expected.entries.items()):
        module = module_of(test, names)
        if module is None:
            homeless.append(test)
        else:
            by_module.setdefault(module, []).append((test, entry))
    text = "".join(_pyodide_module(names[name], name, tests) for name, tests in sorted(by_module.items()))
    return text, tuple(homeless)


def _pyodide_module(shown: str, name: str, tests: Sequence[tuple[str, Expectation]]) -> str:
    whole = [entry for test, entry in tests if subject_of(test) == name]
    if whole:
        return f"- {shown}:\n    xfail: {json.dumps(why_of(whole[0]), ensure_ascii=False)}\n"
    lines = [f"- {shown}:", "    skip:"]
    last = ""
    for test, entry in sorted(tests, key=lambda pair: (why_of(pair[1]), pair[0])):
        if why_of(entry) != last:
            last = why_of(entry)
            lines.append(f"      # {last}")
        pattern = pattern_of(test, {name})
        is_plain = re.fullmatch(r"[A-Za-z_][\w.]*", pattern)
        lines.append(f"      - {pattern if is_plain else json.dumps(pattern, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def why_of(entry: Expectation) -> str:
    return " ".join(f"{entry.reason} ({cause_of(entry.limitation, entry.issue)})".split())


def limitations_page(registry: Registry, expectations: Expectations, results: Sequence[CellResults]) -> str:
    """A page of Markdown: each limitation, where it is documented, and how many cases are behind it.

    Without results these are the tests that the lists name; with results, the known failures of each cell.
    """
    columns = _known_by_cause(results) if results else {"listed": _listed_by_cause(expectations.entries)}
    lines = [
        "# Platform limitations",
        "",
        "What the documentation says does not work, and how many cases of the test suite are known to fail for it"
        + (": in the newest run of each cell." if results else ": as the lists name them, a class as one."),
        "",
    ]
    sections = dict.fromkeys(limitation.section for limitation in registry.limitations.values())
    for section in sections:
        found = [limitation for limitation in registry.limitations.values() if limitation.section == section]
        lines += [f"## {section}", "", *_table(_limitation_rows(found, columns), ("statement", "on", *columns)), ""]
    issues = sorted({entry.issue for entry in expectations.entries if entry.issue})
    if issues:
        rows = [(f"<{issue}>", *_cells(columns, issue)) for issue in issues]
        lines += ["## Issues", "", *_table(rows, ("issue", *columns)), ""]
    return "\n".join(lines)


def _known_by_cause(results: Iterable[CellResults]) -> dict[str, Counter[str]]:
    return {
        found.cell.id: Counter(
            cause
            for row in found.comparison.rows
            if row.verdict is Verdict.KNOWN
            for cause in (row.limitation, row.issue)
            if cause
        )
        for found in results
    }


def _listed_by_cause(entries: Iterable[Expectation]) -> Counter[str]:
    named = {
        (cause, test) for entry in entries for cause in (entry.limitation, entry.issue) if cause for test in entry.tests
    }
    return Counter(cause for cause, _ in named)


def _limitation_rows(found: Iterable[Limitation], columns: Mapping[str, Counter[str]]) -> Iterator[tuple[str, ...]]:
    for limitation in found:
        words = " ".join(limitation.statement.split())
        text = re.sub(r"([\[\]|*_`<>])", r"\\\1", words)
        statement = f"[{text}]({limitation.source}) `{limitation.id}`"
        yield statement, ", ".join(limitation.targets), *_cells(columns, limitation.id)


def _cells(columns: Mapping[str, Counter[str]], cause: str) -> tuple[str, ...]:
    return tuple(str(counts[cause] or "") for counts in columns.values())


def _table(rows: Iterable[Sequence[str]], heads: Sequence[str]) -> list[str]:
    table = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(row)} |" for row in table]
