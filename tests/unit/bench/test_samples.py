"""The made-up lists and results on which the figures are measured are what they claim to be."""

from __future__ import annotations

from harness.bench.samples import sample_lists, sample_results
from harness.expectations.compare import compare
from harness.expectations.entries import Expectations
from harness.expectations.files import read_lists
from harness.results.verdicts import Verdict
from tests.unit.sample_cells import WASI
from tests.unit.sample_lists import REGISTRY


def test_made_up_lists_are_without_a_mistake_and_meet_their_results() -> None:
    texts = sample_lists(50, limitation="fs-hard-links", cases=300)
    lists = read_lists(texts, REGISTRY)
    assert (len(lists.entries), lists.problems, lists.unfinished) == (50, (), ())
    expectations = Expectations(lists.entries)
    expected = expectations.for_cell(WASI)
    results = sample_results(WASI, 300, expectations, started="2026-01-01T00:00:00Z")
    assert sum(len(module.cases) for module in results.modules) == 300
    found = compare(results.modules, expected, complete=True)
    assert found.counts == {Verdict.KNOWN: len(expected.entries), Verdict.AS_EXPECTED: 300 - len(expected.entries)}
    surprising = sample_results(WASI, 300, expectations, started="2026-01-01T00:00:00Z", surprise=100)
    assert len(compare(surprising.modules, expected).unexpected) == 3
