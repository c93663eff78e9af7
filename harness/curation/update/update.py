"""The updater: results in, changed lists out. It shows what it would write, and writes only when asked to."""

from __future__ import annotations

import difflib
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.curation.suite_index import newest_runs
from harness.curation.update.causes import Causes, LimitationGuess, Scene
from harness.curation.update.decide import Rules
from harness.curation.update.evidence import TODO, Evidence, Run, Setting, read_run, setting_of
from harness.curation.update.history_evidence import past_runs
from harness.curation.update.plan import ListsPlan, Piece, make_plan
from harness.curation.update.requirements import Skipped, signatures_seen
from harness.curation.update.rewrite import additions, assemble
from harness.curation.update.toml_text import lines_of
from harness.curation.workspace import Workspace
from harness.errors import ConfigError, HarnessError
from harness.expectations.entries import Expectation, Expectations
from harness.expectations.files import read_lists
from harness.matrix.cells import Cell
from harness.results.case_ids import wildcard_of
from harness.results.cell_results import load_results
from harness.results.outcomes import DEATHS, Outcome
from harness.results.run_folder import RESULTS_FILE
from harness.results.signatures import joined
from harness.util.files import disk_errors_as_unavailable, write_atomically
from harness.util.text import counted

logger = logging.getLogger(__name__)

HISTORY = 10
ROUNDS = 5
CELLS_NAMED = 5
UNFINISHED_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Update:
    """The result of the updater. `before` and `after` are the texts of the lists by name. `held` are the tests for
    which nothing changes in spite of what runs saw. `assumed` has, by cells without a run, the tests whose entry is
    removed there too.

    `seen_once` is the number of newly listed cases that a single run saw fail. `probing` are shell commands that probe
    the cells of new entries without a known cause, for runs that were not probed yet.
    """

    before: Mapping[str, str]
    after: Mapping[str, str]
    held: tuple[Skipped, ...]
    entries: tuple[Expectation, ...]
    seen_once: int = 0
    assumed: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    probing: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[str, ...]:
        return tuple(name for name in sorted(self.after) if self.after[name] != self.before.get(name, ""))

    @property
    def waiting(self) -> tuple[Expectation, ...]:
        """The entries that still need a reason from a person."""
        return tuple(entry for entry in self.entries if entry.reason.startswith(TODO))

    @property
    def unfinished(self) -> int:
        """The number of entries that still need a reason."""
        return len(self.waiting)

    def diff(self) -> str:
        """All changes as one patch."""
        return "".join(_diff(name, self.before.get(name, ""), self.after[name]) for name in self.changed)


def update(workspace: Workspace, runs: Sequence[Run], rules: Rules, *, learn_signatures: bool) -> Update:
    """The lists after those runs. The plan is made again until it changes nothing, since a changed entry can change
    what the runs prove about other cases.
    """
    texts: Mapping[str, str] = workspace.texts
    lists = workspace.lists
    held: tuple[Skipped, ...] = ()
    assumed: dict[str, tuple[Setting, ...]] = {}
    for _ in range(ROUNDS):
        after, plan = _round(workspace, texts, lists.entries, runs, rules, learn_signatures=learn_signatures)
        held, assumed = plan.held, {**plan.assumed, **assumed}
        if after == texts:
            break
        texts, lists = after, read_lists(after, workspace.registry)
        if lists.problems:
            raise HarnessError(f"the updater would write a list with a mistake: {lists.problems[0]}")
    return Update(
        before=workspace.texts,
        after=texts,
        held=held,
        entries=lists.entries,
        seen_once=_seen_once(workspace.lists.entries, lists.entries, runs),
        assumed=_by_cells(assumed, workspace.cells),
        probing=_probing(workspace.lists.entries, lists.entries, runs),
    )


def _by_cells(
    assumed: Mapping[str, Sequence[Setting]], cells: Iterable[Cell]
) -> dict[tuple[str, ...], tuple[str, ...]]:
    """The tests, by the ids of the cells that have their assumed settings."""
    names: dict[Setting, list[str]] = {}
    for cell in cells:
        names.setdefault(setting_of(cell), []).append(cell.id)
    found: dict[tuple[str, ...], list[str]] = {}
    for test, settings in sorted(assumed.items()):
        named = tuple(name for setting in settings for name in names.get(setting, ()))
        found.setdefault(named, []).append(test)
    return {named: tuple(tests) for named, tests in found.items() if named}


def _seen_once(before: Iterable[Expectation], after: Iterable[Expectation], runs: Iterable[Run]) -> int:
    listed = {test for entry in before for test in entry.tests}
    new = {test for entry in after for test in entry.tests} - listed
    failures = Counter(case for run in runs for case in run.failures if case in new)
    return sum(count == 1 for count in failures.values())


def _probing(before: Iterable[Expectation], after: Sequence[Expectation], runs: Iterable[Run]) -> tuple[str, ...]:
    """The commands that probe the newest run of each setting in which tests of new entries without a known cause fail.
    Entries for a crash or a hang do not count, since no probe shows the cause of these.
    """
    waited = {test for entry in before if entry.reason.startswith(TODO) for test in entry.tests}
    waiting = [
        entry
        for entry in after
        if entry.reason.startswith(TODO) and not DEATHS & set(entry.outcome) and not waited.issuperset(entry.tests)
    ]
    evidence = Evidence.of(runs, Expectations(tuple(after)))
    lines = []
    for setting, judged in evidence.runs.items():
        tests = {test for entry in waiting if entry.when.holds(dict(setting)) for test in entry.tests}
        failing = [one.run for one in judged if tests & one.run.failures.keys()]
        if failing and not evidence.probes(setting):
            run, path = failing[-1], Path(failing[-1].source)
            # A probe finds the results only in the folder of a run of the harness.
            if path.name == RESULTS_FILE and path.parent.name == run.cell:
                lines.append(run.options.probe(run.cell, path.parents[1]))
    return tuple(lines)


def _round(
    workspace: Workspace,
    texts: Mapping[str, str],
    entries: Sequence[Expectation],
    runs: Sequence[Run],
    rules: Rules,
    *,
    learn_signatures: bool,
) -> tuple[dict[str, str], ListsPlan]:
    declared: list[Setting] = [setting_of(cell) for cell in workspace.cells if not cell.broken]
    evidence = Evidence.of(runs, Expectations(tuple(entries)))
    plan = make_plan(entries, evidence, declared, rules)
    if learn_signatures:
        plan = _with_signatures(plan, evidence, rules, {test for entry in entries for test in entry.tests})
    causes = Causes.of(workspace.registry, entries)
    modules = {name for run in runs for name in run.all_modules}
    new = additions(plan, workspace.folder.name, modules, lambda test, piece: _cause(causes, evidence, test, piece))
    return assemble(texts, entries, plan, new), plan


def _cause(causes: Causes, evidence: Evidence, test: str, piece: Piece) -> LimitationGuess:
    """The likely cause of the failures of a piece; none for a crash or a hang, whose cause a person has to find."""
    if DEATHS & set(piece.outcome):
        return LimitationGuess()
    settings = [setting for setting in evidence.runs if piece.when.holds(dict(setting))]
    failures = [failure for setting in settings if (failure := evidence.failure(test, setting)).exception]
    if not failures:
        return LimitationGuess()
    scene = Scene(settings=settings, probed=[found for setting in settings if (found := evidence.probes(setting))])
    return causes.propose(test, failures[0], piece.signature, scene)


def _with_signatures(plan: ListsPlan, evidence: Evidence, rules: Rules, listed: Collection[str]) -> ListsPlan:
    """The plan with signatures added to entries that have none. `listed` are the tests that the lists name."""
    kept = {
        place: tuple((_learnt(piece, tests, evidence, rules, listed), tests) for piece, tests in pieces)
        for place, pieces in plan.kept.items()
    }
    return replace(plan, kept=kept)


def _learnt(piece: Piece, tests: Sequence[str], evidence: Evidence, rules: Rules, listed: Collection[str]) -> Piece:
    if piece.signature:
        return piece
    cases = [_cases(test, evidence, listed) for test in tests]
    seen = [
        {name for case in group for name in signatures_seen(evidence, case, piece.when, rules.runs)} for group in cases
    ]
    # If the entry also expects a pass, some of its tests may not have failed in these runs.
    enough = any if Outcome.PASS in piece.outcome else all
    return piece._replace(signature=tuple(sorted(joined((), sorted(set().union(*seen)))))) if enough(seen) else piece


def _cases(test: str, evidence: Evidence, listed: Collection[str]) -> Sequence[str]:
    """The cases that a test of an entry covers. For a class these are its cases that failed and that no entry names."""
    if not test.endswith(".*"):
        return [test]
    return [case for case in evidence.failing() if wildcard_of(case) == test and case not in listed]


def gather(paths: Sequence[Path], reports: Path, *, history: Path | None = None) -> list[Run]:
    """The runs in `paths`, and the runs of the same cells under `reports` and in the history that are older than the
    newest of them.

    ConfigError for a file without results, or a history that is none.
    """
    runs: list[Run] = []
    for index, path in enumerate(paths):
        results = load_results(path)
        if why := results.run.options.why_no_evidence:
            raise ConfigError(f"{path} is {why}", hint="lists learn from usual runs of the suite alone")
        runs.append(read_run(results, source=str(path), index=index))
    newest: dict[str, tuple[str, int]] = {}
    for run in runs:
        newest[run.cell] = max(run.order, newest.get(run.cell, run.order))
    given = {path.resolve() for path in paths}
    for cell, order in sorted(newest.items()):
        for path in newest_runs(cell, reports)[:HISTORY]:
            if path.resolve() in given:
                continue
            try:
                results = load_results(path)
                if results.run.options.why_no_evidence:
                    continue
                older = read_run(results, source=str(path), index=-1)
            except ConfigError as error:
                logger.info("passed over: %s", error.message)
                continue
            if older.order < order:
                runs.append(older)
    if history:
        known = {(run.cell, run.order[0]) for run in runs}
        runs += past_runs(history, {cell: order[0] for cell, order in newest.items()}, known, limit=HISTORY)
    return runs


def write(update: Update, folder: Path) -> None:
    """Writes every changed list atomically, and removes a list that has no entry any more."""
    for name in update.changed:
        path = folder.parent / name
        if not update.after[name]:
            path.unlink(missing_ok=True)
            continue
        with disk_errors_as_unavailable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, update.after[name])


def summary_lines(update: Update, *, rows: int, written: bool = False) -> Iterable[str]:
    """The lines about tests that were held back, and about what is left to do. `written` says that the lists were
    written.
    """
    for held in update.held[:rows]:
        yield f"held  {held.test}{f' ({held.cell})' if held.cell else ''} {held.why}"
    if len(update.held) > rows:
        yield f"held  ... and {len(update.held) - rows:,} more"
    for cells, tests in update.assumed.items():
        named = tests[0] + (f" and {counted(len(tests) - 1, 'more test')}" if len(tests) > 1 else "")
        more = f" and {len(cells) - CELLS_NAMED} more" if len(cells) > CELLS_NAMED else ""
        where = f"no entry is left where no run was seen: {', '.join(cells[:CELLS_NAMED])}{more}"
        yield f"note  {named}: {where} (--cautious keeps it there)"
    if update.seen_once:
        yield f"{update.seen_once:,} of the new cases failed in one run only: a second one tells what is flaky"
    if waiting := update.waiting:
        wait = "waits for its" if len(waiting) == 1 else "wait for their"
        until = "until then no cell can be tested" if written else "once written, no cell can be tested until then"
        more = f" and {len(waiting) - UNFINISHED_NAMED:,} more" if len(waiting) > UNFINISHED_NAMED else ""
        places = f"{', '.join(entry.place for entry in waiting[:UNFINISHED_NAMED])}{more}"
        yield f"{counted(len(waiting), 'entry')} {wait} cause and reason; {until}: {places}"
    again = "update again without the entry" if written else "update again"
    for line in update.probing[:UNFINISHED_NAMED]:
        yield f"`{line}`, then {again}, may find the cause"
    if len(update.probing) > UNFINISHED_NAMED:
        yield f"and so with {counted(len(update.probing) - UNFINISHED_NAMED, 'more run')}"


def _diff(name: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        lines_of(before),
        lines_of(after),
        f"a/{name}" if before else "/dev/null",
        f"b/{name}" if after else "/dev/null",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
