"""Which modules of a suite changed files of CPython can reach: the modules whose outcomes they may change. Pure.

A changed test file can reach its own module and those that import it, a changed file of the standard library the
modules that have imported it in an earlier run. Any other file, such as C code or what regrtest itself imports, can
reach all modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.util.text import counted

# Files that no test reads and that are not a part of the interpreter.
_OF_NO_TEST = re.compile(r"Doc/.*|Misc/NEWS\.d/.*|Misc/ACKS|Misc/NEWS|\.github/.*|[^/]*\.rst|\.git\w+")
_FILES_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What changes can reach. `modules` are the modules, in the order of the suite, which has `suite` in all.
    `by_file` has those of each changed file, or None for all of them. `unknown` are modules whose imports no run has
    recorded, which are always among `modules`.
    """

    modules: tuple[str, ...]
    by_file: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    suite: int = 0

    @property
    def left_out(self) -> int:
        return self.suite - len(self.modules)

    def lines(self) -> list[str]:
        """What was found, for people: the files that decide come first."""
        found = [f"{counted(len(self.by_file), 'changed file')}: {self._verdict()}"]
        order = sorted(self.by_file, key=lambda file: (self.by_file[file] is not None, not self.by_file[file], file))
        found += [f"  {file}: {self._of(file)}" for file in order[:_FILES_SHOWN]]
        if len(order) > _FILES_SHOWN:
            found.append(f"  and {counted(len(order) - _FILES_SHOWN, 'more file')}")
        if self.unknown and self.left_out:
            found.append(f"  {counted(len(self.unknown), 'module')} without recorded imports: tested too")
        return found

    def _verdict(self) -> str:
        if not self.left_out:
            return f"all {counted(self.suite, 'module')} of the suite can be reached"
        return f"{counted(len(self.modules), 'module')} of {self.suite} can be reached, {self.left_out:,} left out"

    def _of(self, file: str) -> str:
        modules = self.by_file[file]
        if modules is None:
            return "all modules"
        named = ", ".join(modules[:4]) or "no test"
        return f"{named} and {len(modules) - 4} more" if len(modules) > 4 else named


def touching_tests(changed: Iterable[str]) -> tuple[str, ...]:
    """Those of the changed files that a test may read, or that are a part of the interpreter."""
    return tuple(file for file in changed if not _OF_NO_TEST.fullmatch(file))


def reached(changed: Iterable[str], suite: Sequence[str], imports: Mapping[str, Iterable[str]]) -> Reach:
    """The modules of the suite that the changed files, by their paths in CPython's tree, can reach. `imports` are the
    files of `Lib` that each module imported when it was last run as a whole.
    """
    importers: dict[str, list[str]] = {}
    for module in suite:
        for file in imports.get(module, ()):
            importers.setdefault(file, []).append(module)
    unknown = tuple(module for module in suite if not imports.get(module))
    by_file = {file: _reached_by(file, suite, importers) for file in sorted(changed)}
    found = set(unknown)
    for modules in by_file.values():
        found.update(suite if modules is None else modules)
    if not by_file:
        found = set()
    return Reach(
        modules=tuple(module for module in suite if module in found),
        by_file=by_file,
        unknown=unknown,
        suite=len(suite),
    )


def _reached_by(file: str, suite: Sequence[str], importers: Mapping[str, Sequence[str]]) -> tuple[str, ...] | None:
    """The modules that a changed file can reach; None if it is not known which, so that it is all of them."""
    if _OF_NO_TEST.fullmatch(file):
        return ()
    path = file.removeprefix("Lib/")
    if path == file:
        return None
    own = [module for module in suite if _is_of_module(path, module)]
    found = {*own, *importers.get(path, ())}
    return tuple(module for module in suite if module in found) if found else None


def _is_of_module(path: str, module: str) -> bool:
    """Whether the file of `Lib` is that of the module, or in its package."""
    stem = f"test/{module.removeprefix('test.').replace('.', '/')}"
    return path == f"{stem}.py" or path.startswith(f"{stem}/")
