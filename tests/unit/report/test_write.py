"""What the views of a run say: headline, Markdown, annotations, badge, merged JUnit; and the files they come from."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from harness.errors import ConfigError
from harness.limitations.findings import read_probes
from harness.report.badge import badge
from harness.report.digest import RANKED_VERDICTS
from harness.report.github import SHOWN, github_annotations
from harness.report.headline import statements, status_line
from harness.report.junit import merge_junit, write_junit
from harness.report.markdown import code, escaped, render_markdown
from harness.report.write import ANNOTATIONS, BADGE, JUNIT, PAGE, SUMMARY, exit_status, write_views
from harness.results.cell_results import CellResults, write_results
from harness.results.outcomes import Outcome
from harness.results.run_folder import FailedCell, find_run
from harness.results.verdicts import Verdict
from tests.unit.report_runs import digest, of_cell, write_run
from tests.unit.sample_results import HOSTILE, as_expected, case, module, of_other_suite, results, usual

BROKEN = FailedCell(label="wasi-33", status=4, why="not built: make failed\n  -> see the log")


def said(run_before: CellResults | None, now: CellResults) -> list[str]:
    befores = {"wasi": run_before} if run_before else None
    return [statement.text for statement in statements(digest({"wasi": now}, befores), "reports/tonight")]


def many_failures(count: int, start: int = 0) -> CellResults:
    cases = [case(f"test_a.T.test_{number}", Outcome.FAIL) for number in range(start, start + count)]
    passed = [case(f"test_a.T.test_{number}") for number in range(start)]
    return results(module("test_a", *passed, *cases))


def test_a_green_run_says_so_at_once() -> None:
    run = digest({"wasi": as_expected()})
    assert status_line(run) == "as expected"
    assert said(None, as_expected()) == [
        "3 cases in 1 cell: 1 passed, 1 skipped, 1 known to fail. Everything is as expected."
    ]


def test_a_suite_of_another_version_is_said_with_the_cases_that_it_may_explain() -> None:
    texts = said(None, of_other_suite(usual(), "test_os.DeepTests.test_deep"))
    assert any(
        text.endswith("; 1 case of another version, by the tests of 3.13.2, is not unexpected.") for text in texts
    )


def explained(reason: str) -> str:
    return "proc-none" if "fork" in reason else "library-not-built" if "mmap" in reason else ""


def test_skips_are_accounted_for_and_those_that_nothing_explains_are_reported() -> None:
    run = digest({"wasi": usual(), "wasi-24": usual(), "wasi-33": as_expected()}, explain=explained)
    text = statements(run, "reports/tonight")[0].text
    assert "5 skipped (1 of them not explained), 3 known to fail" in text
    assert render_markdown(run, "reports/tonight").endswith(
        """
### Skips

| because of | skips | cells |
|---|--:|--:|
| <code>library-not-built</code> | 2 | 2 |
| <code>proc-none</code> | 2 | 2 |
| nothing that is known | 1 | 1 |
"""
    )


def test_the_largest_of_many_causes_of_skips_are_shown() -> None:
    skipped = [
        case(f"test_a.T.test_{kind}_{number}", Outcome.SKIP, reason=f"cause-{kind:02}")
        for kind in range(12)
        for number in range(kind + 1)
    ]
    text = render_markdown(digest({"wasi": results(module("test_a", *skipped))}, explain=str), "reports/tonight")
    rows = [line for line in text.partition("### Skips")[2].splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 11
    assert rows[0] == "| <code>cause-11</code> | 12 | 1 |"
    assert rows[-1] == "| 2 others, in index.html | 3 | |"


def test_without_a_registry_nothing_is_said_of_skips() -> None:
    run = digest({"wasi": usual()})
    assert run.skips == {}
    assert "### Skips" not in render_markdown(run, "reports/tonight")


def test_without_a_run_before_nothing_is_called_new() -> None:
    assert said(None, usual()) == [
        "8 cases in 1 cell: 2 passed, 2 skipped, 1 known to fail, 5 unexpected.",
        "3 regressions; there is no complete run before to say which are new; `--since RUN` names another.",
        "1 case is a crash.",
        "2 entries are stale (2 cases now right, or gone).",
    ]


def test_a_regression_is_what_ran_last_night_and_was_not_wrong() -> None:
    before = results(module("test_a", *(case(f"test_a.T.test_{number}", Outcome.FAIL) for number in range(2)),
                            *(case(f"test_a.T.test_{number}") for number in range(2, 5))))  # fmt: skip
    assert said(before, many_failures(7))[1] == (
        "3 regressions since the run before (last-night); "
        "2 cases wrong then already, 2 cases wrong that it did not run."
    )
    assert said(many_failures(7), many_failures(7))[1] == (
        "No regression since the run before (last-night); 7 cases wrong then already."
    )


def test_the_only_axis_that_has_changed_is_named() -> None:
    newer = many_failures(1)
    newer = msgspec.structs.replace(newer, cell=dataclasses.replace(newer.cell, runtime="51.0.0"))
    assert "Since then only one axis has changed: engine wasmtime 50.0.1 -> wasmtime 51.0.0." not in said(
        many_failures(0, start=1), newer
    )
    newer = msgspec.structs.replace(newer, engine={"name": "wasmtime", "version": "51.0.0"})
    assert "Since then only one axis has changed: engine wasmtime 50.0.1 -> wasmtime 51.0.0." in said(
        many_failures(0, start=1), newer
    )


def test_the_cells_side_by_side_say_since_which_version() -> None:
    good, bad = many_failures(0, start=2), many_failures(2)
    cells = {
        f"wasi-{sdk}": of_cell(found, f"wasi-{sdk}", toolchain=sdk)
        for sdk, found in (("24", good), ("25", good), ("27", bad), ("33", bad))
    }
    texts = [statement.text for statement in statements(digest(cells), "x")]
    assert "The cells side by side say since when: 2 cases since WASI SDK 27 (not with 25)." in texts


def test_the_worst_cases_of_a_broken_cell_are_kept_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.report.digest.HITS_KEPT", 3)
    crash = case("test_b.T.x", Outcome.CRASH, message="m" * 9999, traceback="long")
    found = results(*many_failures(50).modules, module("test_b", crash))
    (cell,) = digest({"wasi": found}).cells
    assert (cell.unexpected, len(cell.hits), cell.hits[0].is_crash) == (51, 3, True)
    assert (cell.hits[0].row.detail.traceback, len(cell.hits[0].row.detail.message)) == ("", 500)


def test_a_crash_and_a_stale_entry_come_with_the_command_that_goes_on() -> None:
    commands = [command for each in statements(digest({"wasi": usual()}), "reports/a b") for command in each.commands]
    assert ("test.test_os.DeepTests.test_deep",
            "python -m harness test wasi --case test.test_os.DeepTests.test_deep") in commands  # fmt: skip
    assert commands[-1] == (
        "a patch of the lists, once three whole runs agree",
        "nox -s update-expectations -- 'reports/a b'/*/results.json",
    )


def test_a_run_of_a_part_promises_no_patch_of_the_lists() -> None:
    part = usual()
    part = msgspec.structs.replace(part, run=msgspec.structs.replace(part.run, complete=False))
    (stale,) = (each for each in statements(digest({"wasi": part}), "x") if each.mood == "stale")
    assert "takes no entry away for a run of a part: change the lists by hand" in stale.text
    assert not stale.commands
    # One whole run among them is enough.
    both = statements(digest({"wasi": part, "wasi-24": of_cell(usual(), "wasi-24")}), "x")
    assert [len(each.commands) for each in both if each.mood == "stale"] == [1]


def test_a_cell_without_results_is_never_green() -> None:
    run = digest({"wasi": as_expected()}, failed=(BROKEN,))
    assert status_line(run) == "1 cell without results"
    assert badge(run)["color"] == "orange"
    assert "wasi-33 (not built: make failed)" in statements(run, "x")[1].text
    assert "Everything is as expected" not in statements(run, "x")[0].text


@pytest.mark.parametrize("finished", [as_expected(), results(entries=())])
def test_an_interrupted_run_is_never_green_and_says_how_to_go_on(finished: CellResults) -> None:
    run_info = msgspec.structs.replace(finished.run, interrupted=True, complete=False, lacking=6)
    run = digest({"wasi": msgspec.structs.replace(finished, run=run_info)})
    assert status_line(run) == "1 cell not run to its end"
    assert badge(run)["color"] == "orange"
    assert render_markdown(run, "x").startswith("## \u274c")
    found = statements(run, "reports/tonight")
    done = len(finished.modules)
    assert found[1].text == f"wasi: interrupted; {done} of {done + 6} modules have a result."
    go_on = "python -m harness test wasi --run-dir=reports/tonight --resume"
    assert found[1].commands == (("the rest of wasi", go_on),)
    assert not any("Everything is as expected" in each.text for each in found)


def test_what_is_not_available_is_said_once() -> None:
    absent = FailedCell(label="wasi-99", status=3, why="not here: WASI SDK 99 is not available:\n  apt: no")
    text = statements(digest({}, failed=(absent,)), "x")[1].text
    assert text == "1 cell without results: wasi-99 (WASI SDK 99 is not available)."


def test_a_part_of_a_suite_is_called_so() -> None:
    part = msgspec.structs.replace(as_expected(), run=msgspec.structs.replace(as_expected().run, complete=False))
    assert said(None, part)[-1] == "Only a part of the suite was run on wasi; of the rest nothing is said."


@pytest.mark.parametrize(
    ("failed", "found", "status"),
    [
        ((), as_expected(), 0),
        ((), usual(), 1),
        ((BROKEN,), usual(), 4),
        ((dataclasses.replace(BROKEN, status=3),), usual(), 1),
        ((dataclasses.replace(BROKEN, status=3),), as_expected(), 3),
        ((BROKEN, dataclasses.replace(BROKEN, status=130)), as_expected(), 130),
    ],
)
def test_the_exit_status_is_that_of_the_worst_cell(
    failed: tuple[FailedCell, ...], found: CellResults, status: int
) -> None:
    assert exit_status(digest({"wasi": found}, failed=failed)) == status


def test_the_badge_is_one_line_for_shields() -> None:
    assert badge(digest({"wasi": usual()})) == {
        "schemaVersion": 1,
        "label": "CPython on WebAssembly",
        "message": "8 cases, 5 unexpected",
        "color": "red",
    }
    assert badge(digest({"wasi": as_expected()}))["color"] == "brightgreen"


def test_the_summary_says_first_what_is_new() -> None:
    old = many_failures(1)
    now = many_failures(3)
    befores = results(module("test_a", *old.modules[0].cases, case("test_a.T.test_1"), case("test_a.T.test_2")))
    text = render_markdown(digest({"wasi": now}, {"wasi": befores}), "reports/tonight")
    titles = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert titles == ["New since the run before (2)", "Wrong before (1)", "Cells"]
    assert text.index("test_1") < text.index("test_0</code> |")


def test_the_summary_stays_short() -> None:
    cells = {f"wasi-{number}": of_cell(many_failures(300), f"wasi-{number}") for number in range(50)}
    text = render_markdown(digest(cells, failed=(BROKEN,)), "reports/tonight")
    assert len(text) < 20_000
    assert "... and 280 more: index.html has them all." in text
    assert "... and 20 more cells." in text


def test_nothing_that_a_test_says_is_markup_in_the_summary() -> None:
    found = results(module("test_a", case("test_a.T.x", Outcome.FAIL, exception=HOSTILE, message=HOSTILE)))
    text = render_markdown(digest({HOSTILE: found}), "reports/tonight")
    rows = [line for line in text.splitlines() if line.startswith("| <code>test.test_a.T.x")]
    assert len(rows) == 1
    assert rows[0].count("|") == 5
    allowed = {"<code>", "</code>", "<br>"}
    assert set(re.findall(r"<[^>]*>", text)) <= allowed
    assert escaped("- a\n1. b @me #5 `c`") == "&#45; a 1. b &#64;me &#35;5 &#96;c&#96;"
    assert code("a`b") == "<code>a&#96;b</code>"


def test_an_annotation_is_one_line_with_githubs_escapes() -> None:
    found = results(module("test_a", case("test_a.T.x,y:z", Outcome.FAIL, message="100%\r\n::error::no")))
    assert github_annotations(digest({"wasi": found})) == (
        "::error title=regression%3A test.test_a.T.x%2Cy%3Az::fail on wasi%0A100%25%0A::error::no%0A"
        "python -m harness test wasi --case test.test_a.T.x,y:z\n"
    )


def test_no_text_of_a_test_becomes_a_command_of_its_own() -> None:
    found = results(module("test_a", case(f"test_a.T.{HOSTILE}", Outcome.FAIL, exception=HOSTILE, message=HOSTILE)))
    lines = github_annotations(digest({HOSTILE: found}, failed=(dataclasses.replace(BROKEN, why=HOSTILE),))).split("\n")
    assert len(lines) == 3
    assert all(line.startswith("::error title=") for line in lines[:2])
    assert lines[2] == ""


def test_a_stale_entry_is_a_warning_at_its_line() -> None:
    lines = github_annotations(digest({"wasi": usual()})).splitlines()
    assert "::warning file=expected_failures/wasi/fs.toml,line=19,title=fixed%3A test.test_os.StatTests.test_stat" in (
        "\n".join(lines)
    )
    assert [line.split(" ")[0] for line in lines] == ["::error"] * 3 + ["::warning"] * 2


def test_the_last_of_many_annotations_counts_the_rest() -> None:
    lines = github_annotations(digest({"wasi": many_failures(25)})).splitlines()
    assert len(lines) == SHOWN
    assert lines[-1].startswith("::error title=16 more::")


def test_the_merged_junit_has_the_suites_of_all_cells(tmp_path: Path) -> None:
    write_run(tmp_path, {"wasi": usual(), "wasi-24": of_cell(as_expected(), "wasi-24")})
    files = find_run([tmp_path])
    merge_junit(files.results, tmp_path / "junit.xml")
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert [suite.get("name") for suite in root] == [
        "wasi/test_os",
        "wasi/test_json",
        "wasi/test_mmap",
        "wasi-24/test_os",
    ]
    assert root.get("tests") == str(sum(len(suite) for suite in root))
    assert int(root.get("failures", 0)) + int(root.get("errors", 0)) == 5
    own = ElementTree.parse(tmp_path / "wasi" / "junit.xml").getroot()
    assert [len(suite) for suite in own] == [len(suite) for suite in root][:3]


def test_a_cells_junit_that_is_older_than_its_results_is_made_again(tmp_path: Path) -> None:
    write_run(tmp_path, {"wasi": usual()})
    own = tmp_path / "wasi" / "junit.xml"
    write_junit(as_expected(), own)
    os.utime(own, (1, 1))
    merge_junit(find_run([tmp_path]).results, tmp_path / "junit.xml")
    assert len(ElementTree.parse(tmp_path / "junit.xml").getroot()) == 3
    own.write_text("<testsuites", encoding="utf-8")
    merge_junit(find_run([tmp_path]).results, tmp_path / "junit.xml")
    assert len(ElementTree.parse(tmp_path / "junit.xml").getroot()) == 3


def test_hostile_names_are_names_in_the_merged_junit(tmp_path: Path) -> None:
    found = results(module("test_a", case(f"test_a.T.{HOSTILE}", Outcome.FAIL, message=HOSTILE)))
    write_results(tmp_path / "wasi" / "results.json", found)
    merge_junit({f'<testsuite name="{HOSTILE}': tmp_path / "wasi" / "results.json"}, tmp_path / "junit.xml")
    (suite,) = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert suite.get("name", "").startswith('<testsuite name="</script>')
    assert suite.get("name", "").endswith("/test_a")


def test_every_view_is_made_from_results_alone(tmp_path: Path) -> None:
    write_run(tmp_path / "2026-11-21T03-00-00", {"wasi": as_expected()})
    tonight = write_run(tmp_path / "2026-11-22T03-00-00", {"wasi": usual()})
    run = write_views(find_run([tonight]))
    assert {path.name for path in tonight.iterdir()} == {"wasi", PAGE, SUMMARY, BADGE, ANNOTATIONS, JUNIT}
    assert [cell.before for cell in run.cells] == ["2026-11-21T03-00-00"]
    first = {path.name: path.read_bytes() for path in tonight.iterdir() if path.is_file()}
    write_views(find_run([tonight]))
    assert first == {path.name: path.read_bytes() for path in tonight.iterdir() if path.is_file()}


def test_the_run_before_is_the_last_complete_one_that_has_the_cell(tmp_path: Path) -> None:
    part = msgspec.structs.replace(as_expected(), run=msgspec.structs.replace(as_expected().run, complete=False))
    write_run(tmp_path / "2026-11-18T03-00-00", {"wasi": as_expected()})
    write_run(tmp_path / "2026-11-19T03-00-00", {"wasi": as_expected()})
    write_run(tmp_path / "2026-11-20T03-00-00", {"wasi": part})
    write_run(tmp_path / "2026-11-21T03-00-00", {"wasi-24": of_cell(usual(), "wasi-24")})
    (tmp_path / "2026-11-20T04-00-00" / "wasi").mkdir(parents=True)
    (tmp_path / "2026-11-20T04-00-00" / "wasi" / "results.json").write_text("{", encoding="utf-8")
    write_run(tmp_path / "elsewhere", {"wasi": usual()})
    tonight = write_run(tmp_path / "2026-11-22T03-00-00", {"wasi": usual()})
    assert write_views(find_run([tonight])).cells[0].before == "2026-11-19T03-00-00"
    named = find_run([tonight], since=tmp_path / "elsewhere")
    assert write_views(named).cells[0].before == "elsewhere"
    assert write_views(find_run([tmp_path / "elsewhere"])).cells[0].before == ""


def test_several_runs_make_one_report_elsewhere(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"wasi": usual()})
    write_run(tmp_path / "b", {"wasi": as_expected(), "wasi-24": of_cell(as_expected(), "wasi-24")})
    files = find_run([tmp_path / "a", tmp_path / "b"], into=tmp_path / "all")
    assert list(files.results) == ["wasi", "wasi (b)", "wasi-24"]
    run = write_views(files)
    assert run.cases == 8 + 3 + 3
    assert run.wrong[0].worst.command == "python -m harness test wasi --case test.test_os.DeepTests.test_deep"
    assert (tmp_path / "all" / PAGE).is_file()
    assert not (tmp_path / "a" / PAGE).exists()


def test_cells_are_in_the_order_of_their_versions(tmp_path: Path) -> None:
    names = ["emscripten-3.1.69", "emscripten-4.0.9", "emscripten-4.0.12", "wasi"]
    write_run(tmp_path, {name: of_cell(as_expected(), name) for name in reversed(names)})
    assert list(find_run([tmp_path]).results) == names


def test_what_has_no_results_says_why(tmp_path: Path) -> None:
    write_run(tmp_path, {"wasi": as_expected()})
    for name in ("wasi-24", "wasi-33", "wasi-34"):
        (tmp_path / name / "modules").mkdir(parents=True)
    (tmp_path / "wasi-33" / "error.json").write_text('{"status": 4, "error": "make failed"}', encoding="utf-8")
    (tmp_path / "wasi-34" / "error.json").write_text("[]", encoding="utf-8")
    failed = find_run([tmp_path]).failed
    assert [(each.label, each.status) for each in failed] == [("wasi-24", 130), ("wasi-33", 4), ("wasi-34", 5)]
    assert failed[1].why == "not built: make failed"


def test_results_that_cannot_be_read_do_not_hide_the_others(tmp_path: Path) -> None:
    write_run(tmp_path, {"wasi": as_expected()})
    (tmp_path / "wasi-24").mkdir()
    (tmp_path / "wasi-24" / "results.json").write_text("{", encoding="utf-8")
    run = write_views(find_run([tmp_path]))
    assert [(failed.label, failed.status) for failed in run.failed] == [("wasi-24", 2)]
    assert "is not JSON" in (tmp_path / PAGE).read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="is not JSON"):
        write_views(find_run([tmp_path / "wasi-24"]))


def test_a_run_in_which_no_cell_was_built_has_views_too(tmp_path: Path) -> None:
    (tmp_path / "wasi").mkdir()
    (tmp_path / "wasi" / "error.json").write_text('{"status": 4, "error": "make failed"}', encoding="utf-8")
    run = write_views(find_run([tmp_path]))
    assert (run.cells, exit_status(run)) == ((), 4)
    assert "make failed" in (tmp_path / PAGE).read_text(encoding="utf-8")


def test_runs_with_the_same_name_are_kept_apart(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name / "run", {"wasi": as_expected()}) for name in "abc"]
    labels = list(find_run(folders, into=tmp_path).results)
    assert len(labels) == 3
    assert {"wasi", "wasi (run)"} < set(labels)


def test_what_is_named_twice_counts_once(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {"wasi": usual()})
    (run / "wasi-24" / "modules").mkdir(parents=True)
    (tmp_path / "latest").symlink_to("run")
    named = [run, tmp_path / "latest", run, tmp_path / "latest", run / "wasi", run / "wasi" / "results.json"]
    files = find_run(named, into=tmp_path)
    assert list(files.results) == ["wasi"]
    assert [each.label for each in files.failed] == ["wasi-24"]


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_results_is_reported(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=name) as error:
        find_run([tmp_path / name])
    assert "results.json" in error.value.hint


def test_what_the_probes_have_seen_is_read_where_they_were_run(tmp_path: Path) -> None:
    assert read_probes(tmp_path, {}) == {}
    found = {
        "fs-hard-links": {
            "finding": "differs",
            "probes": {"files.link": {"did": "error", "kinds": ["OSError"], "errno": ["EPERM"], "message": "no"}},
        },
        "proc-none": {"finding": "lifted", "probes": {"processes.fork": {"did": "works", "seconds": 0.1}}},
        "browser": {"finding": "not applicable", "reason": "documented for browsers"},
    }
    path = tmp_path / "probes.json"
    path.write_text(json.dumps({"schema": 1, "limitations": found}), encoding="utf-8")
    assert read_probes(tmp_path, {}) == {
        "fs-hard-links": ("differs", "files.link: OSError EPERM: no"),
        "proc-none": ("lifted", "processes.fork: works"),
    }
    assert read_probes(tmp_path, {"proc-none": {"finding": "holds"}}) == {"proc-none": ("holds", "")}
    path.write_text(json.dumps({"schema": 2, "limitations": found}), encoding="utf-8")
    assert read_probes(tmp_path, {}) == {}
    path.write_text("[", encoding="utf-8")
    assert read_probes(tmp_path, {}) == {}


def test_every_unexpected_verdict_is_among_what_is_reported() -> None:
    assert set(RANKED_VERDICTS) == {verdict for verdict in Verdict if verdict.is_unexpected}


def test_a_flaky_case_is_neither_a_regression_nor_stale() -> None:
    tries = (Outcome.FAIL, Outcome.PASS, Outcome.PASS)
    flaky = msgspec.structs.replace(case("test_a.T.flaky", Outcome.FAIL), tries=tries)
    run = digest({"wasi": results(module("test_a", flaky, case("test_a.T.x")))})
    assert ([found.case for found in run.flaky], run.wrong, run.stale) == (["test.test_a.T.flaky"], (), ())
    texts = [statement.text for statement in statements(run, "x")]
    assert texts[1:] == ["1 case changes its mind from try to try."]
    assert "### Flaky (1)" in render_markdown(run, "x")
    assert github_annotations(run).startswith("::warning title=flaky%3A test.test_a.T.flaky::fail on wasi")


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("test.test_os.T.test_a_b", "test.test_os.T.test_a_b"),
        ("_a_", "&#95;a&#95;"),
        ("T.__init__", "T.&#95;&#95;init&#95;&#95;"),
        ("a_ b *c", "a&#95; b &#42;c"),
    ],
)
def test_an_id_in_markdown_can_be_read_in_the_file_too(text: str, markdown: str) -> None:
    assert escaped(text) == markdown
