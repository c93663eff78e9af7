"""Shards put together give what the whole run would have given; what does not fit together is refused."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.expectations.entries import CellExpectations
from harness.manifest import Manifest, WasmRecord
from harness.results.cell_results import CellResults, OtherSuite, Work
from harness.results.command_line import RunOptions
from harness.results.outcomes import Outcome, PartsRun
from harness.results.verdicts import Verdict
from harness.run.merge import merge
from tests.unit.sample_results import case, expecting, module, of_other_suite, results

ENTRY = expecting("test_0.T.test_a")
LISTS = CellExpectations(dict.fromkeys(ENTRY.tests, ENTRY))


def whole(count: int) -> CellResults:
    modules = [
        module(
            f"test_{index}",
            case(f"test_{index}.T.test_a", Outcome.ERROR if index % 3 == 0 else Outcome.PASS),
            case(f"test_{index}.T.test_b"),
        )
        for index in range(count)
    ]
    return results(*sorted(modules, key=lambda found: found.module), entries=(ENTRY,))


def shards_of(run: CellResults, count: int) -> list[CellResults]:
    return [
        msgspec.structs.replace(
            run,
            modules=run.modules[number::count],
            run=msgspec.structs.replace(run.run, shard=f"{number + 1}/{count}", plan="a plan", complete=False),
        )
        for number in range(count)
    ]


@given(st.integers(1, 12), st.integers(1, 5), st.randoms())
def test_the_merged_result_equals_that_of_the_whole_run(modules: int, count: int, chance: random.Random) -> None:
    run = whole(modules)
    shards = shards_of(run, count)
    chance.shuffle(shards)
    assert merge(shards, LISTS, command=run.run.command) == run


def changed(part: CellResults, **changes: Any) -> CellResults:
    return msgspec.structs.replace(part, run=msgspec.structs.replace(part.run, **changes))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda one, _two: [one], "wasi: without the shard 2 of 2 it is not whole"),
        (lambda _one, two: [two], "wasi: without the shard 1 of 2 it is not whole"),
        (
            lambda one, two: [one, msgspec.structs.replace(two, cell=dataclasses.replace(two.cell, id="wasi-debug"))],
            "wasi 1/2 and wasi-debug 2/2 are not of one run: they have another cell",
        ),
        (lambda one, two: [one, one, two], "the shard 1/2 is there more than once"),
        (lambda one, two: [one, changed(two, shard="2/3")], "another number of shards"),
        (
            lambda one, two: [one, changed(two, plan="another")],
            "wasi 1/2 and wasi 2/2 are not of one run: they have another cut",
        ),
        (lambda one, two: [one, changed(two, interrupted=True)], "wasi 2/2 was not run to its end"),
        (lambda one, two: [one, changed(two, lacking=3)], "3 of its modules have no result"),
        (
            lambda one, two: [one, changed(two, seed=7)],
            "wasi 1/2 and wasi 2/2 are not of one run: they have another seed",
        ),
        (
            lambda one, two: [one, msgspec.structs.replace(two, build=Manifest(wasm=WasmRecord(sha256="ff")))],
            "wasi 1/2 and wasi 2/2 are not of one run: they have another build",
        ),
        (lambda one, two: [one, changed(two, options=RunOptions(randomize=True))], "they have another order"),
        (lambda one, two: [one, msgspec.structs.replace(two, engine={"version": "1"})], "they have another engine"),
        (lambda one, two: [changed(one, shard=""), changed(two, shard="")], "wasi: the 2 runs are no shards of one"),
        (lambda one, _two: [changed(one, options=RunOptions(tests="/t"))], "a run of own tests, /t"),
        (lambda one, _two: [changed(one, shard="")], "wasi unsharded is neither a shard nor the whole suite"),
    ],
)
def test_what_is_not_all_of_one_run_is_refused(
    spoil: Callable[[CellResults, CellResults], list[CellResults]], words: str
) -> None:
    one, two = shards_of(whole(4), 2)
    with pytest.raises(ConfigError, match=rf"{words}\b") as caught:
        merge(spoil(one, two), LISTS, command="merge")
    assert caught.value.hint


@pytest.mark.parametrize("numbers", [(1,), (1, 2), (3,)])
def test_a_module_with_a_missing_or_doubled_part_is_refused(numbers: tuple[int, ...]) -> None:
    one, two = shards_of(whole(2), 2)
    parts = [
        msgspec.structs.replace(
            whole(1).modules[0], parts=PartsRun(numbers=ran, count=3, complete=True, besides=0.5), complete=False
        )
        for ran in ((1, 2), numbers)
    ]
    shards = [
        msgspec.structs.replace(shard, modules=(result,)) for shard, result in zip((one, two), parts, strict=True)
    ]
    if numbers == (3,):
        (module,) = merge(shards, LISTS, command="merge").modules
        assert (module.complete, module.parts) == (True, None)
        of_other_order = [*whole(1).modules[0].cases][::-1]
        order = {"test_0": [each.case for each in of_other_order]}
        (module,) = merge(shards, LISTS, command="merge", order=order).modules
        assert list(module.cases) == of_other_order
    else:
        with pytest.raises(ConfigError, match="wasi: the shards have not each part of test_0 once"):
            merge(shards, LISTS, command="merge")


def test_a_whole_module_that_two_shards_have_is_refused() -> None:
    one, two = shards_of(whole(2), 2)
    with pytest.raises(ConfigError, match="wasi: the shards have not each part of test_0 once"):
        merge([one, msgspec.structs.replace(two, modules=one.modules)], LISTS, command="merge")
    ran = PartsRun(numbers=(1, 2), count=2, complete=True, besides=0.5)
    parts = tuple(msgspec.structs.replace(module, parts=ran) for module in one.modules)
    for first, second in ((one.modules, parts), (parts, one.modules)):
        shards = [msgspec.structs.replace(one, modules=first), msgspec.structs.replace(two, modules=second)]
        with pytest.raises(ConfigError, match="wasi: the shards have not each part of test_0 once"):
            merge(shards, LISTS, command="merge")


def test_the_command_to_run_a_case_again_is_that_of_the_shards() -> None:
    options = RunOptions(runtime="20.18.0")
    shards = [changed(shard, options=options) for shard in shards_of(whole(4), 2)]
    assert merge(shards, LISTS, command="merge").run.options == options


def test_the_merged_run_is_as_long_as_its_longest_shard_and_begins_with_the_first() -> None:
    one, two = shards_of(run := whole(4), 2)
    early, late = "2026-09-30T03:00:00+00:00", "2026-09-30T04:00:00+00:00"
    shards = [changed(one, started=late, seconds=9.0), changed(two, started=early, seconds=7.0, fail_env_changed=True)]
    expected = msgspec.structs.replace(run.run, started=early, seconds=9.0, command="merge", fail_env_changed=True)
    assert merge(shards, LISTS, command="merge").run == expected


def test_the_work_of_each_shard_is_kept_by_its_number() -> None:
    one, two = (
        changed(shard, work=(Work(name=name, worker="gw0", begin=1.5, seconds=2.0),))
        for shard, name in zip(shards_of(whole(4), 2), ("test_0", "test_1"), strict=True)
    )
    work = merge([two, one], LISTS, command="merge").run.work
    assert [(each.name, each.worker, each.begin) for each in work] == [
        ("test_0", "gw0 of shard 1/2", 1.5),
        ("test_1", "gw0 of shard 2/2", 1.5),
    ]


def test_what_the_shards_know_of_a_suite_of_another_version_is_put_together() -> None:
    # test_3.T.test_a is unexpected, test_0.T.test_a known by now.
    one, two = shards_of(whole(4), 2)
    first = of_other_suite(one, "test_0.T.test_a")
    second = of_other_suite(two, "test_3.T.test_a")
    merged = merge([first, second], LISTS, command="merge")
    assert merged.other_suite == OtherSuite(differing=("test.test_3.T.test_a",), compared="3.13.2")
    assert [row.case for row in merged.comparison.of_other_version] == ["test.test_3.T.test_a"]
    assert not merged.comparison.unexpected
    unknown = of_other_suite(two, why="not available")
    assert merge([first, unknown], LISTS, command="merge").other_suite == OtherSuite(not_compared="not available")


def test_a_run_that_was_not_cut_is_merged_alone() -> None:
    run = changed(whole(4), work=(Work(name="test_0", worker="gw0", begin=1.5, seconds=2.0),))
    assert merge([run], LISTS, command=run.run.command) == run


def test_an_entry_of_a_module_that_no_shard_ran_is_missing() -> None:
    gone = expecting("test_gone.T.test_a")
    merged = merge(shards_of(whole(4), 2), CellExpectations(dict.fromkeys(gone.tests, gone)), command="merge")
    assert [row.case for row in merged.comparison.rows if row.verdict is Verdict.MISSING] == ["test.test_gone.T.test_a"]
