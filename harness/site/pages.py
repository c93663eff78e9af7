"""The pages of the site, rendered. Pure."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jinja2

from harness.history.record import State
from harness.report.environment import page_environment, source_of
from harness.report.headline import when
from harness.results.diff import DiffAxis, differing_values
from harness.results.outcomes import NOTHING_RAN
from harness.results.verdicts import Verdict
from harness.site.charts import STRIP_BINS, run_charts, strip
from harness.site.closable import Cause, Closable
from harness.site.data import cell_data_path, module_data_path
from harness.site.index import Index, cause_path, cell_path, module_path
from harness.site.model import RANKS, TONES, CaseOnCell, SiteCell, axis_of, branch_of, judge_state, tone_of
from harness.util.text import counted

# So that no page is larger than 300 kB, however large a module or a night is.
ROWS, NAMES, QUIET, CHANGES, RUNS_IN_TABLE, SLOW = 150, 800, 1500, 100, 30, 20
_BRANCH_SUFFIX = re.compile(r"-py\d+\.\d+(?=-|$)")


class Pages:
    """Renders each page. `closed` is what can be closed."""

    def __init__(self, index: Index, closed: Sequence[Closable]) -> None:
        self.index, self.site, self.closed = index, index.site, closed
        self._environment = page_environment("harness.site", "harness.report")
        self._environment.globals |= {
            "made": when(self.site.made.isoformat()),
            "made_iso": self.site.made.isoformat(timespec="seconds"),
            "when": when,
            "tones": TONES,
            "cell_path": cell_path,
            "module_path": module_path,
            "cause_path": cause_path,
            "age_of": self._age,
        }
        self._tones = {cell.name: _tones(cell.states) for cell in self.site.cells}

    def assets(self) -> Iterator[tuple[str, str]]:
        """The style and the scripts, by path."""
        style = "\n".join(source_of(self._environment, name) for name in ("page.css", "site.css"))
        yield "site.css", f"{style}\n"
        for name in ("site.js", "search.js"):
            yield name, f"{source_of(self._environment, name)}\n"

    def all(self) -> Iterator[tuple[str, str]]:
        """The path and the text of each page."""
        yield "index.html", self._overview()
        yield "search.html", self._render("search", "")
        yield "closed.html", self._closed()
        yield "modules/index.html", self._modules()
        yield "limitations/index.html", self._causes()
        for cell in self.site.cells:
            yield cell_path(cell.name), self.cell(cell)
        for module in self.index.modules:
            yield module_path(module), self.module(module)
        for number in self.index.paged:
            yield self.index.paged[number], self.case(number)
        for cause in self.index.causes.values():
            yield cause_path(cause.name), self.cause(cause)

    def _render(self, name: str, root: str, **values: Any) -> str:
        template: jinja2.Template = self._environment.get_template(f"{name}.html.j2")
        return template.render(root=root, **values) + "\n"

    def _age(self, cell: SiteCell) -> str:
        days = cell.days_old(self.site.made)
        return f"{counted(days, 'day')} ago" if days else "today"

    # The overview.

    def _overview(self) -> str:
        cells = self.site.cells
        branches = sorted(
            {branch_of(each.python) for cell in cells for each in cell.numbers}
            | {branch_of(axis_of(cell.last, DiffAxis.CPYTHON)) for cell in cells},
            key=lambda branch: [int(part) if part.isdecimal() else 0 for part in branch.split(".")],
            reverse=True,
        )
        rows: dict[str, dict[str, Any]] = {}
        for cell in cells:
            row = rows.setdefault(_BRANCH_SUFFIX.sub("", cell.name), {})
            # The newest run of each branch comes last. Two cells may share a row, and not a branch.
            for branch, tile in self._tiles(cell):
                if branch not in row or row[branch]["started"] <= tile["started"]:
                    row[branch] = tile
        grid = [(name, [row.get(branch) for branch in branches]) for name, row in rows.items()]
        return self._render(
            "overview",
            "",
            cells=cells,
            branches=branches,
            grid=grid,
            stale=[cell for cell in cells if self.site.is_stale(cell)],
            tested=_tested,
        )

    def _tiles(self, cell: SiteCell) -> Iterator[tuple[str, dict[str, Any]]]:
        """A tile for each branch that the cell has tested: its newest run of the whole suite there."""
        newest = {branch_of(each.python): each for each in cell.numbers}
        common: dict[str, Any] = {"path": cell_path(cell.name), "partial": False}
        common["stale"] = self.site.is_stale(cell)
        for branch, each in newest.items():
            tile = common | {
                "rate": f"{100 * each.pass_rate:.2f} %",
                "python": each.python,
                "started": each.run.started,
                "age": when(each.run.started),
            }
            # What an earlier run said is not kept: it is held against today's lists.
            tile["unexpected"] = cell.unexpected if each.run is cell.last else each.unlisted
            yield branch, tile
        python = axis_of(cell.last, DiffAxis.CPYTHON)
        if branch_of(python) not in newest:
            started = cell.last.started
            tile = common | {"python": python, "started": started, "age": when(started), "unexpected": cell.unexpected}
            yield branch_of(python), tile | {"rate": _rate(cell), "partial": True}

    # A cell.

    def cell(self, cell: SiteCell) -> str:
        """The page of a cell: its trends, what differs from the lists, what changed last, what takes long."""
        cases = self.site.cases
        # The case as the history has it.
        wrong = [(each, cell.cases.get(each.number)) for each in cell.differences]
        wrong.sort(key=lambda each: (RANKS[each[0].tone], -each[1].since if each[1] else 0, each[0].case))
        turns = [
            (turn, number)
            for number, case in cell.cases.items()
            for turn in case.turns
            if turn.at >= len(cell.runs) - RUNS_IN_TABLE
        ]
        turns.sort(key=lambda each: (each[0].at, each[1]), reverse=True)
        return self._render(
            "cell",
            "../",
            cell=cell,
            stale=self.site.is_stale(cell),
            charts=run_charts(cell.numbers),
            table=list(reversed(cell.numbers[-RUNS_IN_TABLE:])),
            wrong=[(self.index.paged.get(each.number), each, case) for each, case in wrong[:CHANGES]],
            more_wrong=max(0, len(wrong) - CHANGES),
            changed=[
                (cell.runs[turn.at], self.index.paged[number], cases[number].name, turn.old, turn.new)
                for turn, number in turns[:CHANGES]
            ],
            more_changed=max(0, len(turns) - CHANGES),
            looked_at=counted(min(RUNS_IN_TABLE, len(cell.runs)), "run"),
            slow=sorted(cell.seconds.items(), key=lambda each: -each[1].newest)[:SLOW],
            json=cell_data_path(cell.name),
        )

    # Modules.

    def _modules(self) -> str:
        rows = [self._module_row(module, numbers) for module, numbers in self.index.modules.items()]
        rows.sort(key=lambda row: (RANKS[row["tone"]], -row["unexpected"], -row["known"], row["name"]))
        return self._render("modules", "../", rows=rows)

    def _module_row(self, module: str, numbers: Sequence[int]) -> dict[str, Any]:
        verdicts: Counter[str] = Counter()
        for number in numbers:
            found = {case.verdict for _, case in self.index.on_cells(number)}
            verdicts["unexpected"] += any(verdict.is_unexpected for verdict in found)
            verdicts["known"] += Verdict.KNOWN in found
            verdicts["changed"] += any(case.changes for _, case in self.index.on_cells(number))
        return {
            "name": module,
            "path": module_path(module).removeprefix("modules/"),
            "tone": min((self.index.tone(number) for number in numbers), key=lambda tone: RANKS[tone]),
            "cases": len(numbers),
            "unexpected": verdicts["unexpected"],
            "known": verdicts["known"],
            "changed": verdicts["changed"],
        }

    def module(self, module: str) -> str:
        """The page of a module: its cases by cells where they are worth a page, by name where they are not."""
        numbers = self.index.modules[module]
        cells = [cell for cell in self.site.cells if any(number in cell.cases for number in numbers)]
        paged = sorted(
            (number for number in numbers if number in self.index.paged), key=lambda each: RANKS[self.index.tone(each)]
        )
        bad = [number for number in paged if RANKS[self.index.tone(number)] <= RANKS["not-run"]]
        shown = paged[: max(len(bad), 20)][:ROWS]
        others = paged[len(shown) :]
        rows = [
            (path, name, [cell.cases[number].tone if number in cell.cases else "absent" for cell in cells])
            for number, (path, name) in zip(shown, self._named(shown, module), strict=True)
        ]
        quiet = [self.site.cases[number].name for number in numbers if number not in self.index.paged]
        by_owner = itertools.groupby(quiet[:QUIET], key=lambda name: name.rpartition(".")[0])
        return self._render(
            "module",
            "../",
            module=module,
            cells=cells,
            rows=rows,
            used={tone for _, _, tiles in rows for tone in tiles},
            others=self._named(others[:NAMES], module),
            more_others=max(0, len(others) - NAMES),
            seconds=[(cell.name, cell.seconds[module]) for cell in cells if module in cell.seconds],
            cases=len(numbers),
            quiet_count=len(quiet),
            quiet=[(owner, [name.rpartition(".")[2] for name in names]) for owner, names in by_owner],
            more_quiet=max(0, len(quiet) - QUIET),
            json=module_data_path(module),
        )

    def _named(self, numbers: Sequence[int], module: str) -> list[tuple[str, str]]:
        names = ((number, self.site.cases[number].name) for number in numbers)
        return [(self.index.paged[number], name.removeprefix(f"{module}.")) for number, name in names]

    # A case.

    def case(self, number: int) -> str:
        """The page of a case: what it does on each cell, since when, and how that changed."""
        case = self.site.cases[number]
        loud, quiet = [], dict[str, list[str]]()
        for cell, found in self.index.on_cells(number):
            if found.is_quiet:
                quiet.setdefault(found.tone, []).append(cell.name)
            else:
                loud.append((cell, found))
        rows = [
            {
                "cell": cell,
                "case": found,
                "strip": strip(found.steps, len(cell.runs), self._tones_of(cell, found)),
                "bins": min(len(cell.runs), STRIP_BINS),
                "label": f"{counted(len(cell.runs), 'run')}, {counted(found.changes, 'change')}",
                "message": cell.newest.messages.get(case, "") if cell.newest else "",
            }
            for cell, found in loud
        ]
        changed = [each for cell, found in loud for each in _turns(cell, found)]
        changed.sort(key=lambda each: each["run"].started, reverse=True)
        return self._render(
            "case",
            "../../",
            case=case,
            rows=rows,
            quiet=quiet.items(),
            changed=changed[:RUNS_IN_TABLE],
            more_changed=max(0, len(changed) - RUNS_IN_TABLE),
            json=module_data_path(case.module),
        )

    def _tones_of(self, cell: SiteCell, case: CaseOnCell) -> dict[int, str]:
        """The tones of the states that a case had. What its entry names is known."""
        tones = self._tones[cell.name]
        if case.entry is None:
            return tones
        known = {step.state for step in case.steps if judge_state(cell.states[step.state], case.entry) is Verdict.KNOWN}
        return tones | {state: str(Verdict.KNOWN) for state in known}

    # Limitations and issues.

    def _causes(self) -> str:
        rows: list[dict[str, Any]] = []
        for cause in self.index.causes.values():
            limitation = self.site.registry.limitations.get(cause.name)
            newest = [cell.newest for cell in self.site.cells if cell.newest]
            findings = Counter(each.probes[cause.name][0] for each in newest if cause.name in each.probes)
            rows.append(
                {
                    "path": cause_path(cause.name),
                    "title": _short(cause.name),
                    "cases": len(cause.cases),
                    "failing": sum(seen.others for seen in cause.cells.values()),
                    "skips": sum(each.skips.get(cause.name, 0) for each in newest),
                    "findings": findings.most_common(),
                    "statement": limitation.statement if limitation else "",
                }
            )
        rows.sort(key=lambda row: (-row["failing"], -row["skips"], row["title"]))
        return self._render("causes", "../", rows=rows)

    def cause(self, cause: Cause) -> str:
        """The page of a limitation or an issue: documented, observed, and what it costs on each cell."""
        limitation = self.site.registry.limitations.get(cause.name)
        where = ", ".join(limitation.targets) if limitation else ""
        if limitation and limitation.when.terms:
            where += f", where {limitation.when}"
        numbers = sorted(cause.cases, key=lambda number: (RANKS[self.index.tone(number)], self.site.cases[number]))
        return self._render(
            "cause",
            "../",
            title=_short(cause.name),
            is_issue=cause.is_issue,
            statement=limitation.statement if limitation else "",
            source=limitation.source if limitation else cause.name if cause.is_issue else "",
            documented=where,
            reasons=list(dict.fromkeys(entry.reason for entry in cause.entries))[:RUNS_IN_TABLE],
            rows=[self._cause_row(cause, cell) for cell in self.site.cells],
            cases=[
                (self.index.paged.get(number), self.site.cases[number].name, self.index.tone(number))
                for number in numbers[:NAMES]
            ],
            more=max(0, len(numbers) - NAMES),
        )

    def _cause_row(self, cause: Cause, cell: SiteCell) -> dict[str, Any]:
        limitation = self.site.registry.limitations.get(cause.name)
        seen = cause.cells.get(cell.name)
        finding, observed = cell.newest.probes.get(cause.name, ("", "")) if cell.newest else ("", "")
        return {
            "name": cell.name,
            "toolchain": axis_of(cell.last, DiffAxis.TOOLCHAIN),
            "python": axis_of(cell.last, DiffAxis.CPYTHON),
            "documented": bool(limitation and limitation.holds_for(cell.last.setup.facts)),
            "finding": finding,
            "seen": observed,
            "skips": cell.newest.skips.get(cause.name, 0) if cell.newest else None,
            "passing": seen.passing if seen else 0,
            "others": seen.others if seen else 0,
        }

    def _closed(self) -> str:
        rows = [
            {
                "path": cause_path(each.cause.name),
                "title": _short(each.cause.name),
                "toolchain": axis_of(each.newest.last, DiffAxis.TOOLCHAIN),
                "cases": len(each.cause.cases),
                "stale": each.stale,
                "passing": each.passing,
                "left": each.left,
            }
            for each in self.closed
        ]
        parts = [
            ("All cases pass on every cell of the target", [row for row in rows if not row["left"]]),
            ("All cases pass on the newest toolchain, and not on others", [row for row in rows if row["left"]]),
        ]
        return self._render("closed", "", parts=parts)


def _tones(states: Mapping[int, State]) -> dict[int, str]:
    return {number: tone_of(state.outcome) for number, state in states.items()}


def _tested(cell: SiteCell) -> str:
    axes = (DiffAxis.CPYTHON, DiffAxis.TOOLCHAIN, DiffAxis.ENGINE)
    named = [axis_of(cell.last, axis) for axis in axes]
    return ", ".join([f"CPython {named[0]}", *filter(None, named[1:])])


def _rate(cell: SiteCell) -> str:
    """The pass rate of a cell that has only run in parts."""
    outcomes = (case.state.outcome for case in cell.cases.values())
    ran = [outcome for outcome in outcomes if outcome and outcome not in NOTHING_RAN]
    return f"{100 * sum(outcome.is_good for outcome in ran) / len(ran):.2f} %" if ran else "nothing ran"


def _turns(cell: SiteCell, case: CaseOnCell) -> Iterator[dict[str, Any]]:
    """The changes of a case on a cell."""
    for turn in case.turns:
        run, earlier = cell.runs[turn.at], cell.runs[turn.before]
        yield {
            "run": run,
            "cell": cell.name,
            "before": turn.old,
            "after": turn.new,
            "axes": differing_values(earlier.setup.axes, run.setup.axes),
        }


def _short(name: str) -> str:
    """A limitation's id, or an issue's address without what all have: `python/cpython#95335` for one of GitHub."""
    found = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+)/(?:issues|pull)/(\d+)", name)
    return f"{found[1]}#{found[2]}" if found else name.removeprefix("https://")
