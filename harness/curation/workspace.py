"""The input of the commands that maintain the lists: the texts of the lists, the registry and the cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.curation.suite_index import Suites, load_suites
from harness.errors import Problem
from harness.expectations.files import ReadLists, load_texts, read_lists
from harness.limitations.registry import REGISTRY_FILE, Registry, load_registry
from harness.matrix.cells import Cell
from harness.matrix.files import load_matrix
from harness.project import project_root
from harness.util.cache import cache_root


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The lists with the registry and the cells. `texts` are the texts of the lists by name, `unreadable` the problems
    of lists that could not be read as text.
    """

    folder: Path
    reports: Path
    registry: Registry
    cells: tuple[Cell, ...]
    texts: dict[str, str]
    lists: ReadLists
    unreadable: tuple[Problem, ...]

    def suites(self) -> Suites:
        return load_suites(self.cells, self.reports, cache_root())


def load_workspace(lists: str = "", reports: str = "") -> Workspace:
    """The workspace of the folders `lists` and `reports`, or of the project's own. ConfigError for a registry or a
    matrix with mistakes.
    """
    root = project_root()
    folder = Path(lists).absolute() if lists else root / "expected_failures"
    registry = load_registry(folder / REGISTRY_FILE)
    problems: list[Problem] = []
    texts = load_texts(folder, problems)
    return Workspace(
        folder=folder,
        reports=Path(reports).absolute() if reports else root / "reports",
        registry=registry,
        cells=load_matrix(root / "matrices").cells,
        texts=texts,
        lists=read_lists(texts, registry),
        unreadable=tuple(problems),
    )
