"""The page of the web example in a stand-in of a browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from harness.examples.tab import Tab


class Page:
    """Shows `shown` after that many seconds on its own clock; complains of a click when `complains`."""

    def __init__(self, *, after: float, complains: bool) -> None:
        self.now = 100.0
        self.shown_at = self.now + after
        self.complains = complains
        self.heard: Callable[[Any], None]

    def on(self, event: str, heard: Callable[[Any], None]) -> None:
        if event == "pageerror":
            self.heard = heard

    def click(self, _: str) -> None:
        if self.complains:
            self.heard("TypeError")

    def goto(self, _: str) -> None:
        self.click("")

    def wait_for_selector(self, selector: str, *, timeout: float) -> None:
        assert selector == "#run:enabled"
        self.wait_for_function("", arg="answer", timeout=timeout)

    def wait_for_function(self, _: str, *, arg: str, timeout: float) -> None:
        assert arg == "answer"
        self.now = min(self.now + timeout / 1000, max(self.now, self.shown_at))
        if self.now < self.shown_at:
            raise TimeoutError


@pytest.mark.parametrize(
    ("after", "complains", "shown", "seconds"),
    [
        (3, False, True, 3),
        (19, False, True, 19),
        (21, False, False, 20),
        (3, True, True, 3),
        (19, True, False, 5),
    ],
)
def test_a_page_that_the_browser_complains_of_has_five_seconds_left(
    monkeypatch: pytest.MonkeyPatch, after: float, complains: bool, shown: bool, seconds: float
) -> None:
    page = Page(after=after, complains=complains)
    monkeypatch.setattr(time, "monotonic", lambda: page.now)
    tab = Tab(page, failure=ValueError, timeout=TimeoutError)
    tab.click("run")
    assert (tab.shows("answer", 20), page.now - 100) == (shown, seconds)


def test_a_complaint_of_the_browser_before_the_step_does_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = Page(after=19, complains=True)
    monkeypatch.setattr(time, "monotonic", lambda: page.now)
    tab = Tab(page, failure=ValueError, timeout=TimeoutError)
    tab.click("run")
    page.complains = False
    tab.click("run")
    assert tab.shows("answer", 20)


@pytest.mark.parametrize(("complains", "seconds"), [(False, 30), (True, 5)])
def test_a_page_that_throws_as_it_starts_has_five_seconds_left(
    monkeypatch: pytest.MonkeyPatch, complains: bool, seconds: float
) -> None:
    page = Page(after=99, complains=complains)
    monkeypatch.setattr(time, "monotonic", lambda: page.now)
    tab = Tab(page, failure=ValueError, timeout=TimeoutError)
    tab.open("http://127.0.0.1/")
    assert not tab.is_enabled("run", 30)
    assert page.now - 100 == pytest.approx(seconds)


def test_a_file_that_is_missing_is_no_reason_to_give_a_page_up(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(after=19, complains=False)
    monkeypatch.setattr(time, "monotonic", lambda: page.now)
    tab = Tab(page, failure=ValueError, timeout=TimeoutError)
    tab.open("http://127.0.0.1/")
    tab._note_message(SimpleNamespace(type="error", text="Failed to load resource"))
    assert tab.is_enabled("run", 30)


def test_an_exception_has_its_name() -> None:
    class NamedError(Exception):
        name = "ReferenceError"

    page = Page(after=0, complains=False)
    tab = Tab(page, failure=ValueError, timeout=TimeoutError)
    page.heard(NamedError("SharedArrayBuffer is not defined"))
    assert tab.problems == ["ReferenceError: SharedArrayBuffer is not defined"]
