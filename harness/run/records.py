"""The records of a run: the results of its modules, `modules/NAME.json`, and of parts of modules, `parts/NAME/N.json`.

Each record is written as soon as its module or part is finished, so that a killed run loses nothing that was finished.
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
    """The records in the folder of a cell. `folder` is that of the cell in the run folder. `parts` says how modules are
    cut, and `elsewhere` names the parts that are in other shards. `durations` is the record of durations, which has the
    order of cases for modules that are joined.
    """

    folder: Path
    parts: Mapping[str, Sequence[Sequence[str]]]
    elsewhere: Collection[str]
    durations: Path

    def read(self, name: str) -> str:
        """The text of the record of a module or part; empty if that is not finished."""
        with contextlib.suppress(FileNotFoundError):
            return self._path(name).read_text(encoding="utf-8")
        return ""

    def take(self, name: str, record: str) -> None:
        """Writes the record of a module or part. After the last part of a module it also writes the record of the
        module. If two workers do that at the same time, both write the same.
        """
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, record)
        self._join(module_of_work(name))

    def has(self, name: str) -> bool:
        """Whether a module or part is finished."""
        return self._path(module_of_work(name)).exists() or self._path(name).exists()

    def results(self, order: Sequence[str]) -> tuple[ModuleResult, ...]:
        """The results of the finished modules in that order of names; modules that it does not have come first."""
        for module in self.parts:
            # A killed run may have written the last part and not yet the record of the module.
            self._join(module)
        places = {module: place for place, module in enumerate(order)}
        found = [
            decode_module(path.name.removesuffix(".json"), path.read_text(encoding="utf-8"))
            for path in (self.folder / "modules").glob("[!.]*.json")
        ]
        return tuple(sorted(found, key=lambda result: places.get(result.module, -1)))

    def lacking(self, lost: Mapping[str, str]) -> dict[str, str]:
        """The reason why each module has no result. `lost` has the reasons by the names of modules and parts; one that
        has a record in spite of it does not count.
        """
        return {module_of_work(name): why for name, why in lost.items() if not self.read(name)}

    def _join(self, module: str) -> None:
        """Writes the record of a module that is cut, if all its parts that are not in other shards have a record."""
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
