"""The site in a real Chromium: every kind of page, at three widths, in light and dark, by axe-core; the search."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli import main as cli
from harness.errors import EXIT_CONFIG, EXIT_OK
from harness.results.cell_results import write_results
from harness.results.outcomes import Outcome
from tests.integration.chromium import VARIABLE, WAIT_SECONDS, Page, chromium, find_chromium
from tests.unit.sample_results import HOSTILE, case, module
from tests.unit.site.samples import did, night, nights

pytestmark = [
    pytest.mark.toolchain,
    pytest.mark.skipif(not find_chromium(), reason=f"no Chromium on PATH, and none in the variable {VARIABLE}"),
]
WIDTHS = {"phone": 380, "tablet": 820, "desk": 1400}
PAGES = {
    "overview": "index.html",
    "cell": "cells/wasi.html",
    "modules": "modules/index.html",
    "module": "modules/test.test_os.html",
    "case": "cases/test.test_os/test.test_os.T.test_link.html",
    "hostile": "cases/test.test_x/*.html",
    "limitations": "limitations/index.html",
    "limitation": "limitations/wasi-no-fork.html",
    "closed": "closed.html",
    "search": "search.html",
}
# What axe-core finds, a line each.
AXE = """axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations.flatMap(each =>
  each.nodes.map(node => `${each.id}: ${node.html.slice(0, 120)} ${node.any.map(all => all.message).join("; ")}`)))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a few recorded nights, made by the commands."""
    folder = tmp_path_factory.mktemp("nights")
    hostile = case(f"test_x.T.{HOSTILE}", Outcome.FAIL, exception="E", message=HOSTILE)
    skipped = case("test_x.T.test_fork", Outcome.SKIP, reason="requires working os.fork()")
    mixed = [
        night(day, module("test_x", hostile, skipped, did("P", "test_x.T.test_c")), cell="wasi-33", toolchain="33")
        for day in (1, 2, 3)
    ]
    for results in (*nights("PPFSFC"), *mixed):
        day = results.run.started[:10]
        write_results(folder / "reports" / f"{day}T03-00-00" / results.cell.id / "results.json", results)
    history = ["--history", str(folder / "history.sqlite")]
    assert cli.main(["record", *map(str, sorted((folder / "reports").iterdir())), *history]) == EXIT_OK
    made = ["site", *history, "--reports", str(folder / "reports"), "--into", str(folder / "site")]
    assert cli.main(made) == EXIT_OK
    return folder / "site"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(find_chromium(), tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(browser: Page) -> Page:
    browser.problems.clear()
    browser.call("Emulation.setDeviceMetricsOverride", width=1400, height=900, deviceScaleFactor=1, mobile=False)
    return browser


def file_of(site: Path, pattern: str) -> Path:
    return next(iter(sorted(site.glob(pattern))))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible(page: Page, site: Path, name: str, scheme: str) -> None:
    package = importlib.util.find_spec("axe_core_python")
    assert package, "the tests need axe-core-python"
    assert package.origin
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.open(file_of(site, PAGES[name]))
    page.value(Path(package.origin).with_name("axe.min.js").read_text(encoding="utf-8") + "\n;0")
    assert page.value("document.querySelectorAll('details').forEach(each => { each.open = true })") is None
    assert page.value(AXE) == []
    assert page.problems == []


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_screen(page: Page, site: Path, name: str, width: int) -> None:
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    page.open(file_of(site, PAGES[name]))
    assert page.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.value("getComputedStyle(document.body).fontFamily.includes('system-ui')"), "the style was refused"
    assert page.problems == []


def test_no_text_of_a_test_becomes_markup_or_script(page: Page, site: Path) -> None:
    for pattern in (PAGES["hostile"], "modules/test.test_x.html", "cells/wasi-33.html"):
        page.open(file_of(site, pattern))
        assert "</script><script>alert(1)</script>" in page.value("document.body.innerText")
        assert page.value("document.querySelectorAll('main script, img').length") == 0
    assert page.value("globalThis.hurt") is None
    assert page.problems == []


def test_a_case_is_found_by_words_of_its_id_from_any_page(page: Page, site: Path) -> None:
    page.open(site / "cells" / "wasi.html")
    page.value("document.querySelector('.find input').value = 'os LINK'")
    page.value("setTimeout(() => document.querySelector('.find').submit(), 0); 0")
    deadline = time.monotonic() + WAIT_SECONDS
    while not page.value("document.getElementById('found')?.textContent ?? ''") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert page.value("document.getElementById('found').textContent") == "1 of 5 cases"
    link = page.value("document.querySelector('#results a').href")
    assert link == (site / PAGES["case"]).as_uri()
    page.value("form.elements.q.value = 'test_x'; form.elements.q.dispatchEvent(new Event('input'))")
    assert page.value("document.getElementById('found').textContent") == "3 of 5 cases"
    for path in page.value("[...document.querySelectorAll('#results a')].map(each => each.pathname)"):
        assert Path(path).is_file(), path
    assert page.problems == []


def test_a_limitation_says_what_it_costs_on_each_cell(page: Page, site: Path) -> None:
    page.open(site / PAGES["limitation"])
    rows = page.value("[...document.querySelectorAll('#main tbody tr')].map(each => each.innerText.split('\\t'))")
    assert [(row[0], row[3], row[5]) for row in rows] == [("wasi", "yes", "0"), ("wasi-33", "yes", "1")]


def test_the_first_tab_stop_leads_to_the_content(page: Page, site: Path) -> None:
    page.open(site / "index.html")
    page.key("Tab", 9)
    assert page.value("document.activeElement.getAttribute('href')") == "#main"
    assert page.value("document.activeElement.getBoundingClientRect().left") >= 0


def test_a_chart_names_each_run(page: Page, site: Path) -> None:
    page.open(site / "cells" / "wasi.html")
    texts = page.value("[...document.querySelectorAll('.chart rect title')].map(each => each.textContent)")
    assert texts[0] == "2026-09-01: passed 2"
    assert len(texts) == 4 * 6
    assert page.value("document.querySelector('.chart svg').getBoundingClientRect().height") > 80
    assert page.value("getComputedStyle(document.querySelector('.line')).stroke") != "none"


def test_what_has_no_history_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = ["site", "--history", str(tmp_path / "none"), "--into", str(tmp_path / "site")]
    assert cli.main(made) == EXIT_CONFIG
    assert "there is no history" in capsys.readouterr().err
    assert not (tmp_path / "site").exists()
