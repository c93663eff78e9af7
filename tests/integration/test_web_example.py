"""The web example in a real browser: how its page is driven, and the example of a real build."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from harness.errors import EXIT_OK, UnavailableError
from harness.examples.tab import browser_of_playwright, new_tab
from harness.examples.web_example import _Bench, served
from harness.examples.web_page import PAGE as PAGE_FILE
from harness.examples.web_page import WORKER, WebExample
from harness.limitations.observation import Finding, combine, judge_observation
from harness.limitations.page import WEB_EXAMPLE_FILE, load_page_observations
from harness.limitations.registry import load_registry
from harness.matrix.conditions import condition_values
from harness.matrix.files import load_matrix
from harness.run.prepared import Prepared
from harness.targets import Engine
from harness.toolchains.browsers import machines_browser
from tests.integration.conftest import ALPHA, ALPHA_CELL
from tests.integration.guests import NEEDS_BROWSER
from tests.integration.test_own_tests import harness
from tests.probe_findings import FINDINGS, PAGE, REGISTRY, load_findings

PLAYWRIGHT = importlib.util.find_spec("playwright") is not None
needs_playwright = pytest.mark.skipif(not PLAYWRIGHT, reason="the extra `browser` is not installed")
ROOT = Path(__file__).parents[2]
CELL = "emscripten-3.1.69-chromium"
QUICK = ("run", "repl", "library", "kept", "not-isolated")
# A page with the parts of the example's that are driven; its terminal keeps lines and has no canvas.
STUB = """<!doctype html>
<script src="https://elsewhere.test/terminal.js"></script>
<textarea id="codebox"></textarea><button id="run" disabled>Run</button><div id="terminal"></div>
<script>
  const terminal = new Terminal();
  document.querySelector("#terminal").append(terminal.area);
  document.querySelector("#run").onclick = () => terminal.lines.push(`ran ${document.querySelector("#codebox").value}`);
  terminal.lines.push(`isolated ${crossOriginIsolated}`);
  fetch("https://another.test/x").catch(() => terminal.lines.push("nothing from another server"));
  console.error("a problem");
  setTimeout(() => document.querySelector("#run").removeAttribute("disabled"), 300);
</script>
"""
TERMINAL = b"""
class Stub {
  lines = [];
  area = document.createElement("textarea");
  constructor() {
    this.area.addEventListener("paste", (event) => {
      event.preventDefault();
      this.lines.push(`pasted ${event.clipboardData.getData("text/plain")}`);
    });
    this.area.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.lines.push(`typed ${this.area.value}`);
      if (event.key === "d" && event.ctrlKey) this.lines.push("Ctrl-D");
    });
    const line = (number) => ({ translateToString: () => this.lines[number] });
    const { lines } = this;
    this.buffer = { active: { get length() { return lines.length; }, getLine: line } };
  }
}
window.Terminal = Stub;
"""
SERVER = """
import argparse
from http import server
parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int)
class Handler(server.SimpleHTTPRequestHandler):
    def end_headers(self):
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()
server.test(HandlerClass=Handler, protocol="HTTP/1.1", port=parser.parse_args().port, bind="127.0.0.1")
"""


def stub(folder: Path, server: str = SERVER) -> WebExample:
    folder.mkdir()
    texts = {PAGE_FILE: STUB, WORKER: ""}
    (folder / "server.py").write_text(server)
    (folder / "python3.14.zip").touch()
    return WebExample(folder=folder, texts=texts, library=folder / "python3.14.zip", has_zlib=True)


@pytest.fixture
def browser() -> Iterator[Any]:
    program, _ = machines_browser(Engine.CHROMIUM)
    with browser_of_playwright(program) as started:
        yield started


@pytest.mark.integration
@needs_playwright
@NEEDS_BROWSER[Engine.CHROMIUM]
@pytest.mark.parametrize("isolated", [True, False])
def test_a_page_is_used_as_its_user_would(browser: Any, tmp_path: Path, isolated: bool) -> None:
    elsewhere = {"https://elsewhere.test/terminal.js": TERMINAL}
    with (
        served(stub(tmp_path / "example"), tmp_path) as address,
        new_tab(browser, elsewhere, isolated=isolated) as tab,
    ):
        tab.open(address)
        assert not tab.is_enabled("run", 0.05)
        tab.put_code("other code")
        tab.click_at_once("run")
        assert tab.is_enabled("run", 20)
        assert not tab.shows("ran", 0.2)
        tab.click_at_once("run", "run")
        assert tab.text.count("ran other code") == 2
        tab.put_code("some code")
        tab.click("run")
        assert tab.shows("ran some code", 5)
        tab.type("words")
        tab.paste("two\nlines \U0001f600")
        tab.press("Control+d")
        tab.photograph(tmp_path / "page.png")
        assert tab.shows("nothing from another server", 5)
        lines = tab.text.split("\n")
        assert f"isolated {str(isolated).lower()}" in lines
        assert [line for line in lines if line != "nothing from another server"][-5:] == [
            *("ran some code", "typed words", "pasted two", "lines \U0001f600", "Ctrl-D"),
        ]
        assert "a problem" in tab.problems
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.integration
@needs_playwright
@NEEDS_BROWSER[Engine.CHROMIUM]
def test_a_step_that_the_page_does_not_allow_is_the_result_of_the_trial(browser: Any, tmp_path: Path) -> None:
    """A tree whose page has another button: the trials before it are kept."""
    example = stub(tmp_path / "example")
    elsewhere = {"https://elsewhere.test/terminal.js": TERMINAL}
    with served(example, tmp_path) as address:
        bench = _Bench(example=example, browser=browser, address=address, elsewhere=elsewhere, work=tmp_path)
        seen = bench.attempt("none", (), lambda tab: tab._page.click("#repl", timeout=200))
    assert (seen.works, seen.text.splitlines()[0]) == (False, "Error: Page.click: Timeout 200ms exceeded.")
    assert (tmp_path / "none-0.png").is_file()


@pytest.mark.integration
@needs_playwright
def test_an_interrupt_that_has_ended_the_browser_first_stays_an_interrupt() -> None:
    from playwright import sync_api  # noqa: PLC0415 - an optional extra

    gone = mock.Mock()
    gone.new_context.return_value.close.side_effect = sync_api.Error("Failed to find context")
    with pytest.raises(KeyboardInterrupt), new_tab(gone, {}, isolated=True):
        raise KeyboardInterrupt
    gone.new_context.return_value.close.assert_called_once_with()


@pytest.mark.integration
def test_a_server_that_does_not_start_is_named(tmp_path: Path) -> None:
    example = stub(tmp_path / "example", "raise SystemExit('no port is left')\n")
    with (
        pytest.raises(UnavailableError, match="does not start: no port is left"),
        served(example, tmp_path),
    ):
        pass


@pytest.mark.integration
@needs_playwright
def test_a_program_that_is_not_a_browser_is_named(tmp_path: Path) -> None:
    program = tmp_path / "browser"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    with (
        pytest.raises(UnavailableError, match=f"Playwright cannot start {program}"),
        browser_of_playwright(program),
    ):
        pass


@pytest.mark.integration
def test_without_playwright_its_installation_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright", None)
    with pytest.raises(UnavailableError, match="is not installed") as caught, browser_of_playwright(tmp_path):
        pass
    assert caught.value.hint == "pip install -e '.[browser]'"


def page_findings(run: Path) -> dict[str, Finding]:
    """What the page says of each statement that it was asked for every probe of."""
    cell = load_matrix(ROOT / "matrices").cell(CELL)
    facts = condition_values(cell, python="3.13.5")
    seen = load_page_observations(run / CELL)
    return {
        item.id: combine([judge_observation(seen[probe], item.fails) for probe in item.page_probes])
        for item in load_registry(REGISTRY).limitations.values()
        if item.page_probes and item.holds_for(facts) and set(item.page_probes) <= set(seen)
    }


@pytest.mark.toolchain
@needs_playwright
def test_the_web_example_of_3_13_runs_programs_and_the_repl(chromium: Prepared, tmp_path: Path) -> None:
    """The parts that end at once, in the Chromium that is pinned; the next test has those that wait for what never
    comes.
    """
    only = [word for part in QUICK for word in ("--only", part)]
    done = harness("web-example", CELL, *only, "--run-dir", tmp_path)
    assert done.returncode == EXIT_OK, done.stdout
    trials = json.loads((tmp_path / CELL / WEB_EXAMPLE_FILE).read_text())["trials"]
    assert [(each.get("part"), len(each["changes"]), each.get("fails")) for each in trials] == [
        (None, 0, None),
        ("run", 0, "fs-is-not-exported"),
        ("run", 1, "deflated-zip-without-zlib"),
        ("run", 2, None),
        ("repl", 2, None),
        ("library", 2, "not-in-the-library"),
        ("kept", 2, "only-in-memory"),
        ("not-isolated", 2, "no-isolation"),
    ]
    found, expected = page_findings(tmp_path), load_findings(FINDINGS)[PAGE]
    assert found == {name: expected[name] for name in found}
    assert set(expected) - set(found) == {"browser-shell"}
    assert (tmp_path / CELL / "web-example" / "repl-2.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.toolchain
@pytest.mark.long
@needs_playwright
def test_the_web_example_of_3_13_is_as_expected(chromium: Prepared, tmp_path: Path) -> None:
    done = harness("web-example", CELL, "--run-dir", tmp_path)
    assert done.returncode == EXIT_OK, done.stdout
    assert page_findings(tmp_path) == load_findings(FINDINGS)[PAGE]


@pytest.mark.toolchain
@needs_playwright
@NEEDS_BROWSER[Engine.CHROMIUM]
def test_the_web_example_is_as_expected(alpha: Prepared, tmp_path: Path) -> None:
    done = harness("web-example", ALPHA_CELL, "--cpython", ALPHA, "--browser", "system", "--run-dir", tmp_path)
    assert done.returncode == EXIT_OK, done.stdout
    found = json.loads((tmp_path / ALPHA_CELL / "web-example.json").read_text())
    assert "Start REPL, type, Ctrl-D" in {trial["example"] for trial in found["trials"] if trial["did"] == "works"}
    assert list((tmp_path / ALPHA_CELL / "web-example").glob("repl-*.png"))
