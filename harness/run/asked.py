"""What a command line asks to be tested in a cell, before there is a run of it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.expectations.files import load_lists
from harness.manifest import Manifest
from harness.project import project_root
from harness.results.command_line import RunOptions
from harness.run.changed import Changes, find_changes, reached_by
from harness.run.keywords import Keyword
from harness.run.own_tests import OwnTests, find_tests
from harness.run.past_cases import PastCases, past_results
from harness.run.prepare import BuildRequest, prepare
from harness.run.prepared import Prepared
from harness.run.selection import TestSelection, check_names, check_resources, choose, choose_shard, read_shard
from harness.suite.shards import Shard


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a command line asks to be tested, checked as far as that can be without a build. `results` are earlier ones
    of the cell, the newest first.
    """

    options: Namespace
    keyword: Keyword
    shard: Shard | None
    tests: OwnTests | None
    changes: Changes | None
    results: Sequence[Path]

    @classmethod
    def of(cls, options: Namespace, keyword: Keyword, run_dir: Path | None) -> Asked:
        """ConfigError for a mistake."""
        tests = find_tests(options.tests) if options.tests else None
        shard = read_shard(options.shard, options.case, keyword=keyword.expression, own=tests is not None)
        if keyword.expression:
            keyword.compiled()
        changes = find_changes(options, keyword.expression)
        load_lists()
        folders = [project_root() / "reports", *([run_dir.parent] if run_dir else [])]
        results = past_results(options.cell, folders)
        return cls(options=options, keyword=keyword, shard=shard, tests=tests, changes=changes, results=results)

    def prepare(self) -> Prepared:
        """The cell, with the resources that were asked for. Names are checked before anything is built."""
        use = self.options.use
        prepared = prepare(self.options.cell, BuildRequest.of(self.options), self._check_source)
        if not use:
            return prepared
        # The build of a bundle has no source that was checked.
        check_resources(prepared.build.root / "Lib" / "test", use)
        return replace(prepared, cell=replace(prepared.cell, resources=",".join(use)))

    def _check_source(self, root: Path) -> None:
        options = self.options
        check_resources(root / "Lib" / "test", options.use)
        if not self.tests:
            past = PastCases(self.results, Manifest())
            check_names(root / "Lib" / "test", options.case, self.keyword, past, cell=options.cell)

    def choose(self, prepared: Prepared) -> TestSelection:
        """The modules and cases, in their order. ConfigError when nothing is meant."""
        options, tests = self.options, self.tests
        past = PastCases(self.results, prepared.build.manifest, tests.key if tests else "")
        suite = f"--tests {tests.source}" if tests else "the suite"
        if self.shard:
            chosen = choose_shard(prepared, self.shard, cut_by=options.cut_by, randomize=options.randomize)
        else:
            chosen = choose(prepared, options.case, tests=tests, past=past)
        modules = self.keyword.matching(chosen.modules, past, where=suite)
        chosen = replace(chosen, modules=modules, keyword=self.keyword.expression)
        chosen = chosen.ordered(tests.modules if tests else prepared.build.modules(), RunOptions.of(options))
        if self.changes:
            chosen, lines = reached_by(self.changes, chosen, prepared)
            print("\n".join(lines), flush=True)
        return chosen
