"""`python -m harness stale-skips RUN...`: shows the audits of several builds in one table, and makes a patch of CPython
without the skips of cases that pass.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from harness.curation.export.unskip import Tried, UnskipPatch, unskip_patch
from harness.diagnostics.skip_audit import AUDIT_FILE, Forced, read_audit
from harness.errors import ConfigError
from harness.limitations.skips import MODULE_SKIPPED
from harness.results.cell_results import CellResults, load_verdicts
from harness.results.outcomes import Outcome
from harness.results.run_folder import results_in
from harness.targets import Target
from harness.util.files import text_or_none
from harness.util.text import counted, plain
from harness.util.versions import number


@dataclass(frozen=True, kw_only=True, eq=False)
class Audit:
    """The audit of one build: its cell with the flags, its versions, and the outcomes of the cases."""

    cell: str
    target: Target
    toolchain: str
    python: str
    runtime: str
    found: tuple[Forced, ...]

    @property
    def version(self) -> str:
        return f"{self.target.traits.toolchain_name} {self.toolchain}"

    @property
    def title(self) -> str:
        return f"{self.cell}: {self.version}, CPython {self.python}, {self.runtime}"

    @property
    def order(self) -> tuple[str, Version, Version, str]:
        """The sort key of builds: target, toolchain and CPython, the oldest first, and then the cell."""
        return self.target.value, _version(self.toolchain), _version(self.python), self.cell


def _version(text: str) -> Version:
    return Version(number(text) or "0")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One reason for a skip on a target, with the number of its cases and of those that pass, by build. `since` is the
    first build from which on all of them pass, None if not all of them pass on the newest build.
    """

    target: Target
    reason: str
    limitation: str
    counts: Mapping[Audit, tuple[int, int]]
    since: Audit | None


def table_of(runs: Sequence[str], *, every: bool = False) -> str:
    """The table of the audits in these runs. With `every` it has also the reasons for which no case passes anywhere."""
    audits = read_audits(runs)
    return render_table(rows_of(audits), audits, every=every)


def unskipped(runs: Sequence[str], source: Path) -> UnskipPatch:
    """The patch for the source tree. ConfigError when that is not CPython's source."""
    if not (source / "Lib" / "test").is_dir():
        raise ConfigError(f"--patch {source}: there is no Lib/test", hint="name a source tree of CPython")
    return unskip_patch(tried_in(read_audits(runs)), lambda file: text_or_none(source / file))


def remarks_on(patch: UnskipPatch) -> str:
    """The text about what the patch changes, and about the cases that it does not cover."""
    lines = [f"{counted(patch.removed, 'decorator')} removed or made narrower; run the tests of the patched tree"]
    if patch.homeless:
        lines.append(f"{counted(patch.homeless, 'case')} of classes that have no file of their own there")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    lines += [f"{file}: not read, its syntax is newer than Python {python}'s" for file in patch.unread]
    return "\n".join(lines)


def read_audits(runs: Sequence[str]) -> list[Audit]:
    """The audits in these runs, the oldest build first. ConfigError when the runs have no audit."""
    paths = [path for run in runs for path in results_in(Path(run)) if path.with_name(AUDIT_FILE).is_file()]
    found = [audit_of(load_verdicts(path).results, read_audit(path.with_name(AUDIT_FILE))) for path in paths]
    if not found:
        raise ConfigError(
            f"{', '.join(runs)}: no cell there has been audited",
            hint="python -m harness audit-skips CELL --results RUN does it, and leaves audit.json next to the results",
        )
    return sorted(found, key=lambda audit: audit.order)


def audit_of(results: CellResults, found: tuple[Forced, ...]) -> Audit:
    """The audit of a cell's results, with the versions of its build."""
    cell, build = results.cell, results.build
    return Audit(
        cell=cell.id,
        target=cell.target,
        toolchain=build.toolchain.version or cell.toolchain,
        python=build.python or str(cell.python),
        runtime=f"{cell.engine.label} {results.engine.get('version') or cell.runtime}",
        found=found,
    )


def rows_of(audits: Sequence[Audit]) -> list[Row]:
    """A row for each target and reason, those that pass since the earliest build first. `audits` must be sorted."""
    cases: dict[tuple[Target, str, str], dict[Audit, list[Forced]]] = defaultdict(lambda: defaultdict(list))
    for audit in audits:
        for case in audit.found:
            cases[audit.target, case.reason, case.limitation][audit].append(case)
    rows = []
    for (target, reason, limitation), by_audit in cases.items():
        counts = {
            audit: (sum(case.outcome is Outcome.PASS for case in found), len(found))
            for audit, found in by_audit.items()
        }
        asked = [audit for audit in audits if audit in counts]
        since = None
        for audit in reversed(asked):
            if counts[audit][0] < counts[audit][1]:
                break
            since = audit
        rows.append(Row(target=target, reason=reason, limitation=limitation, counts=counts, since=since))
    places = {audit: place for place, audit in enumerate(audits)}
    return sorted(
        rows,
        key=lambda row: (places[row.since] if row.since else len(audits), row.target.value, -_total(row), row.reason),
    )


def _total(row: Row) -> int:
    return max(total for _, total in row.counts.values())


def render_table(rows: Sequence[Row], audits: Sequence[Audit], *, every: bool = False) -> str:
    """The Markdown table: the numbered builds, and a line for each reason for which a case passes."""
    numbers = {audit: place for place, audit in enumerate(audits, 1)}
    head = ["passes from", *map(str, numbers.values()), "reason", "limitation"]
    lines = [f"{place}. {audit.title}: {counted(len(audit.found), 'case')}" for audit, place in numbers.items()]
    shown_rows = [row for row in rows if every or any(passed for passed, _ in row.counts.values())]
    lines += ["", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"] if shown_rows else []
    for row in shown_rows:
        cells = [_cell(row, audit) for audit in audits]
        since = f"{numbers[row.since]}: {row.since.version}" if row.since else ""
        reason = plain(row.reason).replace("|", "\\|")
        lines.append(f"| {' | '.join([since, *cells, reason, row.limitation])} |")
    stale = sum(row.since is not None for row in rows)
    lines += ["", f"{counted(len(rows), 'reason')}; of {stale} all cases pass on the newest build that has them"]
    if hidden := len(rows) - len(shown_rows):
        lines.append(f"not shown: {counted(hidden, 'reason')} without a case that passes on any build (--all)")
    return "\n".join(lines)


def _cell(row: Row, audit: Audit) -> str:
    """The text of a cell of the table, such as `3/5` if three of five cases pass. It is empty for a build of another
    target, and for one whose suite has no skip with that reason.
    """
    return "/".join(map(str, row.counts[audit])) if audit in row.counts else ""


def tried_in(audits: Sequence[Audit]) -> list[Tried]:
    """Each case of each audit, for the patch. Ids of a whole file or of a fixture are left out, since these have no
    decorator.
    """
    return [
        Tried(case=case.case, target=audit.target, reason=case.reason, passed=case.outcome is Outcome.PASS)
        for audit in audits
        for case in audit.found
        if not case.case.startswith(MODULE_SKIPPED) and " " not in case.case
    ]
