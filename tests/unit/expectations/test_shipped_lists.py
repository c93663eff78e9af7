"""The shipped lists hold what a figure or a rule asks of every entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.expectations.entries import Expectation
from harness.expectations.files import load_expectations
from harness.limitations.registry import REGISTRY_FILE, load_registry
from harness.results.outcomes import Outcome

LISTS = Path(__file__).parents[3] / "expected_failures"
_SIGNED = {Outcome.FAIL, Outcome.ERROR, Outcome.CRASH}


@pytest.fixture(scope="module")
def entries() -> tuple[Expectation, ...]:
    return load_expectations(LISTS, load_registry(LISTS / REGISTRY_FILE)).entries


def test_every_entry_that_can_have_a_signature_has_one(entries: tuple[Expectation, ...]) -> None:
    lacking = [entry.place for entry in entries if _SIGNED & set(entry.outcome) and not entry.signature]
    assert lacking == []
    without = {entry.outcome for entry in entries if not entry.signature}
    assert without <= {(Outcome.TIMEOUT,)}


def test_an_entry_that_may_pass_ends_with_a_version(entries: tuple[Expectation, ...]) -> None:
    """Such an entry is never found to be fixed, so that somebody has to look at it again."""
    endless = [entry.place for entry in entries if Outcome.PASS in entry.outcome and "<" not in str(entry.when)]
    assert endless == []
