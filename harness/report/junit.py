"""JUnit XML of one cell: verdicts as the results that a CI server knows.

A known failure is `skipped`, with the reason. An unexpected verdict is a `failure` or an `error`. A case that was not
run is never a pass.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias
from xml.etree.ElementTree import ParseError, iterparse
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

import junitparser

from harness.results.cell_results import CellResults, load_results
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, SubtestResult, judged_cases
from harness.results.verdicts import CaseVerdict, Verdict, cause_of
from harness.util.files import disk_errors_as_unavailable, write_atomically
from harness.util.text import without_color

# XML 1.0 cannot hold these, not even escaped: https://www.w3.org/TR/xml/#charsets
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COUNTS = ("tests", "failures", "errors", "skipped", "time")
_UNCLAIMED = "expected_failures"
_Result: TypeAlias = junitparser.Skipped | junitparser.Failure | junitparser.Error


def write_junit(results: CellResults, path: Path) -> None:
    """Writes the cell's JUnit XML atomically, and makes its folder if needed. UnavailableError when that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = junit_xml(results).tostring().decode("utf-8")  # type: ignore[no-untyped-call]
    write_atomically(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')


def junit_xml(results: CellResults) -> junitparser.JUnitXml:
    """The XML with a suite for each module and a testcase for each case. A missing case is in its module's suite."""
    rows: dict[str, dict[str, CaseVerdict]] = {}
    for row in results.comparison.rows:
        rows.setdefault(row.module, {})[row.case] = row
    suites = []
    for module in results.modules:
        of_module = rows.pop(module.module, {})
        cases = [_testcase(results, case, of_module.pop(case.case, None), module) for case in judged_cases(module)]
        cases += [_testcase_of_row(results, row) for row in of_module.values()]
        suites.append(_suite_of(results, module.module, cases))
    for module_name, left in sorted(rows.items()):
        cases = [_testcase_of_row(results, row) for row in left.values()]
        suites.append(_suite_of(results, module_name or _UNCLAIMED, cases))
    xml = junitparser.JUnitXml(xml_text(results.cell.id))
    xml.extend(suites)  # type: ignore[no-untyped-call]
    xml.update_statistics()  # type: ignore[no-untyped-call]
    return xml


def xml_text(text: str) -> str:
    """The text without colors and without the characters that XML 1.0 cannot hold."""
    return _FORBIDDEN.sub("", without_color(text))


def _suite_of(results: CellResults, name: str, cases: Iterable[junitparser.TestCase]) -> junitparser.TestSuite:
    suite = junitparser.TestSuite(xml_text(name))
    suite.timestamp = xml_text(results.run.started)
    suite.extend(list(cases))  # type: ignore[no-untyped-call]
    return suite


def _testcase_of_row(results: CellResults, row: CaseVerdict) -> junitparser.TestCase:
    testcase = _named(row.case, 0.0)
    testcase.result = [_result_of_row(results, row)]
    return testcase


def _testcase(
    results: CellResults, case: CaseResult, row: CaseVerdict | None, module: ModuleResult
) -> junitparser.TestCase:
    testcase = _named(case.case, case.seconds)
    result = _result_of_row(results, row, case.subtests) if row else _result_as_expected(case)
    if result is not None:
        testcase.result = [result]
    if case.outcome in {Outcome.CRASH, Outcome.TIMEOUT} and (output := case.detail.output or module.output):
        testcase.system_out = xml_text(output)
    return testcase


def _named(case: str, seconds: float) -> junitparser.TestCase:
    """The testcase of a case id, such as classname `test.test_os.LinkTests` and name `test_link`. A fixture has its
    whole id as its name.
    """
    class_name, _, name = ("", "", case) if " " in case else case.rpartition(".")
    return junitparser.TestCase(xml_text(name), xml_text(class_name), round(seconds, 4))


def _result_as_expected(case: CaseResult) -> junitparser.Skipped | None:
    if case.outcome is Outcome.PASS:
        return None
    reason = case.detail.reason or case.detail.message
    words = {
        Outcome.SKIP: reason or "skipped",
        Outcome.NO_TESTS: f"{Outcome.NO_TESTS}: {reason}",
        Outcome.EXPECTED_FAILURE: f"expected failure: {reason}" if reason else "expected failure",
        Outcome.NOT_RUN: f"not run because of {reason}",
    }
    return junitparser.Skipped(xml_text(words.get(case.outcome, case.outcome.value)))


def _result_of_row(results: CellResults, row: CaseVerdict, subtests: Sequence[SubtestResult] = ()) -> _Result:
    cause = cause_of(row.limitation, row.issue)
    why = f"{row.reason} ({cause})" if cause else ""
    if row.verdict is Verdict.KNOWN:
        return junitparser.Skipped(xml_text(f"known: {why}"))
    if row.verdict is Verdict.OTHER_VERSION:
        outcome = row.outcome.value if row.outcome else "no such case"
        other = f"{row.verdict.value}: {outcome}: CPython {results.build.python} has another test here, or none"
        return junitparser.Skipped(xml_text(other))
    got = row.outcome.value if row.outcome else "no such case"
    expected = f"; {row.place} expects {row.expectation}" if row.place else ""
    failed = row.verdict is Verdict.FIXED or row.outcome in {Outcome.FAIL, Outcome.UNEXPECTED_SUCCESS}
    kind = junitparser.Failure if failed else junitparser.Error
    result = kind(xml_text(f"{row.verdict.value}: {got}{expected}"), xml_text(row.detail.exception or got))
    again = results.run.options.again(results.cell.id, row.case, row.module)
    parts = [
        _text_of(row.detail),
        *(f"subtest {sub.params} {sub.outcome}\n{_text_of(sub.detail)}" for sub in subtests),
        why,
        f"again: {again}" if row.outcome else "",
    ]
    result.text = xml_text("\n".join(part for part in parts if part))
    return result


def _text_of(detail: Detail) -> str:
    """The traceback of a failure; if it has none, its exception and message, and the stacks of a trap."""
    if detail.traceback:
        return detail.traceback
    text = ": ".join(part for part in (detail.exception, detail.message) if part) or detail.reason
    return "\n".join(part for part in (text, detail.python_stack, detail.wasm_stack) if part)


def merge_junit(results: Mapping[str, Path], path: Path) -> None:
    """Writes one JUnit XML file with the suites of all cells; the name of each suite begins with that of its cell.

    The file is made from those of the cells, which are written again if they are missing or older than the results. One
    of them is in memory at a time, since those of fifty cells are 200 MB. UnavailableError when writing fails.
    """
    parts = {label: _own_junit(file) for label, file in results.items()}
    totals = dict.fromkeys(_COUNTS, 0.0)
    for part in parts.values():
        counts = _counts(part)
        totals = {name: total + counts[name] for name, total in totals.items()}
    root = {"name": xml_text(path.absolute().parent.name)}
    root |= {name: f"{round(total, 3):.15g}" for name, total in totals.items()}
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with disk_errors_as_unavailable(path):
        try:
            with aside.open("w", encoding="utf-8") as stream:
                xml = XMLGenerator(stream, "UTF-8")
                xml.startDocument()
                xml.startElement("testsuites", AttributesImpl(root))
                for label, part in parts.items():
                    for suite in _suites(results[label], part):
                        suite.name = xml_text(f"{label}/{suite.name}")
                        stream.write(suite.tostring().decode("utf-8"))  # type: ignore[no-untyped-call]
                xml.endElement("testsuites")
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


def _own_junit(results: Path) -> Path:
    path = results.with_name("junit.xml")
    if path.is_file() and path.stat().st_mtime >= results.stat().st_mtime:
        with contextlib.suppress(ParseError, KeyError, ValueError):
            _counts(path)
            return path
    write_junit(load_results(results), path)
    return path


def _suites(results: Path, path: Path) -> junitparser.JUnitXml:
    """The suites of the cell's own JUnit file, which is written again if it turns out to be truncated."""
    try:
        return junitparser.JUnitXml.fromfile(str(path))
    except ParseError:
        write_junit(load_results(results), path)
        return junitparser.JUnitXml.fromfile(str(path))


def _counts(path: Path) -> dict[str, float]:
    """The counts in the root element; the rest of the file is not read. ParseError if the file is not XML."""
    with path.open("rb") as stream:
        _, root = next(iterparse(stream, events=("start",)))
    return {name: float(root.attrib[name]) for name in _COUNTS}
