"""The packed data of the page: what goes in comes out again, and it stays small."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.bench.report import made_up_cells, made_up_results
from harness.report import dataset as packing
from harness.report.dataset import Dataset
from harness.results.cell_results import CellResults
from harness.results.outcomes import Outcome, judged_cases
from harness.util.text import as_script_data
from tests.unit.report_runs import of_cell
from tests.unit.sample_results import HOSTILE, case, expecting, module, results, usual


def packed(*cells: CellResults) -> dict[str, Any]:
    dataset = Dataset(len(cells))
    for number, found in enumerate(cells):
        dataset.add(str(number), found)
    data: dict[str, Any] = json.loads(json.dumps(dataset.to_json([[] for _ in cells])))
    return data


def ids(data: dict[str, Any]) -> list[str]:
    return [
        f"{prefix}.{name}" if prefix else name
        for _, groups in data["modules"]
        for prefix, names in groups
        for name in names
    ]


def unpacked(data: dict[str, Any], cell: int) -> dict[str, list[Any]]:
    """The kind of each case on a cell, texts instead of their numbers."""
    runs = data["results"][cell]
    kinds = [data["kinds"][kind] for count, kind in zip(runs[::2], runs[1::2], strict=True) for _ in range(count)]
    texts = [[*kind[:2], *(data["strings"][number] for number in kind[2:])] for kind in kinds]
    return dict(zip(ids(data), texts, strict=True))


def test_every_case_of_every_cell_comes_out_with_its_outcome() -> None:
    first, second = (made_up_results(cell, 500, seed=number) for number, cell in enumerate(made_up_cells(2)))
    data = packed(first, usual(), second)
    for number, found in ((0, first), (1, usual()), (2, second)):
        got = {case: kind[0] for case, kind in unpacked(data, number).items() if kind[0] not in {"absent", ""}}
        assert got == {case.case: case.outcome for module in found.modules for case in judged_cases(module)}


def test_what_the_lists_say_of_a_case_is_kept() -> None:
    kinds = unpacked(packed(usual()), 0)
    assert kinds["test.test_os.StatTests.test_stat_ns"] == ["pass"]
    assert kinds["test.test_os.LinkTests.test_link"] == [
        "error",
        "known",
        "OSError: [Errno 58] Not supported",
        "fs-hard-links",
        "os.link() fails with ENOSYS",
        "expected_failures/wasi/fs.toml:12",
        "error",
    ]
    assert kinds["test.test_os.LinkTests.test_gone"][:2] == ["", "missing"]
    assert kinds["test.test_os.StatTests.test_stat"][:2] == ["pass", "fixed"]
    assert kinds["test.test_mmap"][:3] == ["skip", "as-expected", "No module named 'mmap'"]


def test_a_case_that_only_another_cell_has_is_absent() -> None:
    more = results(module("test_a", case("test_a.T.x")), module("test_b", case("test_b.T.y")))
    data = packed(results(module("test_a", case("test_a.T.new"))), more)
    assert unpacked(data, 0)["test.test_b.T.y"] == ["absent"]
    assert unpacked(data, 1)["test.test_a.T.new"] == ["absent"]
    assert data["seconds"] == [[2.5, -1], [2.5, 2.5]]


def test_a_missing_case_of_no_module_has_a_place_too() -> None:
    data = packed(results(entries=(expecting("test_gone.T.x"),)))
    assert unpacked(data, 0) == {
        "test.test_gone.T.x": [
            "",
            "missing",
            "",
            "fs-hard-links",
            "os.link() fails with ENOSYS",
            "expected_failures/wasi/fs.toml:12",
            "error",
        ]
    }


def test_the_output_of_unexpected_cases_is_kept_once() -> None:
    data = packed(usual(), of_cell(usual(), "wasi-24"))
    number = ids(data).index("test.test_os.DeepTests.test_deep")
    texts = [data["strings"][outputs[str(number)]] for outputs in data["outputs"]]
    assert texts[0] == texts[1] == "Thread 0x1 most recent call first:\n  <no Python frame>"
    assert data["strings"].count(texts[0]) == 1
    known = ids(data).index("test.test_os.LinkTests.test_unicode_name")
    regression = "subtest (s='1.0'): fail\n1 != 2"
    assert regression in data["strings"]
    assert str(known) in data["outputs"][0]
    assert str(ids(data).index("test.test_os.LinkTests.test_link")) not in data["outputs"][0]


def test_texts_are_shown_and_not_obeyed() -> None:
    data = packed(results(module("test_a", case("test_a.T.x", Outcome.FAIL, message=HOSTILE, traceback=HOSTILE))))
    for text in data["strings"]:
        assert not set(text) & {"\u2028", "\u202e", "\ud800", "\x00", "\x1b", "\r"}
    assert any("\\u202e" in text and "\\ud800" in text for text in data["strings"])


def test_a_crash_has_its_message_and_what_ran_in_python() -> None:
    died = case("test_a.T.x", Outcome.CRASH, message="trap", python_stack="Stack\n  File")
    assert "trap\nStack\n  File" in packed(results(module("test_a", died)))["strings"]


def test_a_crash_has_the_functions_of_wasm_once() -> None:
    died = case("test_a.T.x", Outcome.CRASH, exception="trap", message="trap\nat 0x1f", wasm_stack="wasm stack\n  f")
    assert "trap\nwasm stack\n  f" in packed(results(module("test_a", died)))["strings"]


def test_a_long_output_keeps_its_end() -> None:
    text = "\n".join(map(str, range(5000)))
    data = packed(results(module("test_a", case("test_a.T.x", Outcome.FAIL, traceback=text, message="m" * 1000))))
    output = next(text for text in data["strings"] if text.endswith("4999"))
    assert len(output) < packing.OUTPUT_LENGTH + 10
    assert "m" * packing.PAGE_MESSAGE_LENGTH + "..." in data["strings"]


def test_texts_end_where_the_budget_does_and_outcomes_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "OUTPUTS_BUDGET", 3000)
    monkeypatch.setattr(packing, "MESSAGES_BUDGET", 1000)
    monkeypatch.setattr(packing, "KINDS_BUDGET", 50)
    cases = [
        case(
            f"test_a.T.test_{number}",
            Outcome.FAIL,
            exception="E",
            message=f"{number} " * 20,
            traceback=f"<{number}" * 99,
        )
        for number in range(400)
    ]
    data = packed(results(module("test_a", *cases)), of_cell(results(module("test_a", *cases)), "wasi-24"))
    assert len(as_script_data(data["strings"])) < 7000
    assert len(data["kinds"]) < 60
    assert {tuple(kind[:2]) for kind in unpacked(data, 1).values()} == {("fail", "regression")}


def test_fifty_cells_that_agree_take_hardly_more_space_than_one() -> None:
    cell = next(iter(made_up_cells(1)))
    found = made_up_results(cell, 3000)
    one, many = (len(json.dumps(packed(*[found] * count))) for count in (1, 20))
    assert many < 3 * one


def test_new_cases_are_found_by_module_and_id() -> None:
    dataset = Dataset(1)
    dataset.add("wasi", usual())
    data = dataset.to_json([[("test_json", "test.test_json.TestDecode.test_decimal")]])
    assert [ids(data)[number] for number in data["new"][0]] == ["test.test_json.TestDecode.test_decimal"]


def test_passed_is_only_what_passed_and_was_expected_to() -> None:
    dataset = Dataset(2)
    dataset.add("wasi", usual())
    dataset.add("other", results(module("test_os", case("test_os.New.test_new"))))
    names = ("StatTests.test_stat_ns", "StatTests.test_stat", "New.test_new", "No.no")
    assert [name for name in names if dataset.passed("wasi", "test_os", f"test.test_os.{name}")] == [names[0]]
    assert dataset.passed("other", "test_os", "test.test_os.New.test_new")


def test_a_skip_has_the_cause_that_explains_its_reason() -> None:
    dataset = packing.Dataset(1)
    dataset.add("wasi", usual(), lambda reason: "proc-none" if "fork" in reason else "")
    kinds = unpacked(json.loads(json.dumps(dataset.to_json())), 0)
    assert kinds["test.test_os.ForkTests.test_fork"][2:4] == ["requires working os.fork()", "proc-none"]
    assert kinds["test.test_mmap"][2:4] == ["No module named 'mmap'", ""]
    assert kinds["test.test_os.LinkTests.test_link"][3] == "fs-hard-links"


def test_a_crash_without_a_stack_is_shown_with_the_output_of_its_own_start() -> None:
    crashed = case("test_os.T.test_a", Outcome.CRASH, exception="exit: 3", message="left", output="its own")
    strings = packed(results(module("test_os", crashed, output="its own\nanother")))["strings"]
    assert "left\nits own" in strings
    assert not any("another" in text for text in strings)
