"""Where each page of the site is, and which cases have one. Pure."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.history.record import Case
from harness.site.closable import Cause, causes_of
from harness.site.model import RANKS, CaseOnCell, Site, SiteCell

_SAFE = re.compile(r"[A-Za-z0-9_][\w.-]{0,149}", re.ASCII)


def file_name(name: str) -> str:
    """A name for a file: the text itself where that is one, else what of it can stand in one, and a hash of it."""
    if _SAFE.fullmatch(name) and name != "index":
        return name
    start = re.sub(r"[^A-Za-z0-9]+", "-", name.removeprefix("https://")).strip("-")[:80]
    return f"{start}-{hashlib.sha256(name.encode(errors='backslashreplace')).hexdigest()[:10]}"


def cell_path(name: str) -> str:
    return f"cells/{file_name(name)}.html"


def module_path(name: str) -> str:
    return f"modules/{file_name(name)}.html"


def case_path(case: Case) -> str:
    return f"cases/{file_name(case.module)}/{file_name(case.name)}.html"


def cause_path(name: str) -> str:
    """The page of a limitation, by its id, or of an issue, by its address."""
    return f"{'issues' if name.startswith('https://') else 'limitations'}/{file_name(name)}.html"


@dataclass(frozen=True)
class Index:
    """The site with what all pages ask of it."""

    site: Site

    @functools.cached_property
    def causes(self) -> Mapping[str, Cause]:
        return causes_of(self.site)

    @functools.cached_property
    def modules(self) -> Mapping[str, Sequence[int]]:
        """The numbers of the cases of each module, by name."""
        found: dict[str, list[int]] = {}
        for number, case in self.site.cases.items():
            found.setdefault(case.module, []).append(number)
        return found

    @functools.cached_property
    def paged(self) -> Mapping[int, str]:
        """The path of each case that has a page: it changed on some cell, or is not good on all of them."""
        quiet = {number for number in self.site.cases if self._is_quiet(number)}
        return {number: case_path(case) for number, case in self.site.cases.items() if number not in quiet}

    def _is_quiet(self, number: int) -> bool:
        return all(case.is_quiet for _, case in self.on_cells(number))

    def on_cells(self, number: int) -> list[tuple[SiteCell, CaseOnCell]]:
        """The case on each cell that has seen it."""
        return [(cell, case) for cell in self.site.cells if (case := cell.cases.get(number))]

    def tone(self, number: int) -> str:
        """The worst state of a case on any cell."""
        return min((case.tone for _, case in self.on_cells(number)), key=lambda tone: RANKS[tone], default="absent")
