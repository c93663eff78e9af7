"""What a run has written of its modules.

Each record is written as soon as its module, or the part of one, is finished, so that a run that is killed has lost
nothing it had finished: `modules/NAME.json`, and `parts/NAME/N.json` for a module that is cut.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.results.outcomes import ModuleResult, decode_module, encode_module
from harness.results.run_folder import PARTS_FOLDER
from harness.suite.durations import read_case_durations
from harness.suite.parts import joined, joined_in_shard, module_of_work, part_named, part_names
from harness.util.files import write_atomically


@dataclass(frozen=True)
class Records:
    """`folder` is the cell's own in the run's, `parts` says which modules are cut, `elsewhere` names the parts that are
    in other shards, and `durations` is the file whose record of cases gives their order in a module that is joined.
    """

    folder: Path
    parts: Mapping[str, Sequence[Sequence[str]]]
    elsewhere: Collection[str]
    durations: Path

    def read(self, name: str) -> str:
        """What was written of a module, or part; empty of one that is not finished."""
        with contextlib.suppress(FileNotFoundError):
            return self._path(name).read_text(encoding="utf-8")
        return ""

    def take(self, name: str, record: str) -> None:
        """Writes the record of a module or part. The one that completes a module writes that of the module: when two
        do so at once, both write the same.
        """
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, record)
        self._join(module_of_work(name))

    def has(self, name: str) -> bool:
        """Whether a module, or part, is finished."""
        return self._path(module_of_work(name)).exists() or self._path(name).exists()

    def results(self, order: Sequence[str]) -> tuple[ModuleResult, ...]:
        """Those of the finished modules, in that order of their names; first those whose names it does not have."""
        for module in self.parts:
            # A run that was killed may have written the last of the parts, and not the whole.
            self._join(module)
        places = {module: place for place, module in enumerate(order)}
        found = [
            decode_module(path.name.removesuffix(".json"), path.read_text(encoding="utf-8"))
            for path in (self.folder / "modules").glob("[!.]*.json")
        ]
        return tuple(sorted(found, key=lambda result: places.get(result.module, -1)))

    def lacking(self, lost: Mapping[str, str]) -> dict[str, str]:
        """Why each module has no result, by what made the work of that name fail: a part that failed and has a record
        is no reason.
        """
        return {module_of_work(name): why for name, why in lost.items() if not self.read(name)}

    def _join(self, module: str) -> None:
        """Writes the record of a module that is cut, when all its parts have one, but for those in other shards."""
        if module not in self.parts:
            return
        names = part_names(module, self.parts[module])
        records = {number: self.read(name) for number, name in enumerate(names, 1) if name not in self.elsewhere}
        if all(records.values()):
            order = read_case_durations(self.durations).get(module, ())
            found = {number: decode_module(module, record) for number, record in records.items()}
            is_whole = len(found) == len(names)
            result = joined([*found.values()], order) if is_whole else joined_in_shard(found, len(names), order)
            write_atomically(self._path(module), encode_module(result))

    def _path(self, name: str) -> Path:
        if part := part_named(name, self.parts):
            return self.folder / PARTS_FOLDER / part.module / f"{part.number}.json"
        return self.folder / "modules" / f"{name}.json"
