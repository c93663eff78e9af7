"""What is documented and what was observed, all cells side by side: for a terminal and as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from harness.limitations.findings import CellProbes
from harness.limitations.observation import Did, Finding
from harness.limitations.registry import Limitation, Registry

NOT_SAID = "-"


def summary_line(probes: CellProbes) -> str:
    """One line: how many statements hold, are lifted, and so on."""
    counts = probes.counts()
    listed = ", ".join(f"{counts[finding]} {finding}" for finding in Finding if counts[finding])
    return f"{probes.cell}: {len(probes.answers)} statements: {listed}"


def text_table(registry: Registry, cells: Sequence[CellProbes]) -> str:
    """The table in columns, and below it what was seen wherever a statement does not simply hold."""
    header = ("statement", "documented", *(cell.cell for cell in cells))
    rows = [header, *(_row(item, cells) for item in _shown(registry, cells))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = ["  ".join(f"{word:{width}}" for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", *_deviations(registry, cells)])


def markdown(registry: Registry, cells: Sequence[CellProbes]) -> str:
    """A page: one table per section, each statement with its source, and the deviations."""
    lines = ["# Documented against observed", ""]
    for cell in cells:
        tested = ", ".join(f"{key} {value}" for key, value in cell.tested.items())
        lines.append(f"- {summary_line(cell)} ({tested})")
    for section, items in groupby(_shown(registry, cells), lambda item: item.section):
        lines += ["", f"## {section}", "", f"| statement | documented | {' | '.join(cell.cell for cell in cells)} |"]
        lines.append("|---" * (2 + len(cells)) + "|")
        for item in items:
            _, documented, *found = _row(item, cells)
            statement = f"[{item.id}]({item.source}): {item.statement.replace('|', '&#124;')}"
            lines.append(f"| {statement} | {documented} | {' | '.join(found)} |")
    lines += ["", "## What was seen where a statement does not simply hold", ""]
    lines += [f"- {line.replace('|', '&#124;')}" for line in _deviations(registry, cells)]
    return "\n".join(lines) + "\n"


def _shown(registry: Registry, cells: Sequence[CellProbes]) -> list[Limitation]:
    """The limitations that at least one cell has an answer for."""
    return [
        item
        for item in registry.limitations.values()
        if any(_found(item, cell) is not Finding.NOT_APPLICABLE for cell in cells)
    ]


def _row(item: Limitation, cells: Sequence[CellProbes]) -> tuple[str, ...]:
    found = (_found(item, cell) for cell in cells)
    shown = (NOT_SAID if finding is Finding.NOT_APPLICABLE else finding.value for finding in found)
    return (item.id, ", ".join(item.fails), *shown)


def _found(item: Limitation, cell: CellProbes) -> Finding:
    answer = cell.answers.get(item.id)
    return answer.finding if answer else Finding.NOT_APPLICABLE


def _deviations(registry: Registry, cells: Sequence[CellProbes]) -> Iterator[str]:
    quiet = {Finding.HOLDS, Finding.NOT_APPLICABLE}
    for name in registry.limitations:
        for cell in cells:
            answer = cell.answers.get(name)
            if answer is not None and answer.finding not in quiet:
                # A part of the page may have the name of a guest's probe.
                said = [each for each in answer.observations if each.did is not Did.NOT_APPLICABLE]
                names = [
                    each.probe if each.probe.startswith("page.") else each.probe.partition(".")[2] for each in said
                ]
                seen = "; ".join(f"{name} {each}" for name, each in zip(names, said, strict=True))
                yield f"{name}, {cell.cell}: {answer.finding} ({seen})"
