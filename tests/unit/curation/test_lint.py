"""Lint: what is wrong with an entry beyond its own words."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import pytest

from harness.cli import main as cli
from harness.curation.lint import causes_text, find_problems, unchecked_text
from harness.curation.suite_index import KnownSuite, Suites, load_suites, newest_runs
from harness.errors import EXIT_CONFIG, EXIT_OK, ConfigError, Problem
from harness.expectations.entries import Expectations
from harness.expectations.files import read_lists
from harness.limitations.registry import Registry
from harness.matrix.conditions import read_condition
from harness.matrix.python_source import PythonSource
from harness.targets import Engine, Target
from tests.unit.sample_cells import EMSCRIPTEN, WASI, emscripten
from tests.unit.sample_lists import REGISTRY, limitation
from tests.unit.sample_lists import entry as loose_entry


def entry(**changes: str) -> str:
    """An `[[expect]]` that needs no signature."""
    return loose_entry(**{"outcome": '"timeout"', **changes})


CELLS = (WASI, EMSCRIPTEN)
CASES = ("test.test_os.LinkTests.test_link", "test.test_os.LinkTests.test_unlink", "test.helper.H.test_a")
SUITE = KnownSuite(
    source="reports/x/wasi/results.json",
    modules=frozenset({"test.test_os", "test.test_json"}),
    cases=frozenset(CASES),
    whole=frozenset({"test.test_os", "test.test_json"}),
)
ALIVE = entry() + entry(tests='["test.test_json"]', limitation='"wasi-no-dup"', when='{ target = "wasi" }')


def problems(text: str, *, suites: Suites | None = None, registry: Registry = REGISTRY) -> list[Problem]:
    known = suites or Suites(by_cell={WASI.id: SUITE, EMSCRIPTEN.id: SUITE})
    return find_problems(read_lists({"fs.toml": ALIVE + text}, registry), registry, CELLS, known)


def reported(text: str, suites: Suites | None = None) -> list[tuple[int, str, str]]:
    return [(found.line, found.message, found.suggestion) for found in problems(text, suites=suites)]


FIRST_LINE = ALIVE.count("\n") + 1


def test_lists_without_a_mistake_have_no_problem() -> None:
    assert problems("") == []


def test_every_kind_of_problem_is_reported_at_once_and_in_order() -> None:
    text = "".join(
        [
            entry(tests='["test.test_os.LinkTests.test_lnk"]'),
            entry(tests='["test.test_os.LinkTests.test_unlink"]', when='{ emscripten = ">=7" }'),
            entry(outcome='"not-run"'),
            entry(reason='"TODO"', tests='["test.helper.H.test_a"]'),
            entry(resaon='"x"'),
            entry(when='{ target = "wasi", engine = "node" }'),
        ]
    )
    found = problems(text)
    assert [(problem.line - FIRST_LINE, problem.key) for problem in found] == [
        (0, "expect.tests"),
        (6, "expect.when"),
        (13, "expect.tests"),
        (23, "expect.reason"),
        (30, "expect.resaon"),
        (37, "expect.when.engine"),
    ]


def test_an_id_that_matches_nothing_is_reported_with_the_nearest_and_the_source() -> None:
    (problem,) = reported(entry(tests='["test.test_os.LinkTests.test_lnk"]'))
    assert problem == (
        FIRST_LINE,
        "'test.test_os.LinkTests.test_lnk' matches no case of the suite, says reports/x/wasi/results.json",
        "did you mean 'test.test_os.LinkTests.test_link'?",
    )


@pytest.mark.parametrize(
    ("test", "exists"),
    [
        ("test.test_os.LinkTests.*", True),
        ("test.test_os.LnkTests.*", False),
        ("setUpClass (test.test_os.LinkTests)", True),
        ("setUpModule (test.test_os)", True),
        ("setUpModule (test.helper)", True),
        ("setUpClass (test.test_os.Other)", False),
        ("after (test.test_os.LinkTests.test_link)", True),
        ("after (test.test_os.LinkTests.test_lnk)", False),
        ("test.test_json", True),
        ("test.helper.H.test_b", False),
        ("json.encoder", False),
    ],
)
def test_what_a_suite_has(test: str, exists: bool) -> None:
    assert SUITE.has(test) is exists


def test_a_module_that_failed_as_a_whole_or_did_not_end_is_not_complete(tmp_path: Path) -> None:
    path = results(tmp_path / "reports", "whole")
    data = json.loads(path.read_text())
    data["modules"]["test_re"] = {
        "complete": True,
        "outcome": "pass",
        "cases": {"test.test_re": {"outcome": "skip"}, "test.test_re.T.test_a": {"outcome": "pass"}},
    }
    data["modules"]["test_abc"] = {"complete": False, "outcome": "pass", "cases": {}}
    path.write_text(json.dumps(data))
    suite = load_suites([WASI], tmp_path / "reports", tmp_path / "cache").by_cell["wasi"]
    assert suite.whole == {"test.test_os", "test.test_re"}


def test_an_index_of_a_run_is_kept_and_read_instead_of_it(tmp_path: Path) -> None:
    path, cache = results(tmp_path / "reports", "whole"), tmp_path / "new" / "cache"
    load_suites([WASI], tmp_path / "reports", cache)
    (kept,) = (cache / "suites").glob("*.json")
    kept.write_text(kept.read_text().replace("test_whole", "test_kept"))
    suite = load_suites([WASI], tmp_path / "reports", cache).by_cell["wasi"]
    assert "test.test_os.T.test_kept" in suite.cases
    os.utime(path, (5, 5))
    assert "test.test_os.T.test_whole" in load_suites([WASI], tmp_path / "reports", cache).by_cell["wasi"].cases


def test_a_link_to_the_newest_run_is_not_read_as_another_one(tmp_path: Path) -> None:
    path = results(tmp_path / "reports", "whole")
    (tmp_path / "reports" / "latest").symlink_to(path.parent.parent)
    assert newest_runs("wasi", tmp_path / "reports") == [path]


def test_without_a_whole_run_the_modules_that_ran_whole_have_their_cases(tmp_path: Path) -> None:
    reports, cache = tmp_path / "reports", tmp_path / "cache"
    path = results(reports, "part", complete=False)
    build(cache, "wasi-0", '["test_os", "test_re"]')
    own = results(reports, "own", complete=False)
    data = json.loads(own.read_text())
    data["run"]["tests"] = "0123"
    own.write_text(json.dumps(data).replace("test_os", "test_re"))
    found = load_suites([WASI], reports, cache)
    suite = found.by_cell["wasi"]
    assert sorted(suite.modules) == ["test.test_os", "test.test_re"]
    assert list(suite.whole) == ["test.test_os"]
    case = next(iter(json.loads(path.read_text())["modules"]["test_os"]["cases"]))
    assert (suite.has(case), suite.has(f"{case}x"), suite.has("test.test_re.T.test_a")) == (True, False, None)
    assert found.notes == (f"wasi: {len(suite.cases)} cases, from the build wasi-0 and runs of 1 of its 2 modules",)


def test_ten_runs_are_looked_at_for_a_whole_one(tmp_path: Path) -> None:
    for number in range(10):
        results(tmp_path / "reports", f"part{number}", complete=False, age=number)
    results(tmp_path / "reports", "whole", age=99)
    assert load_suites([WASI], tmp_path / "reports", tmp_path / "cache").by_cell == {}
    shutil.rmtree(tmp_path / "reports" / "part0")
    assert "wasi" in load_suites([WASI], tmp_path / "reports", tmp_path / "cache").by_cell


def build(cache: Path, name: str, modules: str, manifest: str = '{"python": "3.13.5"}') -> Path:
    listing = cache / "builds" / name / "modules.json"
    listing.parent.mkdir(parents=True)
    listing.write_text(modules)
    (listing.parent / "manifest.json").write_text(manifest)
    return listing


def test_cells_that_differ_only_in_their_runtime_know_the_suite_of_the_build_they_share(tmp_path: Path) -> None:
    browser = dataclasses.replace(WASI, id="wasi-chromium", engine=Engine.CHROMIUM)
    build(tmp_path, "wasi-0", '["test_os"]')
    build(tmp_path, "wasi-chromium-extra-0", '["test_json"]')
    assert load_suites([browser], tmp_path / "none", tmp_path).by_cell[browser.id].modules == {"test.test_os"}


@pytest.mark.parametrize("manifest", ['{"python": "3.14.0a2+"}', "[]", "{"])
def test_a_build_of_another_cpython_says_nothing_of_the_cell_s_suite(tmp_path: Path, manifest: str) -> None:
    build(tmp_path, "wasi-0", '["test_new"]', manifest)
    assert load_suites([WASI], tmp_path / "none", tmp_path).by_cell == {}


def test_the_modules_are_those_of_the_newest_build_that_can_be_read(tmp_path: Path) -> None:
    builds = (("0", '["test_old"]'), ("1", '["test_new"]'), ("2", "{"))
    for age, (key, text) in enumerate(builds):
        listing = build(tmp_path, f"wasi-{key}", text)
        os.utime(listing, (1e9 + age, 1e9 + age))
    suites = load_suites([WASI], tmp_path / "none", tmp_path)
    assert suites.by_cell["wasi"].modules == {"test.test_new"}
    assert suites.notes == ("wasi: 1 modules, no cases, from the build wasi-1",)


@pytest.mark.parametrize(("count", "named"), [(5, "w0, w1, w2, w3, w4"), (7, "w0, w1, w2, w3, w4 and 2 more")])
def test_five_cells_without_a_suite_are_named(tmp_path: Path, count: int, named: str) -> None:
    cells = [dataclasses.replace(WASI, id=f"w{number}") for number in range(count)]
    notes = load_suites(cells, tmp_path, tmp_path).notes
    assert notes == (f"no run and no build, so ids are not checked: {named}",)


def test_what_is_near_a_name_is_of_its_class_or_its_module() -> None:
    assert set(SUITE.near("test.test_os.LinkTests.test_lnk")) == set(CASES[:2])
    assert list(SUITE.near("test.test_os.LnkTests.test_other")) == ["test.test_os.LinkTests"]
    other = dataclasses.replace(SUITE, cases=frozenset({*CASES, "test.test_os.Other.test_x"}))
    assert list(other.near("test.test_os.LnkTests.test_link")) == ["test.test_os.LinkTests.test_link"]


def test_what_is_not_an_id_of_the_suite_may_be_a_test_of_the_user_s_own() -> None:
    assert SUITE.has("test_mine.T.test_a") is None
    assert dataclasses.replace(SUITE, whole=frozenset()).has("test.test_json.T.test_a") is None


def test_a_class_under_another_module_is_near() -> None:
    assert list(SUITE.near("test.test_os.LnkTests.test_link")) == ["test.test_os.LinkTests.test_link"]
    assert list(SUITE.near("test.test_oss.LinkTests.test_link")) == ["test.test_os.LinkTests.test_link"]
    assert set(SUITE.near("test.test_oss")) == SUITE.modules
    assert list(SUITE.near("test.test_os.LnkTests.*")) == ["test.test_os.LinkTests.*"]


def test_where_the_module_did_not_run_to_its_end_nothing_is_said() -> None:
    part = dataclasses.replace(SUITE, whole=frozenset({"test.test_json"}))
    assert part.has("test.test_os.LinkTests.test_lnk") is None
    assert part.has("json.encoder") is None
    assert part.has("test.test_json.X.test_a") is False


def test_an_id_that_one_of_its_cells_has_is_right() -> None:
    other = dataclasses.replace(SUITE, cases=frozenset(CASES[1:]))
    assert problems("", suites=Suites(by_cell={WASI.id: other, EMSCRIPTEN.id: SUITE})) == []
    (problem,) = problems("", suites=Suites(by_cell={WASI.id: other}))
    assert "test_link' matches no case" in problem.message


def test_without_a_run_an_id_is_compared_with_the_modules_of_a_build() -> None:
    """Also by the suite of another cell with the same series of CPython."""
    modules = frozenset({"test.test_os", "test.test_json"})
    built = Suites(by_cell={EMSCRIPTEN.id: KnownSuite(source="the build x", modules=modules)})
    assert reported(entry(tests='["test.test_oss.X.test_a"]', when='{ target = "wasi" }'), suites=built) == [
        (FIRST_LINE, "'test.test_oss.X.test_a' belongs to no module of the suite", "did you mean 'test.test_os'?")
    ]


def test_a_module_that_a_run_of_one_of_its_cells_would_miss_is_a_problem_before_that() -> None:
    """Also where the suites of other cells for which the entry holds are not known."""
    newer = dataclasses.replace(WASI, id="wasi-py3.14", python=PythonSource.parse("3.14.2"))
    built = KnownSuite(source="the build x", modules=frozenset({"test.test_os", "test.test_json"}))
    lists = read_lists({"fs.toml": ALIVE + entry(tests='["test.test_jsn.A.test_b"]')}, REGISTRY)
    found = find_problems(lists, REGISTRY, (WASI, newer, EMSCRIPTEN), Suites(by_cell={WASI.id: built}))
    assert [(problem.line, problem.message, problem.suggestion) for problem in found] == [
        (FIRST_LINE, "'test.test_jsn.A.test_b' belongs to no module of the suite", "did you mean 'test.test_json'?")
    ]
    with pytest.raises(ConfigError, match="test_jsn"):  # as a run of that cell does
        Expectations(lists.entries).for_cell(WASI).check_modules(["test_os", "test_json"])


def test_an_id_without_its_beginning_is_not_a_test_of_the_user_s_own() -> None:
    for test in ("test_os.LinkTests.test_link", "test_oss.LinkTests.test_link"):
        (problem,) = reported(entry(tests=f'["{test}"]'))
        assert problem[1] == f"{test!r} is not a full id"
        assert "test.test_os" in problem[2]
    assert reported(entry(tests='["test_mine.LinkTests.test_other"]')) == []


def unchecked(text: str, suites: Suites) -> str:
    return unchecked_text(read_lists({"fs.toml": text}, REGISTRY), CELLS, suites)


def test_what_could_not_be_checked_is_counted() -> None:
    tests = '["test.test_os.LinkTests.test_link", "test.test_json", "test_mine.T.test_a"]'
    text = entry(tests=tests, when='{ target = "wasi" }') + entry(when='{ target = "emscripten" }')
    built = KnownSuite(source="the build x", modules=SUITE.modules)
    assert unchecked(text, Suites(by_cell={WASI.id: built})) == (
        "1 id checked by the module alone; 1 id not checked: there is neither a run nor a build; "
        "1 id of tests of your own not checked"
    )
    assert unchecked(entry(), Suites(by_cell={WASI.id: SUITE})) == ""


def test_two_entries_for_a_case_are_an_overlap_that_is_reported_once() -> None:
    assert reported(entry()) == [
        (
            FIRST_LINE,
            "'test.test_os.LinkTests.test_link' stands already at fs.toml:1",
            "merge the two, or give them conditions that exclude each other",
        )
    ]
    assert reported(entry(outcome='"not-run"', when='{ target = "wasi" }'))[0][1].endswith("fs.toml:1, with timeout")


def test_an_entry_that_no_cell_can_reach_is_reported_with_what_the_cells_have() -> None:
    (problem,) = reported(entry(tests='["test.helper.H.test_a"]', when='{ target = "emscripten", emscripten = ">=7" }'))
    assert problem == (
        FIRST_LINE,
        "no declared cell is reached by target emscripten, emscripten >=7",
        "none has emscripten >=7; declared: 3.1.73",
    )
    (problem,) = reported(entry(tests='["test.helper.H.test_a"]', when='{ target = "emscripten", pydebug = true }'))
    assert problem[2] == "none has pydebug true; declared: false"


def test_an_entry_for_a_prerelease_that_only_a_checkout_can_be_is_in_reach() -> None:
    for when, reached in (
        ('{ target = "emscripten", python = ">=3.14.0a1,<3.14.0a5" }', True),
        ('{ target = "emscripten", emscripten = ">=7", python = ">=3.14.0a1,<3.14.0a5" }', False),
        ('{ target = "emscripten", python = ">=3.99" }', False),
    ):
        assert (not reported(entry(tests='["test.helper.H.test_a"]', when=when))) is reached


def test_an_entry_that_holds_where_its_limitation_does_not_is_reported() -> None:
    (newer,) = [read_condition({"emscripten": ">=4"})[0]]
    limits = {**REGISTRY.limitations, "newer": dataclasses.replace(REGISTRY.limitations["fs-hard-links"], when=newer)}
    text = entry(tests='["test.helper.H.test_a"]', limitation='"newer"', when='{ target = "emscripten" }')
    (problem,) = problems(text, registry=Registry(limits))
    assert problem.key == "expect.when"
    assert problem.message == f"'newer' holds for emscripten >=4, and the entry names {EMSCRIPTEN.id} too"


def test_an_entry_that_keeps_to_the_cells_of_its_limitation_is_right() -> None:
    newer = read_condition({"emscripten": ">=3.1.70"})[0]
    limits = {**REGISTRY.limitations, "newer": dataclasses.replace(REGISTRY.limitations["fs-hard-links"], when=newer)}
    text = entry(tests='["test.helper.H.test_a"]', limitation='"newer"', when='{ target = "emscripten" }')
    assert problems(text, registry=Registry(limits)) == []


def test_terms_that_hold_somewhere_but_never_together_are_out_of_reach() -> None:
    cells = (WASI, dataclasses.replace(EMSCRIPTEN, pydebug=True), emscripten("4.0.12"))
    text = entry(tests='["test.helper.H.test_a"]', when='{ emscripten = "<4", pydebug = false }')
    lists = read_lists({"fs.toml": ALIVE + text}, REGISTRY)
    (problem,) = find_problems(lists, REGISTRY, cells, Suites())
    assert problem.suggestion == (
        "each term holds somewhere, but never all in one cell; `python -m harness cells` lists them"
    )


def test_only_a_pre_release_of_cpython_need_not_be_a_cell() -> None:
    for when in ('{ emscripten = ">=7.0.0a1" }', '{ python = "<3.0" }'):
        (problem,) = reported(entry(tests='["test.helper.H.test_a"]', when=when))
        assert problem[1].startswith("no declared cell is reached by")


def test_where_an_entry_cannot_be_read_no_limitation_is_called_dead() -> None:
    registry = Registry({**REGISTRY.limitations, "dead": limitation("dead", Target.WASI)}, places={"dead": "l.toml:7"})
    assert [problem.key for problem in problems("", registry=registry)] == ["limitation.id"]
    assert [problem.key for problem in problems(entry(resaon='"x"'), registry=registry)] == ["expect.resaon"]


def test_a_test_that_one_suite_refuses_is_reported_once() -> None:
    other = dataclasses.replace(SUITE, modules=frozenset({"test.test_json"}), cases=frozenset(), source="other")
    text = entry(tests='["test.test_os.LinkTests.test_unlink"]')
    found = reported(text, Suites(by_cell={WASI.id: SUITE, EMSCRIPTEN.id: other}))
    assert [problem for problem in found if problem[0] == FIRST_LINE] == [
        (FIRST_LINE, "'test.test_os.LinkTests.test_unlink' belongs to no module of the suite", found[-1][2])
    ]


def test_fifty_of_many_ids_that_match_nothing_are_reported_with_the_nearest() -> None:
    names = ", ".join(f'"test.test_os.LinkTests.test_link{number:02}"' for number in range(52))
    near = [suggestion for _, _, suggestion in reported(entry(tests=f"[{names}]"))]
    assert [bool(suggestion) for suggestion in near] == [True] * 50 + [False] * 2


def test_the_kinds_of_causes_are_counted_by_test() -> None:
    fault = dataclasses.replace(limitation("fault", Target.EMSCRIPTEN), fault=True)
    registry = Registry({**REGISTRY.limitations, "fault": fault})
    issue = '"https://x.org/1"'
    text = (
        entry(tests='["test.test_os.A.test_a", "test.test_os.A.test_b"]', issue=issue)
        + entry(tests='["test.test_os.B.*"]', limitation='"fault"', issue=issue, when='{ target = "emscripten" }')
        + entry(tests='["test.test_os.C.test_c"]', limitation="", issue=issue)
    )
    assert causes_text(read_lists({"fs.toml": text}, registry).entries, registry) == (
        "4 tests: 2 by a documented limitation, 1 by an acknowledged fault that is probed, 1 by an issue alone"
    )


def test_a_limitation_that_explains_nothing_is_dead() -> None:
    needed = dataclasses.replace(limitation("needs-fork", Target.WASI), needs=("fork",))
    more = {"dead": limitation("dead", Target.WASI), "needs-fork": needed}
    registry = Registry({**REGISTRY.limitations, **more}, places={"dead": "expected_failures/limitations.toml:7"})
    (problem,) = problems("", registry=registry)
    assert (problem.file, problem.line, problem.key) == ("expected_failures/limitations.toml", 7, "limitation.id")
    assert problem.message.startswith("'dead' is dead")


def results(folder: Path, run: str, *, complete: bool = True, python: str = "3.13.5", age: int = 0) -> Path:
    path = folder / run / "wasi" / "results.json"
    path.parent.mkdir(parents=True)
    module = {"complete": True, "outcome": "pass", "cases": {f"test.test_os.T.test_{run}": {"outcome": "pass"}}}
    gone = {"complete": True, "outcome": "error", "cases": {"test.test_json": {"outcome": "error"}}}
    data = {
        "run": {"complete": complete},
        "cell": {"python": python},
        "modules": {"test_os": module, "test_json": gone},
    }
    path.write_text(json.dumps(data))
    os.utime(path, (1e9 - age, 1e9 - age))
    return path


def test_cases_are_known_from_the_newest_whole_run_of_the_same_cpython(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    results(reports, "part", complete=False)
    results(reports, "other", python="/src/cpython", age=10)
    results(reports, "whole", age=20)
    results(reports, "old", age=30)
    for _ in range(2):  # the second time from the index
        suites = load_suites(CELLS, reports, tmp_path / "cache")
        suite = suites.by_cell["wasi"]
        assert suite.cases == {"test.test_os.T.test_whole", "test.test_json"}
        assert suite.whole == {"test.test_os"}
        assert suite.source == "reports/whole/wasi/results.json"
    assert suites.notes == (
        "wasi: 2 cases, from reports/whole/wasi/results.json",
        "no run and no build, so ids are not checked: emscripten-3.1.73",
    )


def test_a_run_that_changed_is_read_again(tmp_path: Path) -> None:
    path = results(tmp_path / "reports", "whole")
    load_suites([WASI], tmp_path / "reports", tmp_path / "cache")
    path.write_text(path.read_text().replace("test_whole", "test_renamed"))
    suite = load_suites([WASI], tmp_path / "reports", tmp_path / "cache").by_cell["wasi"]
    assert "test.test_os.T.test_renamed" in suite.cases


def test_a_module_that_only_another_series_of_cpython_has_is_not_missed_in_the_suites_of_this_one() -> None:
    """Nothing is known of 3.11's suite where only cells of 3.13 have been built."""
    old = dataclasses.replace(WASI, id="wasi-py3.11", python=PythonSource.parse("3.11.2"))
    text = entry(tests='["test.test_cgi.CgiTests.test_log"]', when='{ python = "<3.13" }')
    lists, built = read_lists({"fs.toml": ALIVE + text}, REGISTRY), Suites(by_cell={WASI.id: SUITE})
    assert find_problems(lists, REGISTRY, (WASI, EMSCRIPTEN, old), built) == []
    named = KnownSuite(source="a build", modules=SUITE.modules)
    (problem,) = find_problems(lists, REGISTRY, (WASI, old), Suites(by_cell={WASI.id: SUITE, old.id: named}))
    assert "belongs to no module" in problem.message


def test_results_that_cannot_be_read_are_passed_over_for_the_modules_of_a_build(tmp_path: Path) -> None:
    results(tmp_path / "reports", "whole").write_text("{")
    for name in ("wasi-0123456789abcdef", "wasi-debug-0123456789abcdef"):
        build(tmp_path / "cache", name, json.dumps(["test_os" if name.startswith("wasi-0") else "test_json"]))
    suite = load_suites([WASI], tmp_path / "reports", tmp_path / "cache").by_cell["wasi"]
    assert suite.modules == {"test.test_os"}
    assert not suite.cases
    assert suite.source == "the build wasi-0123456789abcdef"


@pytest.mark.usefixtures("empty_cache")
def test_the_command_names_the_source_and_all_problems(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "limitations.toml").write_text("")
    (lists / "a.toml").write_text("")
    results(tmp_path / "reports", "whole")
    arguments = ["lint", "--lists", str(lists), "--reports", str(tmp_path / "reports")]
    assert cli.main(arguments) == EXIT_OK
    assert "wasi: 2 cases, from reports/whole/wasi/results.json" in capsys.readouterr().out
    (lists / "a.toml").write_text(entry())
    (lists / "b.toml").write_bytes(b"\xff")
    assert cli.main(arguments) == EXIT_CONFIG
    error = capsys.readouterr().err
    assert "2 problems in the expectation lists" in error
    assert "lists/a.toml:4: expect.limitation: 'fs-hard-links' is not in limitations.toml" in error
    assert "lists/b.toml:1: is not UTF-8" in error


def test_an_entry_without_a_signature_is_loose_where_a_failure_has_one() -> None:
    text = loose_entry(tests='["test.helper.H.test_a"]')
    missing = "is missing: the case may fail for any other reason"
    assert [(line, message) for line, message, _ in reported(text)] == [(FIRST_LINE, missing)]
    assert reported(text.replace("reason", 'signature = "OSError ENOTSUP"\nreason')) == []


def test_an_entry_that_expects_a_pass_too_ends_with_a_version() -> None:
    outcomes = '["timeout", "pass"]'
    (problem,) = reported(entry(tests='["test.helper.H.test_a"]', outcome=outcomes, when='{ python = ">=3.11" }'))
    assert problem[1].startswith("has no version as its end")
    for when in ('{ python = "<99" }', '{ python = ">=3.11,<99" }', '{ python = "3.13" }'):
        assert reported(entry(tests='["test.helper.H.test_a"]', outcome=outcomes, when=when)) == []


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        ('python = ">=3.15.3"', 'python = ">=3.16"', True),
        ('python = ">=3.15"', 'emscripten = ">=7"', True),
        ('python = ">=3.15", pthreads = true', 'python = ">=3.15"', False),
        ('python = ">=3.15,<3.16"', 'python = ">=3.16"', False),
        ('emscripten = ">=7"', 'wasmtime = ">=60"', False),
        ('target = "wasi", python = ">=3.15"', 'target = "emscripten", python = ">=3.15"', False),
    ],
)
def test_an_overlap_at_versions_that_no_declared_cell_has_is_reported(first: str, second: str, overlap: bool) -> None:
    """No cell here has CPython 3.15 or threads."""
    lists = read_lists({"fs.toml": entry(when=f"{{ {first} }}") + entry(when=f"{{ {second} }}")}, REGISTRY)
    found = [problem.message for problem in Expectations(lists.entries).overlaps_elsewhere(CELLS)]
    said = "'test.test_os.LinkTests.test_link' stands already at fs.toml:1, at versions that no declared cell has"
    assert found == ([said] if overlap else [])
    assert Expectations(lists.entries).overlaps(CELLS) == []


def test_an_overlap_in_a_declared_cell_is_reported_once() -> None:
    lists = read_lists({"fs.toml": entry() + entry()}, REGISTRY)
    assert Expectations(lists.entries).overlaps_elsewhere(CELLS) == []
    assert len(Expectations(lists.entries).overlaps(CELLS)) == 1
