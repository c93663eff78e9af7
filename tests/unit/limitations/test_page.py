"""What the web example has left for the probes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.limitations.observation import Did, Observation
from harness.limitations.page import WEB_EXAMPLE_FILE, load_page_observations, observations_json

SEEN = Observation(probe="page.run", did=Did.ERROR, kinds=("TypeError",), message="x is not a function")


def test_what_was_seen_in_the_page_comes_back_from_its_file(tmp_path: Path) -> None:
    (tmp_path / WEB_EXAMPLE_FILE).write_text(json.dumps({"schema": 1, **observations_json({"page.run": SEEN})}))
    assert load_page_observations(tmp_path) == {"page.run": SEEN}


def test_without_a_web_example_nothing_was_seen(tmp_path: Path) -> None:
    assert load_page_observations(tmp_path) == {}
    (tmp_path / WEB_EXAMPLE_FILE).write_text('{"schema": 1, "trials": []}')
    assert load_page_observations(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "[]", '{"observations": {"page.run": {"did": "flies"}}}'])
def test_a_file_that_holds_no_results_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / WEB_EXAMPLE_FILE).write_text(text)
    with pytest.raises(ConfigError, match=r"web-example\.json holds no results of a web example"):
        load_page_observations(tmp_path)
