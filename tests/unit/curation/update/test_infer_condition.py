"""Inferred conditions: true, exclusive, minimal, and in the words that a person would use."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.curation.update.evidence import Setting
from harness.curation.update.infer_condition import cut_at_bounds, infer, literals_of, narrowed
from harness.matrix.axes import LIBRARIES
from harness.matrix.conditions import ALWAYS, Condition, read_condition


def emscripten(version: str, **more: str | bool) -> Setting:
    facts: dict[str, str | bool] = {
        "target": "emscripten",
        "engine": "node",
        "emscripten": version,
        "node": "24.19.0",
        "python": "3.13.5",
        "pthreads": False,
        "dynamic_linking": False,
        "pydebug": False,
        **dict.fromkeys(LIBRARIES, False),
    }
    return tuple(sorted((facts | more).items()))


def wasi(version: str = "25", **more: str | bool) -> Setting:
    facts = {axis: value for axis, value in emscripten("1").__iter__() if axis not in {"emscripten", "node"}}
    facts |= {"target": "wasi", "engine": "wasmtime", "wasi_sdk": version, "wasmtime": "50.0.1"}
    return tuple(sorted((facts | more).items()))


def condition(**terms: object) -> Condition:
    found, mistakes = read_condition(terms)
    assert not mistakes
    return found


def inferred(needed: list[Setting], excluded: list[Setting], base: Condition = ALWAYS) -> list[str]:
    found = infer(needed, excluded, base)
    assert found is not None
    return [str(one) for one in found]


OLD, MIDDLE, NEW, NEWEST = (emscripten(version) for version in ("3.1.69", "4.0.7", "4.0.12", "6.0.5"))


def test_versions_are_ordered() -> None:
    assert inferred([MIDDLE], [OLD, NEW, NEWEST]) == ["emscripten >=4.0.7,<4.0.12"]
    assert inferred([MIDDLE, NEW, NEWEST], [OLD]) == ["emscripten >=4.0.7"]
    assert inferred([OLD, MIDDLE], [NEW, NEWEST]) == ["emscripten <4.0.12"]
    assert inferred([OLD, MIDDLE, NEW, NEWEST], []) == [""]


def test_a_library_distinguishes_settings_and_the_likeliest_stands_for_those_that_come_with_it() -> None:
    plain, linked = emscripten("3.1.69"), emscripten("3.1.69", **dict.fromkeys(LIBRARIES, True))
    static = emscripten("3.1.69", **dict.fromkeys(LIBRARIES, True) | {"libffi": False})
    assert inferred([linked], [plain, static]) == ["libffi"]
    assert inferred([linked, static], [plain]) == ["zlib"]
    assert inferred([plain], [linked, static]) == ["no zlib"]


def test_two_conditions_are_one_that_holds_where_both_do() -> None:
    assert narrowed(condition(zlib=True), condition(zlib=True)) == condition(zlib=True)
    both = narrowed(condition(target="emscripten", emscripten="<5,>=3"), condition(emscripten="<4", pthreads=False))
    assert str(both) == "target emscripten, emscripten >=3,<4, no pthreads"


def test_ten_comes_after_nine() -> None:
    assert inferred([emscripten("4.0.9")], [emscripten("4.0.10")]) == ["emscripten <4.0.10"]


def test_a_flag_is_named_only_where_it_makes_the_difference() -> None:
    threads = emscripten("3.1.69", pthreads=True)
    assert inferred([OLD, NEW], [threads]) == ["no pthreads"]
    assert inferred([threads], [OLD, NEW]) == ["pthreads"]
    assert inferred([OLD, threads], [NEW]) == ["emscripten <4.0.12"]


def test_the_toolchain_is_the_likelier_cause_of_two() -> None:
    assert inferred([OLD], [emscripten("4.0.7", python="3.14.0")]) == ["emscripten <4.0.7"]


def test_what_one_conjunction_cannot_say_needs_several_that_exclude_each_other() -> None:
    assert inferred([OLD, NEW], [MIDDLE]) == ["emscripten <4.0.7", "emscripten >=4.0.12"]
    assert inferred([wasi(), OLD], [NEW]) == ["target emscripten, emscripten <4.0.12", "target wasi"]


def test_what_holds_of_the_base_stays_as_it_is_written() -> None:
    base = condition(target="emscripten", emscripten=">=3.1, <6", python="<3.14")
    assert inferred([OLD], [emscripten("3.1.69", pydebug=True)], base) == [
        "target emscripten, emscripten >=3.1, <6, python <3.14, no pydebug"
    ]
    assert inferred([OLD], [NEW], base) == ["target emscripten, emscripten >=3.1,<4.0.12, python <3.14"]
    assert inferred([OLD, NEWEST], [], base) == ["target emscripten, emscripten >=3.1, python <3.14"]
    assert inferred([wasi("25")], [wasi("25", pydebug=True)], condition(wasi_sdk="25")) == ["wasi_sdk 25, no pydebug"]
    assert inferred([wasi("25.1")], [wasi("25.2")], condition(wasi_sdk="25")) == ["wasi_sdk ==25.*,<25.2"]


@pytest.mark.parametrize(
    ("needed", "excluded", "expected"),
    [
        ("3.15.0b2", "3.15.0b3", "python <3.15.0b3"),
        ("3.15.0b3", "3.15.0b2", "python >=3.15.0b3"),
        ("3.15.0b2", "3.15.0", "python <=3.15.0b2"),
        ("3.15.0", "3.15.0b2", "python >3.15.0b2"),
        ("3.15.0b2", "3.14.0", "python >=3.15.0b2"),
        ("3.14.0 3.15.0b2", "3.15.0", "python <=3.15.0b2"),
        ("3.15.0", "3.15.0b1 3.15.0b2", "python >3.15.0b2"),
        ("3.15.0", "3.15.0b2 3.16.0", "python >3.15.0b2,<3.16.0"),
    ],
)
def test_pre_releases_can_be_distinguished(needed: str, excluded: str, expected: str) -> None:
    here, there = ([wasi(python=version) for version in versions.split()] for versions in (needed, excluded))
    assert inferred(here, there) == [expected]


def test_pre_releases_that_no_condition_distinguishes_are_not_divided() -> None:
    needed, excluded = [wasi(python="3.15.0b2"), wasi(python="3.15.0")], [wasi(python="3.15.0b3")]
    assert infer(needed, excluded, ALWAYS) is None


def test_a_bound_is_that_of_all_that_need_it_also_where_a_flag_is_named_too() -> None:
    threads = emscripten("4.0.7", pthreads=True)
    assert inferred([OLD, NEW], [threads, NEWEST]) == ["emscripten <6.0.5, no pthreads"]
    assert inferred([NEW, NEWEST], [threads, OLD, emscripten("4.0.12", pthreads=True)]) == [
        "emscripten >=4.0.12, no pthreads"
    ]
    assert inferred([MIDDLE], [threads, NEW]) == ["emscripten <4.0.12, no pthreads"]
    final, debug = wasi(python="3.15.0"), wasi(python="3.15.0", pydebug=True)
    assert inferred([final], [debug, wasi(python="3.15.0b2")]) == ["no pydebug, python >3.15.0b2"]


def test_what_the_base_excludes_already_needs_no_further_term() -> None:
    excluded = [wasi(python="3.15.0"), wasi(python="3.13.5", pydebug=True)]
    assert inferred([wasi(python="3.13.5")], excluded, condition(python="<=3.14")) == ["python <=3.14, no pydebug"]


def test_the_tighter_of_two_bounds_is_written() -> None:
    assert inferred([MIDDLE], [OLD], condition(emscripten=">=3")) == ["emscripten >=4.0.7"]
    assert inferred([MIDDLE], [NEW], condition(emscripten="<6")) == ["emscripten <4.0.12"]


def test_exactly_one_of_two_flags_needs_a_condition_for_each() -> None:
    threads, debug = emscripten("3.1.69", pthreads=True), emscripten("3.1.69", pydebug=True)
    both = emscripten("3.1.69", pthreads=True, pydebug=True)
    assert inferred([threads, debug], [OLD, both]) == ["pthreads, no pydebug", "no pthreads, pydebug"]


def test_the_division_that_leaves_the_fewest_conditions_is_taken() -> None:
    """A division by version would take three conditions."""
    needed = [OLD, NEWEST, emscripten("4.0.12", pthreads=True, pydebug=True)]
    assert inferred(needed, [emscripten("4.0.12", pthreads=True)]) == ["pthreads, pydebug", "no pthreads"]


def test_an_unknown_version_distinguishes_nothing() -> None:
    unknown = tuple(fact for fact in OLD if fact[0] != "emscripten")
    assert infer([OLD], [unknown], ALWAYS) is None
    assert infer([OLD, unknown], [NEW], ALWAYS) is None


def test_no_setting_needs_no_condition() -> None:
    assert infer([], [OLD], ALWAYS) == ()


def test_settings_that_are_the_same_cannot_be_distinguished() -> None:
    for needed, excluded in (([OLD], [OLD]), ([OLD, wasi()], [OLD]), ([OLD, wasi()], [wasi()])):
        assert infer(needed, excluded, ALWAYS) is None


UNIVERSE = [
    emscripten(version, pthreads=threads, python=python)
    for version in ("3.1.69", "4.0.7", "4.0.12")
    for threads in (False, True)
    for python in ("3.13.5", "3.14.0")
] + [wasi(version) for version in ("24", "25", "33")]
SPLITS = st.lists(st.sampled_from((True, False, None)), min_size=len(UNIVERSE), max_size=len(UNIVERSE))


@given(SPLITS)
def test_exactly_one_condition_holds_for_each_that_needs_it_and_none_for_the_others(split: list[bool | None]) -> None:
    needed = [setting for setting, word in zip(UNIVERSE, split, strict=True) if word is True]
    excluded = [setting for setting, word in zip(UNIVERSE, split, strict=True) if word is False]
    found = infer(needed, excluded, ALWAYS)
    assert found is not None
    for setting in needed:
        assert sum(one.holds(dict(setting)) for one in found) == 1
    for setting in excluded:
        assert not any(one.holds(dict(setting)) for one in found)
    for first, second in itertools.combinations(found, 2):
        assert not any(first.holds(dict(setting)) and second.holds(dict(setting)) for setting in UNIVERSE)
    assert found == infer(reversed(needed), reversed(excluded), ALWAYS)


@given(SPLITS)
def test_a_single_condition_is_minimal(split: list[bool | None]) -> None:
    needed = [setting for setting, word in zip(UNIVERSE, split, strict=True) if word is True]
    excluded = [setting for setting, word in zip(UNIVERSE, split, strict=True) if word is False]
    found = infer(needed, excluded, ALWAYS)
    if found is None or len(found) != 1:
        return
    literals = literals_of(found[0])
    for left_out in range(len(literals)):
        rest = (*literals[:left_out], *literals[left_out + 1 :])
        broader = [condition(**{axis: value}) for axis, value in rest]
        assert any(all(one.holds(dict(setting)) for one in broader) for setting in excluded)


# Ranges that end where another entry begins.


@pytest.mark.parametrize(
    ("mine", "other", "cut"),
    [
        ({"emscripten": "<4.0.9"}, {"emscripten": ">=3.1.74", "python": "<3.14.0a3"}, "emscripten <3.1.74"),
        ({"emscripten": "<4.0.9"}, {"python": ">=3.14", "emscripten": ">3.1.69"}, "emscripten <=3.1.69"),
        ({"emscripten": ">=3.1"}, {"emscripten": "<3.1.60"}, "emscripten >=3.1.60"),
        ({"pthreads": False}, {"emscripten": ">=4"}, "no pthreads, emscripten <4"),
        ({"emscripten": "<4.0.9"}, {"emscripten": ">=3.1", "python": ">=3.14"}, "emscripten <4.0.9, python <3.14"),
    ],
)
def test_a_range_ends_at_the_bound_of_another_condition(
    mine: dict[str, object], other: dict[str, str], cut: str
) -> None:
    assert str(cut_at_bounds(condition(**mine), [OLD], [condition(**other)])) == cut


@pytest.mark.parametrize(
    "other",
    [
        {"emscripten": ">=4.0.9"},
        {"emscripten": ">=3.1.74", "pthreads": True},
        {"target": "wasi", "python": ">=3.14"},
        {"engine": "chromium", "python": ">=3.14"},
        {"emscripten": ">=3.1.60"},
        {"emscripten": "==3.1.75"},
        {"pydebug": False},
    ],
)
def test_what_excludes_it_already_or_cannot_be_left_out_cuts_no_range(other: dict[str, object]) -> None:
    mine = condition(target="emscripten", engine="node", emscripten="<4.0.9", pthreads=False)
    assert cut_at_bounds(mine, [OLD], [condition(**other)]) == mine


def test_a_range_ends_at_the_bounds_of_several() -> None:
    others = [condition(emscripten=">=4.0.12"), condition(emscripten="<4"), condition(emscripten=">=4.0.10")]
    assert str(cut_at_bounds(ALWAYS, [MIDDLE], others)) == "emscripten >=4,<4.0.10"
    assert str(cut_at_bounds(ALWAYS, [MIDDLE, NEW], others)) == "emscripten >=4"
