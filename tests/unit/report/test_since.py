"""Since which version a case misbehaves, from the cells of one run."""

from __future__ import annotations

from harness.report.since import first_bad_version, listed_since
from tests.unit.sample_cells import emscripten


def test_the_change_is_between_the_last_good_and_the_first_bad_version() -> None:
    good, bad = [emscripten("3.1.69"), emscripten("4.0.9")], [emscripten("6.0.5"), emscripten("4.0.12")]
    assert str(first_bad_version(good, bad)) == "Emscripten 4.0.12 (not with 4.0.9)"


def test_cells_that_differ_in_more_than_the_version_are_not_compared() -> None:
    assert first_bad_version([emscripten("4.0.9")], [emscripten("4.0.12", pthreads=True)]) is None
    good = [emscripten("4.0.9"), emscripten("4.0.9", pthreads=True)]
    assert str(first_bad_version(good, [emscripten("4.0.12"), emscripten("4.0.12", pthreads=True)])) == (
        "Emscripten 4.0.12 (not with 4.0.9)"
    )


def test_a_case_that_comes_and_goes_has_no_such_version() -> None:
    assert first_bad_version([emscripten("4.0.9"), emscripten("5.0.4")], [emscripten("4.0.12")]) is None
    assert first_bad_version([emscripten("4.0.12")], [emscripten("4.0.9")]) is None
    assert first_bad_version([], [emscripten("4.0.9"), emscripten("4.0.12")]) is None


def test_groups_that_disagree_say_nothing() -> None:
    good = [emscripten("4.0.9"), emscripten("4.0.9", pthreads=True), emscripten("4.0.12", pthreads=True)]
    bad = [emscripten("4.0.12"), emscripten("5.0.4", pthreads=True)]
    assert first_bad_version(good, bad) is None


def test_it_may_be_that_of_cpython_or_the_engine() -> None:
    assert str(first_bad_version([emscripten("4.0.9")], [emscripten("4.0.9", python="3.14.2")])) == (
        "CPython 3.14.2 (not with 3.13.5)"
    )
    assert str(
        first_bad_version([emscripten("4.0.9", runtime="24.19.0")], [emscripten("4.0.9", runtime="26.1.0")])
    ) == ("Node 26.1.0 (not with 24.19.0)")


def test_a_path_is_not_a_version() -> None:
    assert first_bad_version([emscripten("4.0.9", python="../cpython")], [emscripten("4.0.12", python="../cpython")])
    assert first_bad_version([emscripten("4.0.9")], [emscripten("4.0.9", python="../cpython")]) is None


def test_versions_are_counted() -> None:
    first = first_bad_version([emscripten("3.1.69")], [emscripten("4.0.9")])
    second = first_bad_version([emscripten("4.0.9")], [emscripten("4.0.12")])
    assert first is not None
    assert second is not None
    assert listed_since([(first, 1), (second, 1), (second, 1)]) == [(second, 2), (first, 1)]
    assert listed_since([(first, 9), (second, 1), (second, 1)]) == [(first, 1), (second, 2)]
