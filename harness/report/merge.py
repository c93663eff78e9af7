"""Shards of one run put together: what the unsharded run would have given. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness.compare import compare
from harness.errors import ConfigError
from harness.expectations import CellExpectations
from harness.report.results import CellResults, RunInfo
from harness.suite.shards import parse_shard


def merge(shards: Sequence[CellResults], expectations: CellExpectations, *, command: str) -> CellResults:
    """The results of a whole cell from those of all its shards, in any order, judged by `expectations`.

    ConfigError when they are not the shards of one run: of another build or engine, cut in another way, one missing,
    one twice, one that was not run to its end, or some cases alone. `seconds` are those of the longest.
    """
    first = shards[0]
    for name, facts in _facts(first).items():
        _check_same(name, facts, shards)
    _check_whole(shards)
    modules = tuple(sorted((module for shard in shards for module in shard.modules), key=lambda module: module.module))
    run = RunInfo(
        started=min(shard.run.started for shard in shards),
        seconds=max(shard.run.seconds for shard in shards),
        command=command,
        complete=True,
        seed=first.run.seed,
        options=first.run.options,
        fail_env_changed=any(shard.run.fail_env_changed for shard in shards),
    )
    expectations = dataclasses.replace(expectations, fail_env_changed=run.fail_env_changed)
    comparison = compare(modules, expectations, complete=True)
    return dataclasses.replace(first, modules=modules, run=run, comparison=comparison)


def _facts(results: CellResults) -> Mapping[str, Any]:
    """What all shards of a run have in common, by the words of an error."""
    return {
        "cell": dataclasses.asdict(results.cell),
        "build": [results.build.get("inputs"), results.build.get("wasm")],
        "engine": results.engine.get("version"),
        "seed": results.run.seed,
        "number of shards": parse_shard(results.run.shard or "1/1").count,
        "cut": results.run.plan,
    }


def _check_same(name: str, facts: Any, shards: Sequence[CellResults]) -> None:
    other = next((shard for shard in shards if _facts(shard)[name] != facts), None)
    if other is not None:
        raise ConfigError(
            f"{_title(shards[0])} and {_title(other)} are not of one run: they have another {name}",
            hint="run all shards of one build with the same --cut-by FILE",
        )


def _check_whole(shards: Sequence[CellResults]) -> None:
    for shard in shards:
        if own := shard.run.options.tests:
            raise ConfigError(f"{shard.cell.id}: a run of own tests, {own}, is no shard", hint="leave it out")
    numbers = Counter(parse_shard(shard.run.shard or "1/1").number for shard in shards)
    count = parse_shard(shards[0].run.shard or "1/1").count
    cell = shards[0].cell.id
    if twice := [f"{number}/{count}" for number, times in numbers.items() if times > 1]:
        raise ConfigError(f"{cell}: the shard {', '.join(twice)} is there more than once", hint="name each shard once")
    if missing := [f"{number}/{count}" for number in range(1, count + 1) if number not in numbers]:
        raise ConfigError(f"{cell}: without the shard {', '.join(missing)} it is not whole", hint="run it too")
    for shard in shards:
        if shard.run.interrupted or shard.run.lacking:
            raise ConfigError(
                f"{_title(shard)} was not run to its end: {shard.run.lacking} of its modules have no result",
                hint="go on with it: the same command with --run-dir DIR --resume",
            )
        # Nothing is lacking of what was asked for, and that was not the suite.
        if not shard.run.shard and not shard.run.complete:
            raise ConfigError(
                f"{_title(shard)} is neither a shard nor the whole suite: only some cases were asked for",
                hint="run the suite without --case, or leave this run out",
            )


def _title(results: CellResults) -> str:
    return f"{results.cell.id} {results.run.shard or 'unsharded'}"
