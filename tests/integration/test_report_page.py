"""The HTML page in a real Chromium: it renders without a complaint, obeys keyboard and mouse, and in time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from harness.bench.report import write_made_up_run
from harness.limitations.registry import REGISTRY_FILE
from harness.manifest import Manifest
from harness.project import project_root
from harness.report.write import PAGE, write_views
from harness.results.cell_results import Work, write_results
from harness.results.outcomes import Outcome
from harness.results.run_folder import find_run
from harness.targets import Engine
from tests.integration.chromium import VARIABLE, Page, chromium, find_chromium
from tests.unit.sample_cells import EMSCRIPTEN
from tests.unit.sample_results import HOSTILE, case, module, results, usual

pytestmark = [
    pytest.mark.toolchain,
    pytest.mark.skipif(not find_chromium(), reason=f"no Chromium on PATH, and none in the variable {VARIABLE}"),
]
ENGINES = {
    engine: dataclasses.replace(EMSCRIPTEN, id=f"emscripten-{engine}", engine=Engine(engine))
    for engine in ("node", "chromium", "firefox")
}
ENTER, RIGHT = ("Enter", 13), ("ArrowRight", 39)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(find_chromium(), tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(browser: Page) -> Page:
    browser.problems.clear()
    return browser


def small_run(folder: Path) -> Path:
    """Two cells: one of everything, and hostile names and texts."""
    write_results(folder / "wasi" / "results.json", usual())
    hostile = results(
        module("test_os", case("test_os.DeepTests.test_deep")),
        module(
            f"test_{HOSTILE}",
            case(f"test_{HOSTILE}.T.test_a", Outcome.FAIL, exception=HOSTILE, message=HOSTILE, traceback=HOSTILE),
            case(f"test_{HOSTILE}.T.test_b", Outcome.SKIP, reason=HOSTILE),
            output=HOSTILE,
        ),
    )
    record = {"python": HOSTILE, "steps": [{"name": HOSTILE, "seconds": 2}], "toolchain": {"packages": HOSTILE}}
    build = Manifest.from_json(record)
    cell = dataclasses.replace(hostile.cell, id="wasi-24", description=HOSTILE)
    write_results(folder / "wasi-24" / "results.json", msgspec.structs.replace(hostile, build=build, cell=cell))
    write_views(find_run([folder]))
    return folder / PAGE


def found(page: Page) -> str:
    return str(page.value("document.getElementById('found').textContent"))


def test_it_shows_the_unexpected_cases_first_and_all_that_is_known_of_them(page: Page, tmp_path: Path) -> None:
    page.open(small_run(tmp_path / "run"))
    assert found(page) == "6 cases of 11"
    page.value("document.querySelector('.case summary').click()")
    text = page.value("new Promise(done => setTimeout(() => done(document.querySelector('.case').innerText), 100))")
    assert "test.test_os.DeepTests.test_deep" in text
    assert "wasm trap: call stack exhausted" in text
    assert "<no Python frame>" in text
    assert "python -m harness test wasi --case test.test_os.DeepTests.test_deep" in text
    assert "pass\n on wasi-24" in text.replace("pass on", "pass\n on")
    assert page.problems == []


def test_no_text_of_a_test_becomes_markup_or_script(page: Page, tmp_path: Path) -> None:
    page.open(small_run(tmp_path / "run"))
    page.value("form.elements.state.value = 'any'; search()")
    assert found(page) == "11 cases of 11"
    page.value("document.querySelectorAll('details').forEach(each => { each.open = true; each.drawNow?.() })")
    text = page.value("document.body.innerText")
    assert "</script><script>alert(1)</script>" in text
    assert "\\u202e" in text
    assert page.value("document.querySelectorAll('main script, main img, header img').length") == 0
    assert page.value("globalThis.hurt") is None
    assert page.problems == []


def test_the_map_is_walked_with_the_arrows_and_enter_lists_a_tile(page: Page, tmp_path: Path) -> None:
    page.open(small_run(tmp_path / "run"))
    page.value("document.querySelector('.heat td[tabindex=\"0\"]').focus()")
    first = page.value("document.activeElement.getAttribute('aria-label')")
    assert first == "test_os on wasi: 1 crash, 1 regression, 1 fixed, 1 missing, 1 known, 1 skip, 1 pass, 2.5 s"
    page.key(*RIGHT)
    assert page.value("document.activeElement.getAttribute('aria-label')") == "test_os on wasi-24: 1 pass, 2.5 s"
    page.key(*ENTER)
    assert found(page) == "1 case of 11"
    assert page.value("document.activeElement.name") == "q"
    assert page.problems == []


def test_a_filtered_list_has_an_address(page: Page, tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    page.open(run)
    page.value(
        "form.elements.state.value = 'any'; form.elements.cell.selectedIndex = 1; form.elements.q.value = 'test_os'; "
        "form.dispatchEvent(new Event('input'))"
    )
    first = found(page)
    address = page.value("location.hash")
    assert address == "#?q=test_os&state=any&cell=wasi"
    page.open(run)
    assert found(page) != first
    page.value(f"new Promise(done => {{ location.hash = '{address}'; setTimeout(done, 100) }})")
    assert found(page) == first
    assert page.problems == []


def test_what_is_wrong_only_in_browsers_or_only_in_node_is_a_filter(page: Page, tmp_path: Path) -> None:
    """Known failures count as well; a case that the other side does not have does not count as passed there."""
    wrong, good = Outcome.CRASH, Outcome.PASS
    outcomes = {
        "both": (wrong, wrong, wrong),
        "all_browsers": (good, wrong, wrong),
        "one_browser": (good, good, wrong),
        "node": (wrong, good, good),
        "nothing": (good, Outcome.SKIP, good),
    }
    for number, (name, cell) in enumerate(ENGINES.items()):
        cases = [case(f"test_a.T.{each}", by_engine[number]) for each, by_engine in outcomes.items()]
        extra = [case("test_a.T.of_chromium_alone", wrong)] if name == "chromium" else []
        found_there = msgspec.structs.replace(results(module("test_a", *cases, *extra)), cell=cell)
        write_results(tmp_path / cell.id / "results.json", found_there)
    write_views(find_run([tmp_path]))
    page.open(tmp_path / PAGE)
    listed, places = {}, {}
    for state in ("only-in-browsers", "only-in-node"):
        page.value(f"showCases({{q: '', state: '{state}', cell: '', module: ''}})")
        listed[state] = page.value("[...document.querySelectorAll('.case code')].map((each) => each.textContent)")
        places[state] = page.value("[...document.querySelectorAll('.case .where')].map((each) => each.textContent)")
    assert {state: [each.rpartition(".")[2] for each in names] for state, names in listed.items()} == {
        "only-in-browsers": ["all_browsers", "one_browser"],
        "only-in-node": ["node"],
    }
    assert places == {"only-in-browsers": ["2 of 3 cells", "emscripten-firefox"], "only-in-node": ["emscripten-node"]}
    page.open(small_run(tmp_path / "other"))
    assert page.value("form.elements.state.querySelector('[value=only-in-node]')") is None
    assert page.problems == []


def test_words_are_searched_in_ids_and_in_what_was_said(page: Page, tmp_path: Path) -> None:
    page.open(small_run(tmp_path / "run"))
    page.value("showCases({q: 'LINKTESTS supported', state: 'any', cell: '', module: ''})")
    assert found(page) == "2 cases of 11"
    page.value("showCases({q: 'linktests fork', state: 'any', cell: '', module: ''})")
    assert found(page) == "0 cases of 11"


def test_a_run_without_any_results_can_be_opened(page: Page, tmp_path: Path) -> None:
    (tmp_path / "wasi").mkdir()
    (tmp_path / "wasi" / "error.json").write_text('{"status": 4, "error": "make failed"}', encoding="utf-8")
    write_views(find_run([tmp_path]))
    page.open(tmp_path / PAGE)
    assert "make failed" in page.value("document.body.innerText")
    assert page.problems == []


def test_a_link_to_a_cell_opens_its_part(page: Page, tmp_path: Path) -> None:
    page.open(small_run(tmp_path / "run"))
    page.value("document.querySelector('#cells a[href=\"#cell-0\"]').click()")
    text = page.value("new Promise(done => setTimeout(() => done(document.querySelector('#cell-0').innerText), 100))")
    assert "wasmtime 50.0.1" in text
    assert "Slowest modules" in text
    assert page.problems == []


def timed(folder: Path, *work: Work) -> Path:
    """The page of a cell whose workers did that."""
    found = usual()
    run = msgspec.structs.replace(found.run, work=work)
    write_results(folder / "wasi" / "results.json", msgspec.structs.replace(found, run=run))
    write_views(find_run([folder]))
    return folder / PAGE


@pytest.mark.parametrize("width", [400, 800, 1400])
def test_a_timeline_shows_what_each_worker_did(page: Page, tmp_path: Path, width: int) -> None:
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    work = [("test_long", "gw0", 1.0, 9.0), ("test_<b>", "gw1", 1.0, 4.0), ("test_short", "gw1", 6.0, 0.1)]
    page.open(timed(tmp_path, *(Work(name=name, worker=gw, begin=at, seconds=s) for name, gw, at, s in work)))
    page.value("document.querySelector('#cells a[href=\"#cell-0\"]').click()")
    said = page.value("document.querySelector('.timeline').getAttribute('aria-label')")
    assert said == (
        "2 workers, busy for 73 % of 9.0 s; the first module began 1.0 s after the run did, test_long ended last, "
        "3.9 s after the first worker had nothing left"
    )
    assert page.value("[...document.querySelectorAll('.timeline title')].map(each => each.textContent)") == [
        "test_long by gw0: 9.0 s from 1.0 s on",
        "test_<b> by gw1: 4.0 s from 1.0 s on",
        "test_short by gw1: 0.1 s from 6.0 s on",
    ]
    bars = page.value(
        "[...document.querySelectorAll('.timeline rect')]"
        ".map(each => ['x', 'y', 'width'].map(name => Number(each.getAttribute(name))))"
    )
    assert bars == [[100, 0, 899.5], [100, 26, 399.5], [600, 26, 9.5]]
    # Only bars that are long enough have their names in them.
    assert page.value("[...document.querySelectorAll('.timeline svg text')].map(each => each.textContent)") == [
        "test_long",
        "test_<b>",
    ]
    assert page.value("document.documentElement.scrollWidth") <= width
    assert page.problems == []
    page.call("Emulation.clearDeviceMetricsOverride")


def test_a_cell_without_recorded_work_has_no_timeline(page: Page, tmp_path: Path) -> None:
    page.open(timed(tmp_path))
    page.value("document.querySelector('#cells a[href=\"#cell-0\"]').click()")
    assert page.value("document.querySelectorAll('.timeline').length") == 0
    assert page.problems == []


def test_each_cause_shows_its_known_failures_and_its_skips(page: Page, tmp_path: Path) -> None:
    write_results(tmp_path / "wasi" / "results.json", usual())
    skipped = [case(f"test_a.T.{name}", Outcome.SKIP, reason=name) for name in ("Windows only", "for no reason")]
    write_results(tmp_path / "wasi-24" / "results.json", results(module("test_a", *skipped)))
    write_views(find_run([tmp_path]), registry=project_root() / "expected_failures" / REGISTRY_FILE)
    page.open(tmp_path / PAGE)
    heads = page.value("[...document.querySelectorAll('.cause summary')].map(each => each.innerText)")
    first_lines = [head.split("\n")[:3] for head in heads]
    assert [each[:2] for each in first_lines] == [
        ["explained by nothing", "1 skip on 1 cell"],
        ["fs-hard-links", "1 known failure on 1 cell"],
        ["wasi-no-fork", "1 skip on 1 cell"],
        ["wasi-no-mmap", "1 skip on 1 cell"],
        ["other-system", "1 skip on 1 cell"],
    ]
    assert first_lines[-1][2] == "circumstance"
    page.value("document.querySelectorAll('.cause').forEach(each => { each.open = true; each.drawNow() })")
    page.value("[...document.querySelectorAll('.cause button')].find(each => each.innerText == 'its skips').click()")
    assert found(page) == "1 case of 11"
    assert page.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_can_be_read_in_light_and_dark(page: Page, tmp_path: Path, scheme: str) -> None:
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.open(small_run(tmp_path / "run"))
    poor = page.value(CONTRAST)
    assert poor == []


CONTRAST = """
(() => {
  const parts = (color) => color.match(/[\\d.]+/g).slice(0, 3).map((value) => {
    const share = value / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = (color) => { const [r, g, b] = parts(color); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (!/^rgba.*, 0\\)$/.test(color)) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const states = STATES.map((state) => {
    const element = make("span", { class: `tag s-${state.id}` }, "x");
    document.body.append(element);
    return element;
  });
  const texts = [...states, ...document.querySelectorAll("h1, .kicker, .note, .where, a, .bad, small, dt, button")];
  return texts.filter((element) => element.innerText).flatMap((element) => {
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    return ratio < 4.5 ? [`${element.className || element.tagName} ${ratio.toFixed(2)}`] : [];
  });
})()
"""


def test_a_large_run_opens_in_two_seconds(page: Page, tmp_path: Path) -> None:
    """Twelve cells here, so that the test is quick; `nox -s bench -- --part report` has fifty."""
    write_made_up_run(tmp_path / "run", cells=12, cases=30_000)
    write_views(find_run([tmp_path / "run"]), junit=False)
    assert (tmp_path / "run" / PAGE).stat().st_size < 15e6 * 12 / 50
    # The best of three: the machine may have something else to do.
    assert min(page.open(tmp_path / "run" / PAGE) for _ in range(3)) < 2000
    assert page.problems == []
