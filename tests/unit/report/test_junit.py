"""The JUnit XML, read back by two parsers."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import junitparser
import msgspec
import pytest

from harness.expectations.compare import compare
from harness.expectations.entries import CellExpectations
from harness.report.junit import merge_junit, write_junit, xml_text
from harness.results.cell_results import CellResults, write_results
from harness.results.outcomes import CaseResult, Outcome
from harness.results.verdicts import CaseVerdict, Comparison, Verdict
from tests.unit.sample_results import as_expected, case, expecting, module, results, usual


def written(folder: Path, found: CellResults) -> ET.Element:
    write_junit(found, folder / "junit.xml")
    return ET.parse(folder / "junit.xml").getroot()


def results_of(root: ET.Element) -> dict[str, tuple[str, str | None]]:
    """Tag and message of each testcase's result, by full id; what passed has none."""
    found = {}
    for element in root.iter("testcase"):
        classname, name = element.get("classname"), element.get("name")
        marks = [child for child in element if child.tag != "system-out"]
        assert len(marks) < 2
        found[f"{classname}.{name}" if classname else str(name)] = (
            (marks[0].tag, marks[0].get("message")) if marks else ("", None)
        )
    return found


def test_verdicts_read_as_a_ci_server_understands_them(tmp_path: Path) -> None:
    assert results_of(written(tmp_path, usual())) == {
        "test.test_os.LinkTests.test_link": ("skipped", "known: os.link() fails with ENOSYS (fs-hard-links)"),
        "test.test_os.LinkTests.test_unicode_name": ("error", "regression: error"),
        "test.test_os.StatTests.test_stat": (
            "failure",
            "fixed: pass; expected_failures/wasi/fs.toml:19 expects error",
        ),
        "test.test_os.StatTests.test_stat_ns": ("", None),
        "test.test_os.ForkTests.test_fork": ("skipped", "requires working os.fork()"),
        "test.test_os.DeepTests.test_deep": ("error", "regression: crash"),
        "test.test_os.LinkTests.test_gone": (
            "error",
            "missing: no such case; expected_failures/wasi/fs.toml:26 expects error",
        ),
        "test.test_json.TestDecode.test_decimal": (
            "failure",
            "changed: fail; expected_failures/wasi/fs.toml:33 expects error or timeout",
        ),
        "test.test_mmap": ("skipped", "No module named 'mmap'"),
    }


def test_the_counts_agree_with_both_parsers(tmp_path: Path) -> None:
    root = written(tmp_path, usual())
    xml = junitparser.JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert (xml.name, xml.tests, xml.failures, xml.errors, xml.skipped) == ("wasi", 9, 2, 3, 3)
    assert [(suite.name, suite.tests) for suite in xml] == [
        ("test_os", 7),
        ("test_json", 1),
        ("test_mmap", 1),
    ]
    assert len(list(root.iter("testcase"))) == 9
    assert {suite.get("timestamp") for suite in root} == {"2026-09-30T03:00:00+00:00"}
    assert root[0].get("time") == "1.5"


def test_a_failure_has_its_type_traceback_and_output(tmp_path: Path) -> None:
    root = written(tmp_path, usual())
    link, deep, decimal = (
        next(element for element in root.iter("testcase") if element.get("name") == name)
        for name in ("test_unicode_name", "test_deep", "test_decimal")
    )
    assert link[0].get("type") == "OSError"
    assert str(link[0].text).endswith(
        "OSError: [Errno 58] Not supported: 'a' -> 'b'\n\n"
        "again: python -m harness test wasi --case test.test_os.LinkTests.test_unicode_name"
    )
    assert deep.findtext("system-out") == "Thread 0x1 most recent call first:\n  <no Python frame>\n"
    assert link.find("system-out") is None
    assert "subtest (s='1.0') fail\nAssertionError: 1 != 2" in str(decimal[0].text)


def test_what_differs_from_its_entry_is_reported_with_the_reason_of_the_entry(tmp_path: Path) -> None:
    (json,) = (suite for suite in written(tmp_path, usual()) if suite.get("name") == "test_json")
    assert "\nos.link() fails with ENOSYS (fs-hard-links)\nagain: " in str(json[0][0].text)


def test_a_failure_without_a_traceback_has_its_exception_and_message(tmp_path: Path) -> None:
    lost = case("test_os.T.test_a", Outcome.ERROR, exception="OSError", message="[Errno 58] Not supported")
    (error,) = next(written(tmp_path, results(module("test_os", lost))).iter("testcase"))
    assert (error.get("type"), str(error.text).partition("\nagain: ")[0]) == (
        "OSError",
        "OSError: [Errno 58] Not supported",
    )
    silent = case("test_os.T.test_a", Outcome.CRASH, reason="the interpreter is gone")
    (error,) = next(written(tmp_path, results(module("test_os", silent))).iter("testcase"))
    assert (error.get("type"), str(error.text).partition("\nagain: ")[0]) == ("crash", "the interpreter is gone")


def test_a_crash_names_what_ran_in_python(tmp_path: Path) -> None:
    died = case(
        "test_os.T.test_a",
        Outcome.CRASH,
        exception="trap",
        message="all of it",
        python_stack="Stack\n  File",
        wasm_stack="wasm stack\n  f",
    )
    (error,) = next(written(tmp_path, results(module("test_os", died))).iter("testcase"))
    assert str(error.text).startswith("trap: all of it\nStack\n  File\nwasm stack\n  f\n")


@pytest.mark.parametrize(("outcome", "kept"), [(Outcome.CRASH, True), (Outcome.TIMEOUT, True), (Outcome.ERROR, False)])
def test_only_where_the_interpreter_died_is_its_output_kept(tmp_path: Path, outcome: Outcome, kept: bool) -> None:
    root = written(tmp_path, results(module("test_os", case("test_os.T.test_a", outcome), output="wasm trap")))
    (testcase,) = root.iter("testcase")
    assert testcase.findtext("system-out") == ("wasm trap" if kept else None)
    assert testcase.get("time") == "0.25"


def test_what_is_as_expected_and_no_pass_says_why(tmp_path: Path) -> None:
    cases = (
        case("test_os.T.test_a", Outcome.EXPECTED_FAILURE, message="1 != 2"),
        case("test_os.T.test_b", Outcome.SKIP, message="skipped by hand"),
    )
    assert results_of(written(tmp_path, results(module("test_os", *cases)))) == {
        "test.test_os.T.test_a": ("skipped", "expected failure: 1 != 2"),
        "test.test_os.T.test_b": ("skipped", "skipped by hand"),
    }


def test_the_merged_file_counts_what_the_cells_count(tmp_path: Path) -> None:
    cells = {"wasi": usual(), "wasi-24": as_expected()}
    for name, found in cells.items():
        (tmp_path / name).mkdir()
        write_results(tmp_path / name / "results.json", found)
    merge_junit({name: tmp_path / name / "results.json" for name in cells}, tmp_path / "junit.xml")
    root = ET.parse(tmp_path / "junit.xml").getroot()
    own = [ET.parse(tmp_path / name / "junit.xml").getroot() for name in cells]
    for count in ("tests", "failures", "errors", "skipped", "time"):
        assert float(root.get(count, -1)) == sum(float(part.get(count, -1)) for part in own)
    assert root.get("name") == tmp_path.name
    assert {path.name for path in tmp_path.iterdir()} == {"wasi", "wasi-24", "junit.xml"}


def merged(folder: Path) -> ET.Element:
    """The file of one cell, which has its results in the folder."""
    merge_junit({"wasi": folder / "wasi" / "results.json"}, folder / "junit.xml")
    text = (folder / "junit.xml").read_text(encoding="utf-8")
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ')
    return ET.fromstring(text)


def test_a_cell_without_a_suite_adds_none(tmp_path: Path) -> None:
    (tmp_path / "wasi").mkdir()
    write_results(tmp_path / "wasi" / "results.json", results(complete=False))
    assert (list(merged(tmp_path)), merged(tmp_path).get("tests")) == ([], "0")


def test_a_cells_own_file_is_made_again_only_if_it_must(tmp_path: Path) -> None:
    (tmp_path / "wasi").mkdir()
    own, json = tmp_path / "wasi" / "junit.xml", tmp_path / "wasi" / "results.json"
    write_results(json, usual())
    write_junit(as_expected(), own)
    os.utime(json, (1, 1))
    assert len(merged(tmp_path)) == 1
    own.write_bytes(b"\xff is no XML")
    assert len(merged(tmp_path)) == 3


@pytest.mark.parametrize("kept", [0, 0.5])
def test_a_cells_own_file_that_was_cut_short_is_made_again(tmp_path: Path, kept: float) -> None:
    results = tmp_path / "wasi" / "results.json"
    write_results(results, usual())
    merge_junit({"wasi": results}, tmp_path / "junit.xml")
    whole, own = (tmp_path / "junit.xml").read_text(), results.with_name("junit.xml")
    text = own.read_text()
    own.write_text(text[: int(len(text) * kept)])
    merge_junit({"wasi": results}, tmp_path / "junit.xml")
    assert (own.read_text(), (tmp_path / "junit.xml").read_text()) == (text, whole)


def test_a_merged_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "wasi").mkdir()
    write_results(tmp_path / "wasi" / "results.json", usual())
    (tmp_path / "junit.xml").mkdir()
    with pytest.raises(IsADirectoryError):
        merge_junit({"wasi": tmp_path / "wasi" / "results.json"}, tmp_path / "junit.xml")
    assert {path.name for path in tmp_path.iterdir()} == {"wasi", "junit.xml"}


def test_a_green_run_has_no_failure(tmp_path: Path) -> None:
    root = written(tmp_path, as_expected())
    assert (root.get("failures"), root.get("errors"), root.get("skipped"), root.get("tests")) == (
        "0",
        "0",
        "2",
        "3",
    )


@pytest.mark.parametrize(
    ("outcome", "tag"),
    [
        (Outcome.FAIL, "failure"),
        (Outcome.UNEXPECTED_SUCCESS, "failure"),
        (Outcome.ERROR, "error"),
        (Outcome.CRASH, "error"),
        (Outcome.TIMEOUT, "error"),
        (Outcome.NOT_RUN, "error"),
    ],
)
def test_every_unexpected_outcome_is_red(tmp_path: Path, outcome: Outcome, tag: str) -> None:
    root = written(tmp_path, results(module("test_os", case("test_os.T.test_a", outcome))))
    assert results_of(root) == {"test.test_os.T.test_a": (tag, f"regression: {outcome.value}")}


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict.is_unexpected])
@pytest.mark.parametrize("outcome", [*Outcome, None])
def test_every_unexpected_verdict_is_red(tmp_path: Path, verdict: Verdict, outcome: Outcome | None) -> None:
    name = "test.test_os.T.test_a"
    row = CaseVerdict(case=name, module="test_os", verdict=verdict, outcome=outcome)
    found = results(module("test_os", case("test_os.T.test_a", outcome)) if outcome else module("test_os"))
    judged = msgspec.structs.replace(found, comparison=Comparison(counts={verdict: 1}, rows=(row,)))
    tag, message = results_of(written(tmp_path, judged))[name]
    assert tag in {"failure", "error"}
    assert str(message).startswith(f"{verdict.value}: ")


def test_a_case_that_changed_its_outcome_is_red(tmp_path: Path) -> None:
    flaky = msgspec.structs.replace(case("test_os.T.test_a"), tries=(Outcome.PASS, Outcome.FAIL))
    assert results_of(written(tmp_path, results(module("test_os", flaky)))) == {
        "test.test_os.T.test_a": ("error", "flaky: pass")
    }


def test_a_module_without_tests_says_so(tmp_path: Path) -> None:
    empty = module("test_os", outcome=Outcome.NO_TESTS, reason="the module has no tests")
    root = written(tmp_path, results(empty))
    assert results_of(root) == {"test.test_os": ("skipped", "no-tests: the module has no tests")}


def test_a_module_that_altered_its_environment_is_red_under_its_name(tmp_path: Path) -> None:
    altered = msgspec.structs.replace(module("test_os", case("test_os.T.test_a")), env_changed=True)
    compared = compare([altered], CellExpectations(fail_env_changed=True))
    found = msgspec.structs.replace(results(altered), comparison=compared)
    assert results_of(written(tmp_path, found)) == {
        "test.test_os.T.test_a": ("", None),
        "test.test_os": ("error", "regression: env-changed"),
    }


def test_what_was_not_run_is_not_a_pass(tmp_path: Path) -> None:
    fixture = CaseResult(case="setUpClass (test.test_os.T)", outcome=Outcome.SKIP)
    victim = case("test_os.T.test_a", Outcome.NOT_RUN, reason=fixture.case)
    expected = case("test_os.T.test_b", Outcome.EXPECTED_FAILURE)
    root = written(tmp_path, results(module("test_os", fixture, victim, expected)))
    assert next(root.iter("testcase")).get("name") == fixture.case
    assert results_of(root) == {
        "setUpClass (test.test_os.T)": ("skipped", "skipped"),
        "test.test_os.T.test_a": ("skipped", "not run because of setUpClass (test.test_os.T)"),
        "test.test_os.T.test_b": ("skipped", "expected failure"),
    }


def test_an_entry_of_no_module_is_red_in_a_suite_of_its_own(tmp_path: Path) -> None:
    root = written(tmp_path, results(entries=(expecting("test_gone.T.test_a"),)))
    assert [suite.get("name") for suite in root] == ["expected_failures"]
    assert results_of(root)["test.test_gone.T.test_a"][0] == "error"


def test_rows_of_a_module_without_results_keep_its_name(tmp_path: Path) -> None:
    root = written(tmp_path / "not" / "yet", msgspec.structs.replace(usual(), modules=()))
    assert [(suite.get("name"), len(suite)) for suite in root] == [("test_json", 1), ("test_os", 5)]


def test_text_that_xml_cannot_hold_is_left_out(tmp_path: Path) -> None:
    nasty = "a\x00\x08\x0b\x1b[31m\ud800\ufffe]]>&<\"'\U0001f40d\n"
    odd = module(
        "test_os",
        case(
            f"test_os.T.test_{nasty}",
            Outcome.CRASH,
            exception=nasty,
            message=nasty,
            traceback=nasty,
            reason=nasty,
        ),
        case("test_os.T.test_b", Outcome.SKIP, reason=nasty),
        output=nasty,
    )
    root = written(tmp_path, results(odd))
    crashed, skipped = root.iter("testcase")
    clean = "a]]>&<\"'\U0001f40d\n"
    assert str(crashed[0].text).startswith(f"{clean}\nagain: python -m harness test wasi --case $'test.test_os.T")
    assert crashed.findtext("system-out") == clean
    assert skipped[0].get("message") == clean
    assert len(list(junitparser.JUnitXml.fromfile(str(tmp_path / "junit.xml")))) == 1


def test_xml_text_keeps_what_xml_can_hold() -> None:
    assert xml_text("\t\n\r \ud7ff\ue000\ufffd\U00010000") == "\t\n\r \ud7ff\ue000\ufffd\U00010000"


def test_a_crash_without_a_stack_has_the_output_of_its_own_start(tmp_path: Path) -> None:
    crashed = case("test_os.T.test_a", Outcome.CRASH, exception="exit: 3", output="its own")
    found = results(module("test_os", crashed, output="its own\nanother"))
    assert written(tmp_path, found).findtext(".//system-out") == "its own"
