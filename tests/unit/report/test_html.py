"""The HTML page as text. What it does in a browser is tested in tests/integration."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from typing import Any

import msgspec

from harness.limitations.registry import Circumstance, Registry
from harness.manifest import Manifest
from harness.report.html import causes_json
from harness.results.cell_results import Work
from harness.results.outcomes import Outcome
from harness.util.text import as_script_data, visible
from tests.unit.report_runs import html, of_cell
from tests.unit.sample_results import HOSTILE, as_expected, case, module, results, usual


class Elements(HTMLParser):
    """The elements of a page, what they hold, and every attribute."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def data_of(text: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_it_is_one_file_that_asks_for_nothing() -> None:
    page = Elements(html({"wasi": usual()}))
    outside = [
        (tag, name, value)
        for tag, name, value in page.attributes
        if name in {"src", "href", "action"} and not value.startswith(("#", "data:,"))
    ]
    assert outside == []
    assert page.tags.count("script") == 2
    assert not {"img", "iframe", "object", "embed"} & set(page.tags)


def test_what_matters_can_be_read_without_a_script() -> None:
    text = Elements(html({"wasi": usual(), "wasi-24": of_cell(as_expected(), "wasi-24")})).text
    assert "5 unexpected" in text
    assert "11 cases in 2 cells: 3 passed, 3 skipped, 2 known to fail, 5 unexpected." in text
    assert "python -m harness test wasi --case test.test_os.DeepTests.test_deep" in text
    assert "nox -s update-expectations -- reports/tonight/*/results.json" in text


def test_hostile_text_is_text_everywhere() -> None:
    found = results(
        module(f"test_{HOSTILE}", case(f"test_{HOSTILE}.T.a", Outcome.CRASH, message=HOSTILE), output=HOSTILE)
    )
    cell = dataclasses.replace(found.cell, id="wasi", description=HOSTILE, runtime=HOSTILE)
    plain = html({"wasi": usual()})
    text = html(
        {
            HOSTILE: msgspec.structs.replace(
                found, cell=cell, build=Manifest.from_json({"python": HOSTILE, "x": [HOSTILE]})
            )
        }
    )
    assert set(Elements(text).tags) == set(Elements(plain).tags)
    assert Elements(text).tags.count("script") == 2
    assert not [name for _, name, _ in Elements(text).attributes if name.startswith("on")]
    assert not set(text) & {"\u2028", "\u202e", "\ud800", "\x00", "\x1b"}
    text.encode("utf-8")
    data = data_of(text)
    assert visible(HOSTILE) in data["strings"]
    assert [name for name, _ in data["modules"]] == [f"test_{visible(HOSTILE)}"]


def test_data_cannot_end_its_element_and_survives() -> None:
    data = {"a": [HOSTILE, "<!--", "]]>", "<script", "&lt;"]}
    text = as_script_data(data)
    assert not set(text) & set("<>&\u2028\u2029")
    assert text.isascii()
    assert json.loads(text) == data


def test_the_work_of_each_cell_is_data_for_its_timeline() -> None:
    found = usual()
    work = (
        Work(name="test_os", worker="gw0", begin=1.5, seconds=2.25),
        Work(name="a\u202eb", worker="gw1", begin=0, seconds=1),
    )
    found = msgspec.structs.replace(found, run=msgspec.structs.replace(found.run, work=work))
    (cell,) = data_of(html({"wasi": found}))["cells"]
    assert cell["work"] == [["test_os", "gw0", 1.5, 2.25], ["a\\u202eb", "gw1", 0, 1]]


def test_the_policy_allows_only_the_script_of_the_page() -> None:
    text = html({"wasi": usual()})
    assert "default-src 'none'" in text
    assert re.search(r"script-src 'sha256-[\w+/]{43}='", text)
    assert "unsafe-eval" not in text


def test_the_causes_have_statement_and_what_the_probes_saw() -> None:
    probes = [{"fs-hard-links": ("lifted", "files.link: works")}, {}]
    found = causes_json(Registry(limitations={}), probes)
    assert found["fs-hard-links"]["probes"] == [["lifted", "files.link: works"], None]
    assert found["fs-hard-links"]["statement"] == ""


def test_a_circumstance_is_called_one() -> None:
    circumstance = Circumstance(id="other-system", statement="It is another system's.", skips=())
    found = causes_json(Registry(limitations={}, circumstances={circumstance.id: circumstance}), [{}])
    assert found == {"other-system": {"statement": "It is another system's.", "circumstance": True, "probes": []}}
