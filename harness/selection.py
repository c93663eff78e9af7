"""Which modules and cases of a suite a run is to test: the whole of it, one of its shards, or cases by name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError, did_you_mean
from harness.expectations import FIXTURE, dotted, module_of, wildcard_of
from harness.own_tests import OwnTests
from harness.prepared import Prepared
from harness.suite.journal import unnumbered
from harness.suite.order import read_durations, source_sizes
from harness.suite.shards import Shard, cut, parse_shard, plan_key


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """`modules` are those to test, longest first; all workers of a run are told them, since the record of durations may
    change. `cases` are the ids wanted, empty for all. `shard` is the part that the modules are, `plan` stands for the
    way it was cut; both are empty when nothing was. `own` says that they are test files of the user's own.
    """

    modules: tuple[str, ...]
    cases: tuple[str, ...] = ()
    shard: str = ""
    plan: str = ""
    own: bool = False

    def cases_in(self, module: str) -> tuple[str, ...]:
        """The cases that were asked for of one module by name, as patterns for regrtest; none where it was asked for as
        a whole.
        """
        name = dotted(module, own=self.own)
        asked = tuple(_pattern(case, name) for case in self.cases if module_of(case, {name}) == name)
        return () if name in asked else asked


def _pattern(case: str, module: str) -> str:
    """A fixture cannot be asked for by itself, but the cases that it is there for."""
    fixture = FIXTURE.fullmatch(case)
    if fixture is None:
        return unnumbered(case)
    subject = fixture.group(1)
    if module in {subject, subject.rpartition(".")[0] if case.startswith("after ") else ""}:
        return module
    return wildcard_of(subject) if case.startswith("after ") else f"{subject}.*"


def read_shard(text: str, cases: Collection[str], *, own: bool = False) -> Shard | None:
    """The shard that was asked for, if any. ConfigError when it is none, or cases or `own` tests were asked for too."""
    shard = parse_shard(text) if text else None
    if shard and own:
        raise ConfigError("--shard cuts the whole suite, and --tests names other tests", hint="leave one of them out")
    if shard and cases:
        raise ConfigError("--shard cuts the whole suite, and --case names cases", hint="leave one of them out")
    return shard


def choose(
    prepared: Prepared,
    cases: Sequence[str],
    shard: Shard | None,
    *,
    cut_by: str = "",
    tests: OwnTests | None = None,
) -> Chosen:
    """What to test of the cell's suite, or of the `tests` that take its place. `cut_by` is a file of durations to cut
    by instead of the cell's own record.

    ConfigError when the suite has no module of a case, or the file no durations.
    """
    if tests:
        modules = modules_of(cases, tests.modules, own=True)
        return Chosen(modules=cut(modules, {}, tests.sizes(), 1)[0], cases=tuple(cases), own=True)
    seconds = read_durations(Path(cut_by) if cut_by else prepared.durations)
    modules = modules_of(cases, prepared.build.modules())
    if cut_by and not seconds:
        raise ConfigError(f"{cut_by} holds no durations", hint="name the results.json of a whole run")
    shards = cut(modules, seconds, source_sizes(prepared.build.root / "Lib", modules), shard.count if shard else 1)
    return Chosen(
        modules=shards[shard.number - 1 if shard else 0],
        cases=tuple(cases),
        shard=str(shard or ""),
        plan=plan_key(shards) if shard else "",
    )


def modules_of(cases: Sequence[str], suite: Sequence[str], *, own: bool = False) -> tuple[str, ...]:
    """The modules of the suite that hold these cases, all of them when no case is named. ConfigError for a case that
    none of them can hold.
    """
    by_name = {dotted(module, own=own): module for module in suite}
    found = {case: module_of(case, by_name) for case in cases}
    for case, name in found.items():
        if name is None:
            near = did_you_mean(".".join(case.split(".")[:2]), by_name)
            raise ConfigError(
                f"no module of the suite holds the case {case!r}; {near}",
                hint="a case is named as in results.json: test.test_json.test_decode.TestCDecode.test_float",
            )
    return tuple(dict.fromkeys(by_name[str(name)] for name in found.values())) if cases else tuple(suite)
