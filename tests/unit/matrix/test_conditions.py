"""The `when` language: for which cells a condition holds, and which conditions are refused."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from harness.manifest import Manifest
from harness.matrix.axes import AXES
from harness.matrix.cells import Distribution, Library, with_python
from harness.matrix.conditions import ALWAYS, Condition, condition_values, parse_version, read_condition
from harness.targets import Target
from tests.unit.sample_cells import EMSCRIPTEN as PLAIN
from tests.unit.sample_cells import WASI

EMSCRIPTEN = dataclasses.replace(PLAIN, id="emscripten-3.1.73-pthreads", pthreads=True)


def condition(**terms: object) -> Condition:
    found, mistakes = read_condition(terms)
    assert not mistakes
    return found


def mistakes(**terms: object) -> list[tuple[str, str, str]]:
    return [tuple(mistake) for mistake in read_condition(terms)[1]]  # type: ignore[misc]


def test_facts_hold_only_the_axes_of_the_cells_target() -> None:
    assert condition_values(WASI) == {
        "target": "wasi",
        "engine": "wasmtime",
        "distribution": "cpython",
        "wasi_sdk": "25.0",
        "wasmtime": "50.0.1",
        "python": "3.13.5",
        "pthreads": False,
        "dynamic_linking": False,
        "pydebug": False,
        **{library.value: False for library in Library},
    }
    assert {"emscripten", "node"} <= condition_values(EMSCRIPTEN).keys()
    assert not {"wasi_sdk", "wasmtime"} & condition_values(EMSCRIPTEN).keys()


def test_a_library_is_there_when_the_build_is_linked_with_it() -> None:
    cell = dataclasses.replace(EMSCRIPTEN, libraries=(Library.ZLIB, Library.LIBFFI))
    wanted = condition(zlib=True, libffi=True, sqlite=False)
    assert wanted.holds(condition_values(cell))
    assert wanted.holds(condition_values(cell, libraries=Manifest.from_json({"python": "3.13.5"}).libraries))
    assert not wanted.holds(
        condition_values(cell, libraries=Manifest.from_json({"dependencies": {"zlib": {"version": "1.3.1"}}}).libraries)
    )
    assert not wanted.holds(condition_values(cell, libraries=Manifest.from_json({"dependencies": {}}).libraries))
    assert condition(libffi=True).targets == {Target.EMSCRIPTEN}
    assert condition(libffi=False).targets == set(Target)


def test_a_path_has_no_python_version_until_one_is_given() -> None:
    cell = with_python(WASI, "/src/cpython")
    assert "python" not in condition_values(cell)
    assert not condition(python=">=3").holds(condition_values(cell))
    assert condition(python=">=3").holds(condition_values(cell, python="3.15.0a7+"))


@pytest.mark.parametrize(
    ("terms", "emscripten", "wasi"),
    [
        ({}, True, True),
        ({"target": "wasi"}, False, True),
        ({"engine": "node"}, True, False),
        ({"pthreads": True}, True, False),
        ({"pthreads": False}, False, True),
        ({"pydebug": False}, True, True),
        ({"dynamic_linking": True}, False, False),
        ({"libffi": True}, False, False),
        ({"zlib": False}, True, True),
        ({"emscripten": ">=3.1.69,<6"}, True, False),
        ({"emscripten": ">=3.1.74"}, False, False),
        ({"wasi_sdk": "25"}, False, True),
        ({"wasi_sdk": "!=25"}, False, False),
        ({"python": "3.13"}, True, True),
        ({"python": "3.13.4"}, False, False),
        ({"python": "~=3.13", "node": ">=22"}, True, False),
        ({"wasmtime": ">=50", "wasi_sdk": ">24"}, False, True),
    ],
)
def test_a_condition_holds_when_all_its_terms_do(terms: dict[str, object], emscripten: bool, wasi: bool) -> None:
    found = condition(**terms)
    assert (found.holds(condition_values(EMSCRIPTEN)), found.holds(condition_values(WASI))) == (emscripten, wasi)


@pytest.mark.parametrize(
    ("text", "version", "held"),
    [
        (">=3.15", "3.15.0b2", True),
        ("<3.15", "3.15.0b2", False),
        ("<=3.14", "3.15.0a1", False),
        ("3.15", "3.15.0a1", True),
        (">=3.15.0b1", "3.15.0a7", False),
        (">=3.15.0b1", "3.15.0b2", True),
        ("3.15.0b2", "3.15.0b2", True),
        ("3.15.0b2", "3.15.0", False),
        ("25", "25.1", True),
        ("25", "250.0", False),
        (">=4", "4.0.0+git", True),
    ],
)
def test_prereleases_count_as_their_release_unless_named(text: str, version: str, held: bool) -> None:
    assert condition(python=text).holds({"python": version}) is held


@pytest.mark.parametrize(
    ("terms", "key", "message", "suggestion"),
    [
        ({"emscriptem": "4"}, "emscriptem", "unknown axis", "did you mean 'emscripten'?"),
        ({"target": "wasm"}, "target", "must be one of emscripten, wasi, not 'wasm'", "did you mean 'wasi'?"),
        ({"pthreads": "yes"}, "pthreads", "must be true or false, not 'yes'", ""),
        ({"python": 3.13}, "python", "must be a string, not 3.13", ""),
        ({"node": "new"}, "node", "'new' is no version range", 'such as ">=3.1.69,<6" or "25"'),
        ({"node": ""}, "node", "'' is no version range", 'such as ">=3.1.69,<6" or "25"'),
        ({"node": ">=3,===22"}, "node", "'>=3,===22' is no version range", 'such as ">=3.1.69,<6" or "25"'),
        ({"node": "22.1+git"}, "node", "'22.1+git' is no version range", 'such as ">=3.1.69,<6" or "25"'),
        ({"node": "===22"}, "node", "'===22' is no version range", 'such as ">=3.1.69,<6" or "25"'),
        ({"emscripten": ">=4,<3"}, "emscripten", "'>=4,<3' is an empty range: no version is in it", ""),
        ({"emscripten": "==4,!=4"}, "emscripten", "'==4,!=4' is an empty range: no version is in it", ""),
        (
            {"target": "wasi", "emscripten": ">=4"},
            "emscripten",
            "can never hold: it names emscripten, but 'target' of wasi",
            "",
        ),
        (
            {"engine": "node", "target": "wasi"},
            "target",
            "can never hold: it names wasi, but 'engine' of emscripten",
            "",
        ),
        (
            {"target": "emscripten", "engine": "firefox", "node": ">=20"},
            "node",
            "can never hold: it names node, but 'engine' of firefox",
            "",
        ),
        (
            {"wasi_sdk": "25", "dynamic_linking": True},
            "dynamic_linking",
            "can never hold: it names emscripten, but 'wasi_sdk' of wasi",
            "",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(terms: dict[str, object], key: str, message: str, suggestion: str) -> None:
    assert mistakes(**terms) == [(key, message, suggestion)]


@pytest.mark.parametrize("text", [">=3.1.69,<6", ">3,<3.0.1", "<3", "!=4", "~=3.1.4", "==4.*", ">=3.15.0a1,<3.15.0b1"])
def test_ranges_that_hold_something_are_not_called_empty(text: str) -> None:
    assert mistakes(emscripten=text) == []


def test_every_mistake_is_reported() -> None:
    assert [key for key, *_ in mistakes(targt="wasi", node=">2,<1", pydebug=0)] == [
        "targt",
        "node",
        "pydebug",
    ]


def test_targets_are_those_the_condition_can_hold_for() -> None:
    assert ALWAYS.targets == condition(pthreads=True).targets == {Target.EMSCRIPTEN, Target.WASI}
    assert condition(wasmtime=">=40").targets == {Target.WASI}
    assert condition(dynamic_linking=True).targets == {Target.EMSCRIPTEN}
    assert condition(dynamic_linking=False).targets == set(Target)


def test_a_condition_that_contradicts_itself_can_hold_for_no_target() -> None:
    contradictory, mistakes = read_condition({"target": "wasi", "emscripten": ">=4"})
    assert mistakes
    assert contradictory.targets == set()


def test_a_condition_reads_as_a_sentence() -> None:
    assert str(condition(target="wasi", wasi_sdk=">=24", pthreads=False)) == "target wasi, wasi_sdk >=24, no pthreads"


releases = st.lists(st.integers(0, 60), min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))


@given(
    releases,
    releases,
    st.sampled_from([">=", ">", "==", "<=", "<", "!="]),
    st.sampled_from(["<", "<=", "!="]),
)
def test_a_range_called_empty_holds_for_no_bound(low: str, high: str, first: str, second: str) -> None:
    _, refused = read_condition({"node": f"{first}{low},{second}{high}"})
    if refused:
        assert not any(
            SpecifierSet(f"{first}{low},{second}{high}").contains(version) for version in (low, high, "30.1")
        )


@given(st.dictionaries(st.sampled_from(AXES) | st.text(), st.text() | st.booleans() | st.integers() | st.none()))
def test_reading_is_total(data: dict[str, object]) -> None:
    found, _ = read_condition(data)
    assert found.holds(condition_values(WASI)) in {True, False}


def test_versions_between_releases_are_read() -> None:
    assert str(parse_version("3.15.0a7+")) == "3.15.0a7"
    assert parse_version("main") is None


@pytest.mark.parametrize("text", ["main", "/src/cpython", ""])
def test_no_range_holds_for_what_is_not_a_version(text: str) -> None:
    assert not condition(python=">=3").holds({"python": text})


def test_a_distribution_of_emscripten_only_names_emscripten() -> None:
    assert condition(distribution="pyodide").targets == {Target.EMSCRIPTEN}
    assert condition(distribution="cpython").targets == set(Target)
    assert condition(distribution="pyodide").holds(
        condition_values(dataclasses.replace(EMSCRIPTEN, distribution=Distribution.PYODIDE, release="0.29.5"))
    )
    assert not condition(distribution="pyodide").holds(condition_values(EMSCRIPTEN))
