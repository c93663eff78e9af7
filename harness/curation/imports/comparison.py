"""Somebody else's list against a run, in which every case ran: what it leaves out without need, and what it does not
know. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from harness.curation.imports.formats import ForeignEntry, ForeignList
from harness.results.case_ids import dotted, subject_of
from harness.results.cell_results import CellResults
from harness.results.outcomes import CaseResult, ModuleResult, Outcome
from harness.results.verdicts import Verdict
from harness.util.text import counted

# Of a module that is left out as a whole, so few failing cases are named one by one.
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class EntryFinding:
    """What a run did with the cases that an entry leaves out: the ids of those that were good, of the others, and of
    those that it says nothing about. `ran` is False where no case of its module ran.
    """

    entry: ForeignEntry
    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    ran: bool = True

    @property
    def is_unknown(self) -> bool:
        """Whether the run says nothing of it."""
        return not self.bad and (not self.ran or (not self.good and bool(self.silent)))

    @property
    def is_stale(self) -> bool:
        """Whether everything that it leaves out is good."""
        return self.ran and bool(self.good) and not self.bad

    @property
    def is_gone(self) -> bool:
        """Whether there is nothing that it leaves out."""
        return self.ran and not self.good and not self.bad and not self.silent

    @property
    def is_broad(self) -> bool:
        """Whether it leaves out a whole module though a part of it is good."""
        is_whole = not self.entry.pattern and not self.entry.names
        return self.ran and is_whole and bool(self.good) and bool(self.bad)


@dataclass(frozen=True, kw_only=True)
class ListComparison:
    """A list against the run of a cell. `missing` are the cases that fail and that the list does not leave out, by
    module; `apart` counts those whose tests are of another version than the interpreter, which say nothing;
    `unknown` are modules of the run that the list does not name at all, `absent` those that only the list has.
    """

    name: str
    cell: str
    findings: tuple[EntryFinding, ...]
    missing: Mapping[str, tuple[str, ...]]
    apart: int = 0
    unknown: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def compare_run(foreign: ForeignList, results: CellResults) -> ListComparison:
    """The list against what the results of a cell say."""
    rows = results.comparison.rows
    return compare_list(
        foreign,
        results.cell.id,
        results.modules,
        apart={row.case for row in results.comparison.of_other_version},
        sometimes={row.case for row in rows if row.verdict is Verdict.KNOWN and row.outcome and row.outcome.is_good},
    )


def compare_list(
    foreign: ForeignList,
    cell: str,
    modules: Sequence[ModuleResult],
    *,
    skips_are_good: bool = True,
    apart: Collection[str] = (),
    sometimes: Collection[str] = (),
) -> ListComparison:
    """The list against what the modules of the cell's run did. Where it is the list that made the run skip, a skip says
    nothing: `skips_are_good` is False. The cases `apart`, of another version than the interpreter, say nothing either;
    those that are known to fail `sometimes` are not good because they have passed.
    """
    by_name = {dotted(module.module, own=module.own): module for module in modules}

    def is_silent(case: CaseResult) -> bool:
        return case.case in apart or (case.outcome is Outcome.SKIP and not skips_are_good)

    def is_good(case: CaseResult) -> bool:
        return case.outcome.is_good and case.case not in sometimes

    findings = tuple(_finding(entry, by_name, is_silent, is_good) for entry in foreign.entries)
    covered = {*apart, *(case for finding in findings for case in finding.bad)}
    missing = {
        name: tuple(case.case for case in module.cases if not case.outcome.is_good and case.case not in covered)
        for name, module in sorted(by_name.items())
    }
    return ListComparison(
        name=foreign.name,
        cell=cell,
        findings=findings,
        missing={name: cases for name, cases in missing.items() if cases},
        apart=len(apart),
        unknown=_lacking(by_name, foreign.modules) if foreign.modules else (),
        absent=_lacking(foreign.modules, by_name),
    )


def _lacking(names: Collection[str], others: Collection[str]) -> tuple[str, ...]:
    """The modules that are not among the others, neither as such nor as a package or a part of it."""
    packages = {each[:end] for each in others for end in range(len(each)) if each[end] == "."}
    return tuple(
        sorted(
            name
            for name in names
            if name not in others and name not in packages and not any(name.startswith(f"{each}.") for each in others)
        )
    )


def _finding(
    entry: ForeignEntry,
    modules: Mapping[str, ModuleResult],
    is_silent: Callable[[CaseResult], bool],
    is_good: Callable[[CaseResult], bool],
) -> EntryFinding:
    found = {name: module for name, module in modules.items() if entry.module in {"", name}}
    cases = [case for module in found.values() for case in module.cases if entry.matches(case.case)]
    # A module that was skipped as a whole, or could not be imported, has no case but itself.
    ran = any(case.case != name for name, module in found.items() for case in module.cases)
    # regrtest takes some packages for one module, and others list each file.
    if package := next((name for name in modules if entry.module.startswith(f"{name}.")), ""):
        inner = [case for case in modules[package].cases if subject_of(case.case).startswith(f"{entry.module}.")]
        cases, ran = [case for case in inner if entry.matches(case.case)], bool(inner)
    telling = [case for case in cases if not is_silent(case)]
    return EntryFinding(
        entry=entry,
        good=tuple(case.case for case in telling if is_good(case)),
        bad=tuple(case.case for case in telling if not is_good(case)),
        silent=tuple(case.case for case in cases if is_silent(case)),
        ran=ran,
    )


def behind_gates(modules: Sequence[ModuleResult], forced: Mapping[str, Outcome]) -> tuple[ModuleResult, ...]:
    """The modules with what an audit of the skips saw: a case that was skipped has the outcome that it had behind open
    gates, also where its class or its module was skipped in its place.
    """
    found = []
    for module in modules:
        prefix = f"{dotted(module.module, own=module.own)}."
        kept = tuple(case for case in module.cases if case.outcome is not Outcome.SKIP or case.case not in forced)
        names = {case.case for case in kept}
        ran = [name for name in forced if name.startswith(prefix) and name not in names]
        cases = (*kept, *(CaseResult(case=name, outcome=forced[name]) for name in ran))
        found.append(msgspec.structs.replace(module, cases=cases))
    return tuple(found)


def render_comparison(found: ListComparison) -> str:
    """The page for people: what can go from the list, what can be narrower, what is missing."""
    known = [finding for finding in found.findings if finding.entry.module not in found.absent]
    stale = [finding for finding in known if finding.is_stale]
    broad = [finding for finding in known if finding.is_broad]
    gone = [finding for finding in known if finding.is_gone]
    unknown = [finding for finding in known if finding.is_unknown]
    agreed = len(known) - len(stale) - len(broad) - len(gone) - len(unknown)
    missing = sum(map(len, found.missing.values()))
    judged = f"{len(stale)} stale, {len(broad)} broader than needed, {len(gone)} gone, {agreed} agreed"
    entries = f"{counted(len(known), 'entry')}, {judged}, {len(unknown)} not known"
    head = f"{found.name} against {found.cell}: {entries}; {counted(missing, 'failing case')} missing"
    head += f"; {counted(found.apart, 'case')} of another version" if found.apart else ""
    lines = [
        head,
        *_section("stale: what they leave out is good here", map(_stale_line, stale)),
        *_section("broader than needed: a whole module is left out for some of its cases", map(_broad_line, broad)),
        *_section("gone: no case is called so", (_name_of(finding.entry) for finding in gone)),
        *_section("not known: no case of theirs ran here", (_name_of(finding.entry) for finding in unknown)),
        *_section("missing: cases that fail here", _missing_lines(found.missing)),
        *_section("modules that only the list has", found.absent),
        *_section("modules that the list does not name", found.unknown),
    ]
    return "\n".join(lines) + "\n"


def _section(title: str, lines: Iterator[str] | Sequence[str]) -> list[str]:
    listed = [f"  {line}" for line in lines]
    return ["", title, *listed] if listed else []


def _name_of(entry: ForeignEntry) -> str:
    why = f" ({entry.why})" if entry.why else ""
    if entry.names:
        return f"{', '.join(entry.names)}{why}"
    if not entry.pattern:
        return f"{entry.module}{why}"
    return f"{entry.module}: {entry.pattern}{why}" if entry.module else f"{entry.pattern}{why}"


def _stale_line(finding: EntryFinding) -> str:
    return f"{_name_of(finding.entry)}: {counted(len(finding.good), 'case')}"


def _broad_line(finding: EntryFinding) -> str:
    named = ", ".join(case.removeprefix(f"{finding.entry.module}.") for case in finding.bad[:_NAMED])
    more = f" and {len(finding.bad) - _NAMED} more" if len(finding.bad) > _NAMED else ""
    of = f"{len(finding.bad)} of {counted(len(finding.good) + len(finding.bad), 'case')}"
    return f"{_name_of(finding.entry)}: {of}: {named}{more}"


def _missing_lines(missing: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for module, cases in missing.items():
        yield f"{module}: {counted(len(cases), 'case')}"
        yield from (f"  {case}" for case in cases)
