"""The pages and the JSON: what they contain, and that no text of a test becomes markup."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import msgspec
import pytest

from harness.errors import ConfigError
from harness.expectations.compare import compare
from harness.expectations.entries import CellExpectations
from harness.results.cell_results import RunInfo, write_results
from harness.results.outcomes import Outcome
from harness.site.index import Index, cause_path, file_name
from harness.site.model import TONES, Site
from harness.site.search import search_index
from harness.site.write import write_site
from tests.unit.sample_results import HOSTILE, case, module
from tests.unit.site.samples import LINK, did, expecting, night, nights, site_of

ISSUE = "https://github.com/python/cpython/issues/1"


def full_site(reports: Path = Path("/nowhere")) -> Site:
    """Two cells, an entry, a hostile case, a module that is always good."""
    hostile = case(f"test_x.T.{HOSTILE}", Outcome.FAIL, exception="E", message=HOSTILE)
    good = module("test_good", case("test_good.T.test_a"))
    mixed = [night(day, module("test_x", hostile), good, cell="wasi-33", toolchain="33") for day in (1, 2)]
    return site_of(nights("PPFF"), mixed, entries=(expecting(issue=ISSUE),), reports=reports)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("made") / "site"
    write_site(full_site(), made)
    return made


class Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value for name, value in attrs if name in {"href", "src", "action"} and value]


def test_every_link_leads_to_a_file(folder: Path) -> None:
    for page in folder.rglob("*.html"):
        for link in Links(page.read_text(encoding="utf-8")).found:
            if not link.startswith(("https://", "#", "data:")):
                assert (page.parent / unquote(link)).is_file(), (page, link)


def test_every_page_that_the_json_names_is_there(folder: Path) -> None:
    for file in folder.glob("api/**/*.json"):
        text = file.read_text(encoding="utf-8")
        assert json.loads(text)["schema"] == 1
        for page in re.findall(r'"(?:page|data)":"([^"]+)"', text):
            assert (folder / page).is_file(), (file, page)


def test_no_text_of_a_test_becomes_markup(folder: Path) -> None:
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "img" not in Links(text).tags
        assert "<script>" not in text
        assert "\u202e" not in text
    assert "</script" not in (folder / "search-index.js").read_text(encoding="utf-8")


def test_the_page_of_a_case_says_since_when_and_why(folder: Path) -> None:
    text = (folder / "cases" / "test.test_os" / f"{LINK}.html").read_text(encoding="utf-8")
    assert 's-known">known' in text
    assert '<time datetime="2026-09-03T03:00:00Z"' in text
    assert 'href="../../limitations/fs-hard-links.html"' in text
    assert 'f-pass" d="M0 0h2' in text
    assert 'f-known" d="M2 0h2' in text
    assert "OSError" in text


def test_a_case_that_was_always_good_has_no_page_and_is_named(folder: Path) -> None:
    assert not (folder / "cases" / "test.test_good").exists()
    assert "test_a" in (folder / "modules" / "test.test_good.html").read_text(encoding="utf-8")
    data = json.loads((folder / "api" / "modules" / "test.test_good.json").read_text(encoding="utf-8"))
    assert data["cases"] == {"test.test_good.T.test_a": {"cells": {"wasi-33": "pass"}}}


def test_a_limitation_that_no_entry_names_is_there_too(folder: Path) -> None:
    causes = json.loads((folder / "api" / "causes.json").read_text(encoding="utf-8"))["causes"]
    assert [(cause["cause"], cause["kind"], len(cause["cases"])) for cause in causes] == [
        ("fs-hard-links", "limitation", 1),
        ("proc-none", "limitation", 0),
        (ISSUE, "issue", 1),
    ]
    assert "There are no processes." in (folder / "limitations" / "proc-none.html").read_text(encoding="utf-8")


def test_the_overview_has_cells_by_cpython_and_what_is_stale(folder: Path) -> None:
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert "CPython 3.13" in text
    assert "2 cells have not run for days" in text


def test_the_index_has_every_case_and_the_pages(folder: Path) -> None:
    text = search_index(Index(full_site()))
    data = json.loads(text.removeprefix("const SEARCH_INDEX = ").rstrip(";\n"))
    by_module = {name: (file, groups) for name, file, groups in data["modules"]}
    _, groups = by_module["test.test_os"]
    assert groups == [["test.test_os.T", [["test_link", "known"], "test_other"]]]
    ((_, ((name, tone, page),)),) = by_module["test.test_x"][1]
    assert tone == "regression"
    assert (folder / "cases" / by_module["test.test_x"][0] / f"{page}.html").is_file()
    assert "\\u202e" in name


@pytest.mark.parametrize(
    "name", ["../../etc", "index", "a/b", ".", "", "x" * 300, "\u00e4", "setUpClass (a.B)", "CON:"]
)
def test_a_name_that_no_file_can_have_gets_a_hash(name: str) -> None:
    found = file_name(name)
    assert re.fullmatch(r"[A-Za-z0-9-]{0,80}-[0-9a-f]{10}", found)
    assert PurePosixPath(found).name == found


def test_an_issue_s_address_is_a_file_of_issues() -> None:
    assert cause_path(ISSUE).startswith("issues/github-com-python-cpython-issues-1-")
    assert cause_path("fs-hard-links") == "limitations/fs-hard-links.html"


def test_a_folder_with_other_contents_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(ConfigError, match="something else than a site"):
        write_site(full_site(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_site_is_replaced_and_nothing_of_it_stays(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    write_site(full_site(), folder)
    (folder / "cells" / "gone.html").write_text("x")
    write_site(full_site(), folder)
    assert not (folder / "cells" / "gone.html").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_the_newest_results_add_skips_messages_and_their_own_count(tmp_path: Path) -> None:
    newest = nights("PPFF")[-1]
    write_results(tmp_path / "2026-09-04T03-00-00" / "wasi" / "results.json", newest)
    site = full_site(tmp_path)
    (cell,) = (cell for cell in site.cells if cell.name == "wasi")
    assert cell.newest
    assert cell.unexpected == 1, "the run itself knew no entry"
    write_site(site, tmp_path / "site")
    assert differing(tmp_path / "site") == [LINK], "although today's lists know it"
    text = (tmp_path / "site" / "cases" / "test.test_os" / f"{LINK}.html").read_text(encoding="utf-8")
    assert "[Errno 58] no" in text


def differing(folder: Path) -> list[str]:
    """What differs from the lists by the page of the cell, which has to be what its JSON says."""
    page = (folder / "cells" / "wasi.html").read_text(encoding="utf-8")
    _, _, rest = page.partition('<h2 id="bad">')
    named = re.findall(r"<code>(.*?)</code>", rest.partition("</section>")[0])
    data = json.loads((folder / "api" / "cells" / "wasi.json").read_text(encoding="utf-8"))
    assert named == [each["case"] for each in data["unexpected"]]
    assert ("Nothing." in rest.partition("</section>")[0]) is not bool(named)
    return named


def test_an_entry_that_matched_nothing_is_named_on_the_page_of_the_cell(tmp_path: Path) -> None:
    """No such case is in the history."""
    newest = nights("PP")[-1]
    expected = CellExpectations({"test.test_os.T.test_gone": expecting("test.test_os.T.test_gone")})
    newest = msgspec.structs.replace(newest, comparison=compare(newest.modules, expected, complete=True))
    write_results(tmp_path / "2026-09-02T03-00-00" / "wasi" / "results.json", newest)
    write_site(site_of(nights("PP"), reports=tmp_path), tmp_path / "site")
    assert differing(tmp_path / "site") == ["test.test_os.T.test_gone"]


def test_what_differs_is_by_today_s_lists_where_the_newest_run_has_no_files(tmp_path: Path) -> None:
    write_site(site_of(nights("PF")), tmp_path / "site")
    assert differing(tmp_path / "site") == [LINK]


def test_the_pass_rate_of_a_cell_that_ran_in_parts_is_that_of_a_whole_run(tmp_path: Path) -> None:
    """A listed case that passes has passed; one that is skipped although it is listed did not run."""
    cases = [did(letter, f"test_os.T.test_{letter}") for letter in "PFS"]
    entries = tuple(expecting(f"test.test_os.T.test_{letter}") for letter in "PS")
    whole = night(1, module("test_os", *cases))
    part = msgspec.structs.replace(whole, run=msgspec.structs.replace(whole.run, complete=False))
    for name, run in (("whole", whole), ("part", part)):
        write_site(site_of([run], entries=entries), tmp_path / name)
        assert "<b>50.00 %</b>" in (tmp_path / name / "index.html").read_text(encoding="utf-8"), name


def test_the_page_of_a_cell_says_of_how_many_runs_the_changes_are(tmp_path: Path) -> None:
    days = [msgspec.structs.replace(night(1, module("test_os", did(letter))), run=run) for letter, run in many_days()]
    write_site(site_of(days), tmp_path / "site")
    text = (tmp_path / "site" / "cells" / "wasi.html").read_text(encoding="utf-8")
    _, _, rest = text.partition("What changed in the newest 30 runs</h2>")
    assert "<p>Nothing.</p>" in rest.partition("</section>")[0], "the only change is older"


def many_days() -> Iterator[tuple[str, RunInfo]]:
    """A failure on the first of 35 days, and nothing after it."""
    run = night(1, module("test_os", did("P"))).run
    for day in range(35):
        started = f"2026-{8 + day // 30:02}-{1 + day % 30:02}T03:00:00Z"
        yield "P" if day else "F", msgspec.structs.replace(run, started=started)


def test_results_that_are_not_in_the_history_are_not_used(tmp_path: Path) -> None:
    write_results(tmp_path / "2026-09-20T03-00-00" / "wasi" / "results.json", night(20, module("test_os", did("F"))))
    assert [cell.newest for cell in full_site(tmp_path).cells] == [None, None]


def test_an_empty_history_is_refused() -> None:
    with pytest.raises(ConfigError, match="no run"):
        site_of()


def test_the_states_are_those_of_the_page_of_a_run() -> None:
    script = Path(__file__).parents[3] / "harness" / "report" / "templates" / "data.js"
    found = re.findall(r'\{ id: "([\w-]+)", letter: "(.?)"', script.read_text(encoding="utf-8"))
    assert dict(found) == dict(TONES)


def test_a_link_to_the_served_folder_stays_and_the_current_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, link = tmp_path / "served", tmp_path / "link"
    served.mkdir()
    link.symlink_to(served)
    for _ in range(2):
        write_site(full_site(), link)
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "served"]
    assert (served / "index.html").is_file()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ConfigError, match="is the current folder, and cannot be replaced"):
        write_site(full_site(), Path())
