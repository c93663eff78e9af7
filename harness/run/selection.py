"""Selects the modules and cases of a suite that a run tests: the whole suite, one of its shards, or cases by name."""

from __future__ import annotations

import difflib
import random
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from harness.build.artifact import Build
from harness.errors import ConfigError, did_you_mean
from harness.results.case_ids import dotted, module_of, wildcard_of
from harness.results.command_line import ABOUT, RunOptions, literal, pattern, split_word, subject_in
from harness.run.keywords import Keyword
from harness.run.own_tests import OwnTests
from harness.run.past_cases import NO_PAST, PastCases
from harness.run.prepared import Prepared
from harness.suite.durations import guessed_seconds, read_case_durations, read_durations, source_sizes
from harness.suite.journal import DOCSTRING, unnumbered
from harness.suite.parts import cut_modules, module_of_work, part_names, work_seconds
from harness.suite.shards import Shard, cut_suite, longest_first, parse_shard
from harness.suite.unseen import is_wanted
from harness.suite.whole_modules import whole_modules


@dataclass(frozen=True, kw_only=True)
class TestSelection:
    """The modules and cases that a run tests.

    `modules` are the modules to test, the longest first. All workers of a run get this list, since the record of
    durations may change during the run. `cases` are the arguments of `--case`, empty for all cases; `patterns` has
    regrtest's patterns for each module that is not tested as a whole. `keyword` is the expression of `-k`, empty for
    none. `changed` is the revision of `--changed`, and `reached` says in words how many modules it selected; both are
    empty without that option.

    `shard` is the shard that the modules belong to, and `plan` the key of the way in which the suite was cut; both are
    empty for a suite that is not cut. `parts` has for each module that is cut the ids of the cases of all parts but the
    first; `elsewhere` names the parts that are in other shards. `seconds` has the expected seconds of each module or
    part of one, the longest first; it is empty without a record of durations.

    `seed` is the seed of `random` in each module. `randomize` says that it also determines the order of modules,
    classes and cases; then no module is cut.
    """

    # pytest would collect a class whose name begins with `Test`.
    __test__: ClassVar[bool] = False

    modules: tuple[str, ...]
    cases: tuple[str, ...] = ()
    patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shard: str = ""
    plan: str = ""
    keyword: str = ""
    seed: int = 0
    randomize: bool = False
    parts: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    elsewhere: Collection[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    changed: str = ""
    reached: str = ""

    def ordered(self, suite: Sequence[str], options: RunOptions) -> TestSelection:
        """The selection with the seed of the options. With `randomize` the modules are in the order of regrtest with
        this seed, which shuffles all modules of the `suite`.
        """
        seed = int(options.randseed or 0)
        if not options.randomize:
            return replace(self, seed=seed)
        shuffled = list(suite)
        random.Random(seed).shuffle(shuffled)
        place = {module: number for number, module in enumerate(shuffled)}
        modules = tuple(sorted(self.modules, key=place.__getitem__))
        return replace(self, modules=modules, seed=seed, randomize=True)

    def work(self) -> list[str]:
        """The names of the modules to test, or of the parts of those that are cut, the longest first."""
        if self.seconds:
            return list(self.seconds)
        names = (name for module in self.modules for name in _names_of(module, self.parts))
        return [name for name in names if name not in self.elsewhere]

    def cases_in(self, module: str) -> tuple[str, ...]:
        """The cases of one module that were selected by name, as patterns for regrtest; none for a module that is
        tested as a whole.
        """
        return tuple(self.patterns.get(module, ()))


def _names_of(module: str, cut: Mapping[str, Sequence[Sequence[str]]]) -> tuple[str, ...]:
    """The names of a module's parts, or the name of the module if it is not cut."""
    return part_names(module, cut[module]) if module in cut else (module,)


def read_shard(text: str, cases: Collection[str], *, keyword: str = "", own: bool = False) -> Shard | None:
    """The shard in the argument of `--shard`; None if that is empty. ConfigError when it is not of the form K/N, or
    when cases, the `keyword` of -k or the user's `own` tests are given too: shards can be merged only if all are parts
    of the whole suite.
    """
    shard = parse_shard(text) if text else None
    if shard and own:
        raise ConfigError("--shard cuts the whole suite, and --tests names other tests", hint="leave one of them out")
    if shard and keyword:
        raise ConfigError("--shard cuts the whole suite, and -k names modules", hint="leave one of them out")
    if shard and cases:
        modules = [case.removeprefix("test.") for case in cases if re.fullmatch(r"test\.test_\w+", case)]
        chosen = f"{modules[0]} is a module of it" if modules else "--case names cases"
        raise ConfigError(f"--shard cuts the whole suite, and {chosen}", hint="leave one of them out")
    return shard


def choose(
    prepared: Prepared,
    cases: Sequence[str],
    *,
    tests: OwnTests | None = None,
    past: PastCases = NO_PAST,
) -> TestSelection:
    """The selection of `cases` from the cell's suite, or from the user's own `tests`; of everything if there are none.
    `past` has the cases in earlier results. ConfigError when the suite has no module of a case.
    """
    suite = Suite.of_own(tests) if tests else Suite.of_build(prepared.build, prepared.cell.id)
    wanted = wanted_cases(cases, suite, past)
    modules = tuple(wanted) if cases else tuple(suite.modules.values())
    seconds = {} if tests else read_durations(prepared.durations)
    sizes = tests.sizes() if tests else source_sizes(prepared.build.root / "Lib", modules)
    return TestSelection(modules=longest_first(modules, seconds, sizes), cases=tuple(cases), patterns=wanted)


def choose_shard(prepared: Prepared, shard: Shard, *, cut_by: str = "", randomize: bool = False) -> TestSelection:
    """The selection for a shard of the cell's suite. It is cut by the durations in the file `cut_by`, if that is given,
    instead of the cell's own record. With `randomize` all modules stay whole. ConfigError when the file has no
    durations.
    """
    record, recorded = _recorded(prepared, cut_by)
    seconds = _seconds(prepared.build.modules(), prepared, recorded)
    cut = cut_suite(seconds, {} if randomize else read_case_durations(record), whole_modules(), shard.count)
    here = cut.shards[shard.number - 1]
    modules = tuple(dict.fromkeys(map(module_of_work, here)))
    parts = {module: cut.parts[module] for module in modules if module in cut.parts}
    names = (name for module, others in parts.items() for name in part_names(module, others))
    elsewhere = tuple(name for name in names if name not in here)
    return TestSelection(modules=modules, shard=str(shard), plan=cut.key, parts=parts, elsewhere=elsewhere)


def planned(chosen: TestSelection, prepared: Prepared, workers: int, *, cut_by: str = "") -> TestSelection:
    """The selection with the expected seconds of its work, and with the modules cut that take longer than the share of
    a worker. The durations are from the file `cut_by`, or else from the cell's own record. A module is not cut if cases
    of it were selected by name. With one worker no module is cut.
    """
    record, recorded = _recorded(prepared, cut_by)
    if not recorded:
        return chosen
    seconds = _seconds(chosen.modules, prepared, recorded)
    if chosen.randomize:
        return replace(chosen, seconds=seconds)
    cases = read_case_durations(record)
    # If parts of a module are in several shards, only those in this one count.
    here: dict[str, float] = defaultdict(float)
    for name, took in _without(chosen.elsewhere, work_seconds(seconds, cases, chosen.parts)).items():
        here[module_of_work(name)] += took
    whole = {*whole_modules(), *chosen.parts, *(module for module in chosen.modules if chosen.cases_in(module))}
    parts = {**chosen.parts, **cut_modules(here, cases, workers, whole)}
    return replace(chosen, parts=parts, seconds=_without(chosen.elsewhere, work_seconds(seconds, cases, parts)))


def _recorded(prepared: Prepared, cut_by: str) -> tuple[Path, dict[str, float]]:
    """The file with the durations by which modules are cut, named by the user or the cell's own record, and the seconds
    of each module in it.
    """
    record = Path(cut_by) if cut_by else prepared.durations
    recorded = read_durations(record)
    if cut_by and not recorded:
        raise ConfigError(f"{cut_by} holds no durations", hint="name the results.json of a whole run")
    return record, recorded


def _seconds(modules: Sequence[str], prepared: Prepared, recorded: Mapping[str, float]) -> dict[str, float]:
    """The expected seconds of each module, as recorded or else by its size."""
    return guessed_seconds(modules, recorded, source_sizes(prepared.build.root / "Lib", modules))


def _without(names: Collection[str], seconds: Mapping[str, float]) -> dict[str, float]:
    return {name: took for name, took in seconds.items() if name not in names}


@dataclass(frozen=True, kw_only=True)
class Suite:
    """The suite that a run selects from. `modules` has the modules by their dotted names. `title` is the name of the
    suite in messages, and `cell` the id of the cell in the commands of these.
    """

    modules: Mapping[str, str]
    title: str = "the suite"
    cell: str = "CELL"

    @classmethod
    def of_build(cls, build: Build, cell: str = "CELL") -> Suite:
        return cls(modules={dotted(module): module for module in build.modules()}, cell=cell)

    @classmethod
    def of_own(cls, tests: OwnTests) -> Suite:
        return cls(modules={module: module for module in tests.modules}, title=f"--tests {tests.source}")

    def named(self, module: str) -> str:
        """The dotted name of the module in `MODULE::`, which may also be regrtest's name; empty if there is none."""
        return next((name for name in (module, dotted(module)) if name in self.modules), "")


def check_names(tests: Path, cases: Sequence[str], keyword: Keyword, past: PastCases, *, cell: str = "CELL") -> None:
    """ConfigError for arguments of `--case` and `-k` that match no module of any build of the source. This check is
    done before the build.

    `tests` is the folder Lib/test of the source. Every file in it that looks like a test counts as a module, since only
    a build has the list of those that regrtest runs.
    """
    if not cases and not keyword.expression:
        return
    found = (path.relative_to(tests).with_suffix("").parts for path in tests.rglob("test_*"))
    names = {".".join(parts) if len(parts) == 1 else ".".join(("test", *parts)) for parts in found}
    if names:
        wanted_cases(cases, Suite(modules={dotted(name): name for name in sorted(names)}, cell=cell), past)
        keyword.matching(sorted(names), past, noun="test file", where="the source")


def check_resources(tests: Path, words: Sequence[str]) -> None:
    """ConfigError for a resource in the arguments of `--use` that is unknown to the regrtest in the folder `tests`,
    which is a Lib/test.
    """
    known = known_resources(tests)
    for word in (each for words_of_one in words for each in words_of_one.split(",")):
        name = word.lower().removeprefix("-").partition("=")[0]
        if known and name not in known:
            near = did_you_mean(name, known)
            raise ConfigError(
                f"-u {word}: regrtest of this CPython knows no such resource",
                hint=near if near.startswith("did you mean") else f"it knows {', '.join(sorted(known))}",
            )


def known_resources(tests: Path) -> frozenset[str]:
    """The names that the regrtest in the folder `tests` accepts for -u; empty if its source cannot be read."""
    sources = [tests / "libregrtest" / name for name in ("utils.py", "cmdline.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources if path.is_file())
    names = re.findall(r"^(?:ALL_RESOURCES|RESOURCE_NAMES) = ([^)]*)\)", text, re.MULTILINE)
    words = frozenset(word for name in names for word in re.findall(r"'(\w+)'", name))
    return words and words | {"all", "none"}


def wanted_cases(words: Sequence[str], suite: Suite, past: PastCases = NO_PAST) -> dict[str, tuple[str, ...]]:
    """The patterns for the arguments of `--case`, by module; none for a module that is selected as a whole.

    ConfigError, with the nearest names, for an argument that no module of the suite can have as a case, and for one
    that is not among the cases of its module if `past` results have all of them.
    """
    found: dict[str, list[tuple[str, ...]]] = {}
    for word in words:
        name, case = _placed(word, suite, past)
        wanted = _patterns(case, name)
        module = suite.modules[name]
        known = past.cases_of(module) if wanted else ()
        if known and not any(is_wanted(each, wanted) for each in known):
            inside = any(is_wanted(each, (f"{word}.*",)) for each in known)
            near = f"did you mean '{word}.*'?" if inside else nearest(split_word(word)[1], known)
            raise ConfigError(f"{module} has no case {word!r}{'; ' if near else ''}{near}", hint=_HINT)
        found.setdefault(module, []).append(wanted)
    return {
        module: tuple(dict.fromkeys(pattern for each in wanted for pattern in each)) if all(wanted) else ()
        for module, wanted in found.items()
    }


def _placed(word: str, suite: Suite, past: PastCases) -> tuple[str, str]:
    """The dotted name of the module for an argument of `--case`, and the case in that module."""
    module, case = split_word(word)
    if module and (name := suite.named(module)):
        return name, case
    if name := suite.named(word):
        return name, name
    if name := module_of(subject_in(word), suite.modules) or "":
        return name, word
    if not module and (name := past.module_with(literal(unnumbered(word)), suite.modules)):
        return name, word
    near = _near(word, suite, past)
    tail = f"{word!r}; {near}" if near else repr(word)
    if not module and re.fullmatch(r"(test\.)?test_\w+", word):
        if named := sorted(past.cases_named(word)):
            near = " or ".join(map(repr, named[:3]))
            raise ConfigError(f"{word!r} is no module, and no whole id; did you mean {near}?", hint=_HINT)
        raise ConfigError(f"{suite.title} has no module {tail}", hint="a module is named as for regrtest")
    raise ConfigError(f"no module of {suite.title} holds the case {tail}", hint=_HINT)


def _near(word: str, suite: Suite, past: PastCases) -> str:
    """The suggestion for an argument of `--case` that belongs to no module."""
    module, _ = split_word(word)
    if module:
        return did_you_mean(f"test.{module}", suite.modules) or did_you_mean(module, suite.modules)
    if name := module_of(f"test.{word}", suite.modules):
        known = past.cases_of(suite.modules[name])
        if not known:
            return "did you leave out the 'test.' before it?"
        is_there = any(is_wanted(each, _patterns(f"test.{word}", name)) for each in known)
        return f"did you mean 'test.{word}'?" if is_there else nearest(f"test.{word}", known)
    return nearest(word, past.cases_like(word)) or did_you_mean(".".join(word.split(".")[:2]), suite.modules)


def nearest(word: str, known: Iterable[str]) -> str:
    """A question with the three nearest of the known ids, or of classes with `.*`; empty if none is near."""
    names = sorted({*known, *(wildcard_of(case) for case in known if word.endswith(".*"))})
    near = difflib.get_close_matches(word, names, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""


_HINT = "a case is named as in results.json, or MODULE::ID; all cases of a class: its name and .*"


def _patterns(case: str, module: str) -> tuple[str, ...]:
    """The patterns for regrtest that select the case; none for the whole module. A fixture cannot run alone, so that
    the patterns for it select the cases that it is for.
    """
    fixture = ABOUT.fullmatch(case)
    if fixture is None:
        plain, numbered = pattern(unnumbered(case).removesuffix(DOCSTRING)), pattern(case)
        # The end that looks like the number of a second case of the same id may also belong to the name.
        return () if case == module else tuple(dict.fromkeys([plain, numbered]))
    subject = fixture.group(1)
    if not case.startswith("after "):
        return () if subject == module else (f"{subject}.*",)
    whole = module in {subject, subject.rpartition(".")[0]} or "." not in subject
    return () if whole else (wildcard_of(subject),)
