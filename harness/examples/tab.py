"""The page of the web example in a Chromium that Playwright drives: what is clicked, typed and read there."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import UnavailableError

PLAYWRIGHT = "pip install -e '.[browser]'"
STEP_SECONDS = 60.0
# For what is still to be shown after a step that the browser has complained of: most such steps come to nothing.
AFTER_PROBLEM_SECONDS = 5.0
_LOOK_SECONDS = 0.5
# A terminal draws on a canvas, so that there is no text in the document: the page's own terminals are kept here.
_KEEP_TERMINALS = """
window.keptTerminals = [];
let kept;
Object.defineProperty(window, "Terminal", {
  configurable: true,
  get: () => kept,
  set(base) {
    kept = class extends base {
      constructor(...options) {
        super(...options);
        window.keptTerminals.push(this);
      }
    };
  },
});
"""
_LINES = """() => {
  const terminal = window.keptTerminals[0];
  if (!terminal) return "";
  const { active } = terminal.buffer;
  const lines = Array.from({ length: active.length }, (_, number) => active.getLine(number).translateToString(true));
  return lines.join("\\n").trimEnd();
}"""

_PASTE = """(area, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  area.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""


class Tab:
    """One page. `problems` are what the browser has complained of in it and in its Workers, `failure` is what a step
    raises that the page does not allow.
    """

    def __init__(self, page: Any, *, failure: type[Exception], timeout: type[Exception]) -> None:
        self._page = page
        self._timeout_error = timeout
        self.failure = failure
        self.problems: list[str] = []
        self._problems_before = 0
        self._has_thrown = False
        page.on("console", self._note_message)
        page.on("pageerror", self._note_error)

    def _note_message(self, message: Any) -> None:
        if message.type == "error":
            self.problems.append(message.text)

    def _note_error(self, error: Any) -> None:
        """An exception of the page, as browsers show it: `ReferenceError: x is not defined`."""
        self._has_thrown = True
        name = getattr(error, "name", "")
        self.problems.append(f"{name}: {error}" if name else str(error))

    def open(self, address: str) -> None:
        self._begin_step()
        self._page.goto(address)

    def reload(self) -> None:
        self._begin_step()
        self._page.reload()

    @property
    def text(self) -> str:
        """What the terminal shows, with what has left it at the top."""
        return str(self._page.evaluate(_LINES))

    def is_enabled(self, button: str, seconds: float) -> bool:
        """Whether the button can be clicked before that time is over, or AFTER_PROBLEM_SECONDS once the page has thrown
        an exception in the last step. What else the browser complains of, such as a file that is missing, keeps no
        page from starting.
        """
        selector = f"#{button}:enabled"
        return self._comes(
            lambda limit: self._page.wait_for_selector(selector, timeout=limit), seconds, lambda: self._has_thrown
        )

    def shows(self, text: str, seconds: float = STEP_SECONDS) -> bool:
        """Whether the terminal shows that text before that time is over, or AFTER_PROBLEM_SECONDS once the browser has
        complained of the last step.
        """
        shown = f"text => ({_LINES})().includes(text)"
        return self._comes(
            lambda limit: self._page.wait_for_function(shown, arg=text, timeout=limit),
            seconds,
            lambda: len(self.problems) > self._problems_before,
        )

    def _comes(self, wait: Callable[[float], Any], seconds: float, is_hopeless: Callable[[], bool]) -> bool:
        """Whether `wait`, which gets milliseconds, ends well in that time, or in AFTER_PROBLEM_SECONDS once it is
        hopeless.
        """
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            if left > AFTER_PROBLEM_SECONDS and is_hopeless():
                ends -= left - AFTER_PROBLEM_SECONDS
            if self._waits(wait, min(left, _LOOK_SECONDS)):
                return True
        return False

    def _waits(self, wait: Any, seconds: float) -> bool:
        try:
            wait(seconds * 1000)
        except self._timeout_error:
            return False
        return True

    def _begin_step(self) -> None:
        self._problems_before = len(self.problems)
        self._has_thrown = False

    def click(self, button: str) -> None:
        self._begin_step()
        self._page.click(f"#{button}")

    def click_at_once(self, *buttons: str) -> None:
        """Clicks one after the other before anything else happens in the page; one that is disabled is not clicked."""
        self._begin_step()
        self._page.evaluate("names => names.forEach((name) => document.getElementById(name).click())", list(buttons))

    def put_code(self, code: str) -> None:
        """Replaces the text in the code box of the page."""
        self._page.fill("#codebox", code)

    def type(self, text: str) -> None:
        """Types a line into the terminal, and Enter."""
        self._begin_step()
        self._page.locator("#terminal textarea").focus()
        self._page.keyboard.type(text)
        self._page.keyboard.press("Enter")

    def press(self, key: str) -> None:
        """Presses a key in the terminal, such as `Control+d`."""
        self._begin_step()
        self._page.locator("#terminal textarea").focus()
        self._page.keyboard.press(key)

    def paste(self, text: str) -> None:
        """Pastes into the terminal, as its user would."""
        self._begin_step()
        self._page.locator("#terminal textarea").evaluate(_PASTE, text)

    def photograph(self, path: Path) -> None:
        """Writes a screenshot of the page."""
        self._page.screenshot(path=str(path))


def check_playwright() -> None:
    """UnavailableError when the package playwright is not installed."""
    try:
        from playwright import sync_api  # noqa: F401, PLC0415 - an optional extra
    except ModuleNotFoundError:
        raise UnavailableError(
            "the web example is driven with the package playwright, which is not installed", hint=PLAYWRIGHT
        ) from None


@contextlib.contextmanager
def browser_of_playwright(program: Path) -> Iterator[Any]:
    """That Chromium, started by Playwright. UnavailableError when there is no Playwright, or it cannot start that."""
    check_playwright()
    from playwright import sync_api  # noqa: PLC0415 - an optional extra

    with sync_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=str(program), chromium_sandbox=os.geteuid() != 0)
        except sync_api.Error as error:
            raise UnavailableError(
                f"Playwright cannot start {program}: {str(error).splitlines()[0]}",
                hint="name another Chromium with --browser /usr/bin/chromium",
            ) from error
        try:
            yield browser
        finally:
            with contextlib.suppress(sync_api.Error):
                browser.close()


@contextlib.contextmanager
def new_tab(browser: Any, elsewhere: Mapping[str, bytes], *, isolated: bool) -> Iterator[Tab]:
    """A page in a fresh context. It gets those files from other servers, by their addresses, and nothing else from
    them. Without `isolated` the headers that isolate a page from other origins are taken from what its server answers.
    """
    from playwright import sync_api  # noqa: PLC0415 - as above

    context = browser.new_context()
    try:
        page = context.new_page()
        page.add_init_script(_KEEP_TERMINALS)
        context.route("**/*", lambda route: _route(route, elsewhere, isolated=isolated))
        yield Tab(page, failure=sync_api.Error, timeout=sync_api.TimeoutError)
    finally:
        # Ctrl-C reaches the browser too, which may be gone by now.
        with contextlib.suppress(sync_api.Error):
            context.close()


def _route(route: Any, elsewhere: Mapping[str, bytes], *, isolated: bool) -> None:
    address = route.request.url
    if address in elsewhere:
        kind = "text/css" if address.endswith(".css") else "text/javascript"
        headers = {"Access-Control-Allow-Origin": "*", "Content-Type": kind}
        route.fulfill(body=elsewhere[address], headers=headers)
    elif not address.startswith("http://127.0.0.1:"):
        route.abort()
    elif isolated:
        route.continue_()
    else:
        response = route.fetch()
        headers = {name: value for name, value in response.headers.items() if not name.startswith("cross-origin-")}
        route.fulfill(response=response, headers=headers)
