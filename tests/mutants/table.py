"""The figures per file, and the survivors with why, as Markdown. Pure, except that it reads the files it is about."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.changes import changes
from tests.mutants.state import Results


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """Why a change of a file may survive; `change` is its name, `kind` equivalent or accepted."""

    file: str
    change: str
    kind: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Of one file: which changes there are, how many were tried, and what became of them."""

    names: frozenset[str]
    tried: int
    killed: int
    equivalent: int
    survivors: tuple[tuple[str, str], ...]

    @property
    def rate(self) -> str:
        """The share of those killed among those that do something else, in percent."""
        counted = self.tried - self.equivalent
        return f"{100 * self.killed / counted:.1f}" if counted else "-"


def table(root: Path, files: Sequence[str], results: Results, accepted: Sequence[Accepted]) -> str:
    """One row per file, their sum, and the survivors that are not equivalent, then those that are."""
    figures = {file: _figures(root, file, results, accepted) for file in files}
    figures = {file: one for file, one in figures.items() if one.names}
    whole = Figures(
        names=frozenset(f"{file} {name}" for file, one in figures.items() for name in one.names),
        tried=sum(one.tried for one in figures.values()),
        killed=sum(one.killed for one in figures.values()),
        equivalent=sum(one.equivalent for one in figures.values()),
        survivors=tuple(pair for one in figures.values() for pair in one.survivors),
    )
    lines = [
        "| file | changes | tried | killed | equivalent | survive | killed of the others, % |",
        "|---|" + "--:|" * 6,
    ]
    for name, one in [*figures.items(), ("all", whole)]:
        counts = (len(one.names), one.tried, one.killed, one.equivalent, len(one.survivors))
        lines.append(f"| {name} | {' | '.join(map(str, counts))} | {one.rate} |")
    lines += ["", "Survivors:", ""]
    for file, one in figures.items():
        lines += [f"- `{file}`: `{change}`" + (f": {why}" if why else "") for change, why in one.survivors]
    lines += ["", "Equivalent:", ""]
    lines += [f"- `{one.file}`: `{one.change}`: {one.why}" for one in accepted if one.kind == "equivalent"]
    gone = [one for one in accepted if one.file in figures and one.change not in figures[one.file].names]
    if gone:
        lines += ["", "In accepted.toml, but no change of the file any more:", ""]
        lines += [f"- `{one.file}`: `{one.change}`" for one in gone]
    return "\n".join(lines)


def _figures(root: Path, file: str, results: Results, accepted: Sequence[Accepted]) -> Figures:
    source = (root / file).read_text()
    possible = changes(ast.parse(source), source)
    tried = {change.id: kept["ending"] for change in possible if (kept := results.of(file, change))}
    living = [name for name, ending in tried.items() if ending == "survived"]
    why = {one.change: one for one in accepted if one.file == file}
    equivalent = {name for name in living if name in why and why[name].kind == "equivalent"}
    survivors = [(name, why[name].why if name in why else "") for name in living if name not in equivalent]
    return Figures(
        names=frozenset(change.id for change in possible),
        tried=len(tried),
        killed=len(tried) - len(living),
        equivalent=len(equivalent),
        survivors=tuple(survivors),
    )
