"""An answer of the history, for a terminal. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from harness.history.query import CaseAnswer, HistoryAnswer
from harness.history.record import State
from harness.history.summary import CaseSummary, Trend
from harness.results.stack_needs import mebibytes
from harness.util.text import counted, plain

HISTORY_CASES_SHOWN = 40


def render_history(answer: HistoryAnswer, *, everything: bool = False) -> str:
    """Each module's durations, then the cases: of several only those that changed or are not good, unless
    `everything` is wanted.
    """
    lines: list[str] = []
    for module, durations in groupby(answer.modules, key=lambda each: each.module):
        lines += [
            f"{plain(module)}: durations",
            *(f"  {each.cell}: {_seconds(each.seconds)}" for each in durations),
            "",
        ]
    groups = [(case, list(found)) for case, found in groupby(answer.cases, key=lambda each: each.case)]
    everything = everything or answer.is_one
    worth_showing = [(case, found) for case, found in groups if everything or not all(each.is_quiet for each in found)]
    worth_showing.sort(key=lambda group: -max(each.account.changes + each.account.mixed for each in group[1]))
    shown = worth_showing if everything else worth_showing[:HISTORY_CASES_SHOWN]
    for case, found in shown:
        lines += [plain(case.name), *(line for each in found for line in _case(each)), ""]
    if len(worth_showing) > len(shown):
        more = len(worth_showing) - len(shown)
        lines += [f"... and {more:,} more cases that changed or are not good; --all names them", ""]
    if quiet := [each for _, found in groups for each in found if each.is_quiet]:
        counts = Counter(str(each.account.usual.outcome) for each in quiet)
        listed = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.most_common())
        cells = len({each.cell for each in quiet})
        where = f", counted for each of {cells} cells" if cells > 1 else ""
        lines.append(f"the same in every run{where}: {listed}")
    return "\n".join(lines).rstrip("\n") + "\n"


def _case(answer: CaseAnswer) -> Iterator[str]:
    account = answer.account
    usual = _seen_by_all(account) if account.agreeing == account.runs else account.usual.outcome or "absent"
    text = f"  {answer.cell}: {plain(str(usual))} in {account.agreeing:,} of {counted(account.runs, 'run')}"
    if account.newest.state.outcome != account.usual.outcome:
        steady = f" {account.steady_for:,}" if account.steady_for > 1 else ""
        text += f", {plain(str(account.newest.state))} in the newest{steady}"
    parts = [f"{account.unexplained:,} changes with nothing else changed"] if account.unexplained > 1 else []
    parts += [f"changed its mind within {counted(account.mixed, 'run')}"] if account.mixed else []
    yield text + (f"; flaky: {', '.join(parts)}" if account.is_flaky else "")
    if change := account.last_change:
        yield f"    last change: {plain(str(change.before.state))} -> {plain(str(change.after.state))}"
        yield f"      between {plain(str(change.before.run))} and {plain(str(change.after.run))}"
        axes = "; ".join(plain(str(axis)) for axis in change.axes)
        yield f"      {axes or 'nothing that is recorded differs between the two'}"
    if answer.seconds:
        yield f"    {_seconds(answer.seconds)}"
    if answer.stack:
        yield f"    {_stack(answer)}"


def _seen_by_all(account: CaseSummary) -> State:
    """What of the usual state is true of each run: all had its outcome, but perhaps another signature."""
    is_mixed = account.mixed == account.runs
    return account.usual._replace(signature="" if account.changes else account.usual.signature, steady=not is_mixed)


def _stack(answer: CaseAnswer) -> str:
    needs = f"needs {mebibytes(answer.stack[-1])} of stack"
    if len(answer.stack) == 1:
        return needs
    word = "more" if answer.needs_more_stack else "steady"
    return f"{needs} in the newest of {len(answer.stack):,} measures, {mebibytes(answer.stack[-2])} before: {word}"


def _seconds(found: Trend) -> str:
    if found.before is None:
        return f"{found.newest:.1f} s in one run"
    runs = counted(found.runs, "run")
    return f"{found.newest:.1f} s in the newest of {runs}, {found.before:.1f} s before: {found.word}"
