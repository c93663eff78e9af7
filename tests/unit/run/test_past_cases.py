"""What `--case` and `-k` mean, with what earlier results know."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ConfigError
from harness.manifest import Manifest
from harness.run.keywords import Keyword
from harness.run.past_cases import PastCases, past_results
from harness.run.selection import Suite, wanted_cases

BUILD = {"inputs": {"source": "s"}, "wasm": {"sha256": "w"}}
MANIFEST = Manifest.from_json(BUILD)
SUITE = Suite(
    modules={
        "test.test_json": "test_json",
        "test.test_math": "test_math",
        "test.test_asyncio.test_x": "test.test_asyncio.test_x",
    }
)
DECODE = "test.test_json.test_decode.TestCDecode"
MODULES = {
    "test_json": ([f"{DECODE}.test_decimal", f"{DECODE}.test_float", f"setUpClass ({DECODE})"], True),
    "test_math": (["ieee754_txt", "ieee754_txt#2", "test.test_math.T.test_a[1]", "test.test_math.T.test_*"], True),
}


def written(folder: Path, modules: Mapping[str, tuple[list[str], bool]], build: Any = BUILD, tests: str = "") -> Path:
    path = folder / "wasi" / "results.json"
    path.parent.mkdir(parents=True)
    listed = {
        name: {"complete": complete, "cases": {case: {"outcome": "pass"} for case in cases}}
        for name, (cases, complete) in modules.items()
    }
    path.write_text(json.dumps({"build": build, "run": {"tests": tests} if tests else {}, "modules": listed}))
    return path


@pytest.fixture
def past(tmp_path: Path) -> PastCases:
    return PastCases([written(tmp_path, MODULES)], MANIFEST)


def wanted(past: PastCases, *words: str) -> dict[str, tuple[str, ...]]:
    return wanted_cases(words, SUITE, past)


@pytest.mark.parametrize(
    ("word", "patterns"),
    [
        (f"{DECODE}.test_decimal", {"test_json": (f"{DECODE}.test_decimal",)}),
        (f"test_json::{DECODE}.test_decimal", {"test_json": (f"{DECODE}.test_decimal",)}),
        (f"test.test_json::{DECODE}.*", {"test_json": (f"{DECODE}.*",)}),
        (f"setUpClass ({DECODE})", {"test_json": (f"{DECODE}.*",)}),
        ("test.test_json", {"test_json": ()}),
        ("test_json::test.test_json", {"test_json": ()}),
        ("ieee754_txt", {"test_math": ("ieee754_txt",)}),
        ("test_math::ieee754_txt#2", {"test_math": ("ieee754_txt", "ieee754_txt#2")}),
        ("test.test_math.T.test_a[1]", {"test_math": ("test.test_math.T.test_a[[]1]",)}),
        ("test.test_math.T.test_[*]", {"test_math": ("test.test_math.T.test_[*]",)}),
        ("test_math::after (ieee754_txt)", {"test_math": ()}),
        ("test.test_math.__doc__", {"test_math": ("test.test_math", "test.test_math.__doc__")}),
    ],
)
def test_a_word_finds_its_module(past: PastCases, word: str, patterns: dict[str, tuple[str, ...]]) -> None:
    if word.endswith("__doc__"):
        past = PastCases((), MANIFEST)
    assert wanted(past, word) == patterns


def test_a_module_that_is_meant_as_a_whole_has_no_patterns(past: PastCases) -> None:
    assert wanted(past, "test.test_json", f"{DECODE}.test_float") == {"test_json": ()}
    assert wanted(past, "test_json") == {"test_json": ()}


@pytest.mark.parametrize(
    ("word", "near"),
    [
        (f"{DECODE}.test_decimall", f"test_json has no case '{DECODE}.test_decimall'; did you mean '{DECODE}.test_dec"),
        (f"{DECODE[:-1]}.*", f"did you mean '{DECODE}.*'"),
        (DECODE, f"did you mean '{DECODE}.*'?"),
        (DECODE.rpartition(".")[0], f"did you mean '{DECODE.rpartition('.')[0]}.*'?"),
        ("test_math::ieee754_tx", "did you mean 'ieee754_txt'?"),
        ("ieee754_txtt", "holds the case 'ieee754_txtt'; did you mean 'ieee754_txt'?"),
        (f"{DECODE[5:]}.test_decimal", f"did you mean 'test.{DECODE[5:]}.test_decimal'?"),
        ("test_json.TestCDecode.test_decimal", f"did you mean '{DECODE}.test_decimal'"),
        ("test_decimal", f"'test_decimal' is no module, and no whole id; did you mean '{DECODE}.test_decimal'?"),
        ("test_decimals", "has no module 'test_decimals'"),
        ("test.test_jsn.T.test_a", "did you mean 'test.test_json'?"),
        ("test_jsn::func", "did you mean 'test.test_json'?"),
        ("setUpClass (test.test_json.T)", "test_json has no case"),
    ],
)
def test_a_mistake_is_reported_with_the_nearest_names(past: PastCases, word: str, near: str) -> None:
    with pytest.raises(ConfigError) as caught:
        wanted(past, word)
    assert near in str(caught.value)


def test_only_results_that_know_all_cases_of_this_build_can_refuse_one(tmp_path: Path) -> None:
    """A module that ran in part, another build, other tests: the case may be there."""
    word = f"{DECODE}.test_decimall"
    part = {"test_json": (MODULES["test_json"][0], False)}
    for number, past in enumerate(
        [
            PastCases([], MANIFEST),
            PastCases([written(tmp_path / "a", part)], MANIFEST),
            PastCases([written(tmp_path / "b", MODULES, {"inputs": {}, "wasm": {}})], MANIFEST),
            PastCases([written(tmp_path / "c", MODULES, tests="k")], MANIFEST),
            PastCases([tmp_path / "nowhere"], MANIFEST),
        ]
    ):
        assert wanted(past, word) == {"test_json": (word,)}, number
    own = PastCases([written(tmp_path / "d", {"test_mine": (["test_mine.T.test_a"], True)}, tests="k")], MANIFEST, "k")
    with pytest.raises(ConfigError, match=r"did you mean 'test_mine\.T\.test_a'"):
        wanted_cases(["test_mine.T.test_b"], Suite(modules={"test_mine": "test_mine"}, title="--tests /t"), own)


def test_a_bare_id_is_looked_for_in_any_results_the_newest_first(tmp_path: Path) -> None:
    old = written(tmp_path / "old", {"test_json": (["func"], False)}, {})
    new = written(tmp_path / "new", {"test_math": (["func"], False)}, {})
    os.utime(old, (1, 1))
    past = PastCases(past_results("wasi", [tmp_path, tmp_path / "nowhere"]), MANIFEST)
    assert wanted(past, "func") == {"test_math": ("func",)}
    assert new.exists()


def test_a_damaged_file_is_passed_over(tmp_path: Path) -> None:
    damaged = tmp_path / "x.json"
    damaged.write_text('{"modules": []}')
    assert wanted(PastCases([damaged, written(tmp_path, MODULES)], MANIFEST), "ieee754_txt")


@pytest.mark.parametrize(
    "expression", ["", "test_json", "JSON and not math", "wasi", "test_os or nothing", "default.toml"]
)
def test_a_keyword_that_matches_a_module_is_good(past: PastCases, expression: str) -> None:
    assert Keyword(expression, "wasi").matching(["test_json", "test_os"], past)


def test_a_keyword_chooses_among_the_modules_in_their_order(past: PastCases) -> None:
    modules = ["test_os", "test_json", "test_bool"]
    assert Keyword("test_bool or os", "wasi").matching(modules, past) == ("test_os", "test_bool")
    assert Keyword("", "wasi").matching(modules, past) == tuple(modules)


@pytest.mark.parametrize(
    ("expression", "near"),
    [
        ("test_jsoon", "did you mean 'test_json'?"),
        ("tcdecode", f"for the cases of a class: --case '{DECODE}.*'"),
        ("test_decimal", f"for a case: --case '{DECODE}.test_decimal'"),
        ("not wasi", "-k matches the names of modules"),
        ("test_json and", "-k test_json and: expected"),
        ("test_json)", "write it as in"),
    ],
)
def test_a_keyword_that_matches_none_is_reported_before_a_run(past: PastCases, expression: str, near: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Keyword(expression, "wasi").matching(["test_json", "test_os"], past)
    assert near in str(caught.value)
