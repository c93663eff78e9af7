"""Compares the outcomes of the harness with those of CPython's own runner, and explains differences by rules. Pure.

Each rule explains one exact situation. A difference that no rule explains is a fault of the harness, or needs a new
rule.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from harness.diagnostics.regrtest_runner import Key, Word
from harness.expectations.entries import CellExpectations, Expectation
from harness.limitations.skips import MODULE_SKIPPED
from harness.results.case_ids import FIXTURE, dotted
from harness.results.outcomes import CaseResult, ModuleResult, Outcome
from harness.suite.journal import victims_of

# regrtest's words on a module that was imported, and whose cases ran unless a fixture prevented that.
_RAN = frozenset({Word.PASSED, Word.FAILED, Word.ENV_CHANGED, Word.NO_TESTS})
_FAILED = frozenset({Outcome.FAIL, Outcome.ERROR})
# The outcome of a module as a whole, and the words of regrtest that mean the same.
_SAME_WORD = {
    Outcome.SKIP: {Word.SKIPPED, Word.DENIED},
    Outcome.NO_TESTS: {Word.NO_TESTS},
    Outcome.ERROR: {Word.UNCAUGHT},
    Outcome.FAIL: {Word.FAILED},
    Outcome.CRASH: {Word.DIED},
    Outcome.TIMEOUT: {Word.TIMED_OUT},
}


@dataclass(frozen=True, kw_only=True)
class Situation:
    """One case on which regrtest and the harness differ. `theirs` is regrtest's outcome, `ours` the harness's result;
    None on the side that does not have the case.

    `entry` is the entry of the lists for the case. `word` is regrtest's word on the module, None if it did not mention
    the module. `cases` has all results of the harness in the module by id, `outcomes` all outcomes of regrtest.
    """

    case: str
    module: str
    theirs: Outcome | None
    ours: CaseResult | None
    entry: Expectation | None = None
    word: Word | None = None
    cases: Mapping[str, CaseResult] = field(default_factory=dict)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A reason why the two sides may differ: its name, a sentence, and the function that says whether it applies."""

    name: str
    why: str
    explains: Callable[[Situation], bool]


@dataclass(frozen=True, kw_only=True)
class OutcomeDifference:
    """One case on which the two sides differ. `rule` is the name of the rule that explains it; empty if none does."""

    case: str
    module: str
    theirs: Outcome | None
    ours: Outcome | None
    rule: str = ""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The result of the comparison. `compared` has by module the number of cases that both sides have. `here` are the
    modules of the harness, `there` those of regrtest.
    """

    here: frozenset[str] = frozenset()
    there: frozenset[str] = frozenset()
    compared: Mapping[str, int] = field(default_factory=dict)
    differences: tuple[OutcomeDifference, ...] = ()

    @property
    def total(self) -> int:
        """The number of cases that both sides have."""
        return sum(self.compared.values())

    @property
    def differing(self) -> tuple[OutcomeDifference, ...]:
        """The cases that both sides have, with different outcomes."""
        return tuple(found for found in self.differences if found.theirs is not None and found.ours is not None)

    @property
    def only_there(self) -> tuple[OutcomeDifference, ...]:
        return tuple(found for found in self.differences if found.ours is None)

    @property
    def only_here(self) -> tuple[OutcomeDifference, ...]:
        return tuple(found for found in self.differences if found.theirs is None)

    @property
    def lone_modules(self) -> Mapping[str, tuple[str, ...]]:
        """The modules that only one side has, by side. No rule explains these."""
        sides = {"only there": self.there - self.here, "only here": self.here - self.there}
        return {side: tuple(sorted(modules)) for side, modules in sides.items() if modules}

    @property
    def unexplained(self) -> tuple[OutcomeDifference, ...]:
        return tuple(found for found in self.differences if not found.rule)

    @property
    def is_agreement(self) -> bool:
        """Whether something was compared, both sides have the same modules, and every difference is explained."""
        return self.total > 0 and not self.unexplained and not self.lone_modules

    def by_rule(self) -> Counter[str]:
        """The number of differences that each rule explains; the empty name has those without a rule."""
        return Counter(found.rule for found in self.differences)


def agree(
    outcomes: Mapping[Key, Outcome],
    words: Mapping[str, Word],
    ours: Iterable[ModuleResult],
    expected: CellExpectations | None = None,
) -> Agreement:
    """Compares regrtest's outcomes by case and its words by module with the harness's results, case by case."""
    here = {module.module: {case.case: case for case in module.cases} for module in ours}
    there: dict[str, dict[str, Outcome]] = {module: {} for module in words}
    for key, outcome in outcomes.items():
        there.setdefault(key.module, {})[key.case] = outcome
    compared = {module: len(here[module].keys() & there[module].keys()) for module in here.keys() & there.keys()}
    found = [
        OutcomeDifference(
            case=situation.case,
            module=situation.module,
            theirs=situation.theirs,
            ours=situation.ours.outcome if situation.ours else None,
            rule=next((rule.name for rule in RULES if rule.explains(situation)), ""),
        )
        for module in sorted(here.keys() | there.keys())
        for situation in _situations(module, here.get(module, {}), there.get(module, {}), words.get(module), expected)
    ]
    return Agreement(here=frozenset(here), there=frozenset(words), compared=compared, differences=tuple(found))


def _situations(
    module: str,
    cases: Mapping[str, CaseResult],
    outcomes: Mapping[str, Outcome],
    word: Word | None,
    expected: CellExpectations | None,
) -> Iterator[Situation]:
    """The cases of a module on which the two sides differ, sorted."""
    for name in sorted(cases.keys() | outcomes.keys()):
        theirs, case = outcomes.get(name), cases.get(name)
        if case is None or case.outcome is not theirs:
            yield Situation(
                case=name,
                module=module,
                theirs=theirs,
                ours=case,
                entry=expected.lookup(name) if expected else None,
                word=word,
                cases=cases,
                outcomes=outcomes,
            )


def _varies(found: Situation) -> bool:
    both = found.ours is not None and found.theirs is not None
    return both and found.entry is not None and {found.theirs, found.ours.outcome} <= set(found.entry.outcome)  # type: ignore[union-attr]


def _skips_here(scope: str, reason: str, theirs: Outcome) -> Callable[[Situation], bool]:
    """The function that says whether the harness skips a case below `scope` with a reason that fully matches the
    pattern, while regrtest has the outcome `theirs`. A file that skips itself at import represents all its cases.
    """
    pattern = re.compile(reason)

    def explains(found: Situation) -> bool:
        file = found.case.removeprefix(MODULE_SKIPPED)
        is_file = file != found.case
        # The possible ids of the case's file, if that was skipped at its import.
        parts = found.case.split(".")
        files = (MODULE_SKIPPED + ".".join(parts[:length]) for length in range(len(parts), 0, -1))
        ours = found.ours or next((found.cases[name] for name in files if name in found.cases), None)
        if ours is None or ours.outcome is not Outcome.SKIP or not pattern.fullmatch(ours.detail.reason):
            return False
        if is_file:
            ran = any(name.startswith(f"{file}.") for name in found.outcomes)
            return found.theirs is None and f"{file}.".startswith(f"{scope}.") and ran
        return found.theirs is theirs and found.case.startswith(f"{scope}.")

    return explains


def _either(*rules: Callable[[Situation], bool]) -> Callable[[Situation], bool]:
    """The function that says whether one of the rules applies."""
    return lambda found: any(rule(found) for rule in rules)


def _skipped_subtest(found: Situation) -> bool:
    """Whether the difference is that regrtest reports a skipped subtest, `CASE PARAMS`, instead of its case, and the
    case has the same skipped subtest in the harness. That is so for the id of the subtest, which the harness does not
    have, and for the id of the case, which regrtest does not have.
    """
    if found.ours is None:
        owner = found.cases.get(found.case.partition(" ")[0]) if found.theirs is Outcome.SKIP else None
        return owner is not None and unaddressed(found.case) in set(_skipped_subtests(owner))
    there = {unaddressed(name) for name, outcome in found.outcomes.items() if outcome is Outcome.SKIP}
    return found.theirs is None and not there.isdisjoint(_skipped_subtests(found.ours))


def _skipped_subtests(case: CaseResult) -> Iterator[str]:
    """The names that JUnit has for the skipped subtests of a case, without the addresses of objects."""
    return (unaddressed(f"{case.case} {sub.params}") for sub in case.subtests if sub.outcome is Outcome.SKIP)


def unaddressed(text: str) -> str:
    """The text without the addresses of objects, which differ in each run."""
    return re.sub(r"\bat 0x[0-9a-f]+", "at 0x", text)


def _climbs_out_of_scratch(found: Situation) -> bool:
    """Whether the case is the one test that leaves its temporary folder by `..`, which the harness does not permit."""
    if found.case != "test.test_importlib.metadata.test_api.APITests.test_files_egg_info" or found.ours is None:
        return False
    failed = found.theirs is Outcome.PASS and found.ours.outcome is Outcome.ERROR
    message = r"\[Errno \d+\] Operation not permitted: '/tmp/\w+/\.\./\.\./.*"
    return failed and bool(re.fullmatch(message, found.ours.detail.message, re.DOTALL))


def _module_as_a_whole(found: Situation) -> bool:
    """Whether the harness has a result for the module as a whole, and regrtest's word on it means the same."""
    own = found.theirs is None and found.ours is not None and found.case == dotted(found.module)
    return own and found.word in _SAME_WORD.get(found.ours.outcome, set())  # type: ignore[union-attr]


def _fixture(found: Situation) -> bool:
    """Whether the id is that of a fixture that skips or fails in the harness, which JUnit cannot name. If it fails,
    regrtest must report that the module failed.
    """
    is_fixture = FIXTURE.fullmatch(found.case) and not found.case.startswith("after ")
    if found.theirs is not None or found.ours is None or not is_fixture:
        return False
    skips = found.ours.outcome is Outcome.SKIP and found.word in _RAN and not _has_victims(found, found.case)
    return skips or (found.ours.outcome in _FAILED and found.word is Word.FAILED)


def _has_victims(found: Situation, fixture: str) -> bool:
    """Whether regrtest ran a case that the fixture prevents from running."""
    return bool(victims_of(fixture, tuple(found.outcomes)))


def _kept_by_fixture(found: Situation) -> bool:
    """Whether a fixture prevents the case from running in the harness, and is also why JUnit does not have the case."""
    if found.theirs is not None or found.ours is None:
        return False
    for name, fixture in found.cases.items():
        if victims_of(name, (found.case,)) and not _has_victims(found, name):
            if fixture.outcome is Outcome.SKIP:
                return found.ours.outcome is Outcome.SKIP and found.word in _RAN
            return found.ours.detail.reason == name and fixture.outcome in _FAILED and found.word is Word.FAILED
    return False


RULES = (
    Rule(
        name="varies",
        why="it has now the one outcome, now the other: its entry in the lists names both",
        explains=_varies,
    ),
    Rule(
        name="skipped-subtest",
        why="a skipped subtest takes the place of its case in regrtest's JUnit; here it stands within the case",
        explains=_skipped_subtest,
    ),
    Rule(
        name="module-as-a-whole",
        why="the module has no case of its own, and the two say the same of it: JUnit has no place for that",
        explains=_module_as_a_whole,
    ),
    Rule(
        name="fixture",
        why="a fixture skips or fails: JUnit has a place for cases alone",
        explains=_fixture,
    ),
    Rule(
        name="kept-by-fixture",
        why="a fixture keeps the case from running on both sides: JUnit has only what ran",
        explains=_kept_by_fixture,
    ),
    Rule(
        name="library-read-only",
        why="the test writes into the library's folder, which regrtest's run may and a guest of the harness may not",
        explains=_skips_here(
            "test.test_zipfile.test_core", "requires write access to the installed location", Outcome.PASS
        ),
    ),
    Rule(
        name="scratch-mount",
        why="the test leaves its temporary folder by `..`, and the scratch folder is all that a WASI guest has there",
        explains=_climbs_out_of_scratch,
    ),
    Rule(
        name="no-zone-files",
        why="the test wants the host's time zones, which regrtest's run may see and a guest of the harness may not",
        explains=_either(
            _skips_here("test.test_zoneinfo", "No time zone data available", Outcome.PASS),
            _skips_here("test.test_plistlib", "Can't find timezone datebase", Outcome.PASS),
            _skips_here(
                "test.datetimetester",
                r"Skipping [\w/]+: \[Errno \d+\] No such file or directory: '/usr/share/zoneinfo/[\w/]+'",
                Outcome.PASS,
            ),
        ),
    ),
    Rule(
        name="no-source-folder",
        why="the test wants the source where it was built, which is not there for a guest of the harness",
        explains=_skips_here("test.test_support", "cannot access Python source code directory: .+", Outcome.PASS),
    ),
    Rule(
        name="stdin-is-no-terminal",
        why="Emscripten's own standard input calls itself a terminal, whatever it is; that of a guest here is none",
        explains=_skips_here("test.test_file", "stdin must be a TTY in this test", Outcome.PASS),
    ),
)
