"""`--changed REV`: the files of a checkout that changed since a revision, and the modules that they can reach."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import ConfigError
from harness.run.prepared import Prepared
from harness.run.selection import TestSelection
from harness.suite.durations import read_imports
from harness.suite.reach import reached, touching_tests
from harness.util.git import changed_since, commit_of
from harness.util.paths import expanded
from harness.util.text import counted


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The files of a checkout that differ from those of the `revision`, by their paths in it."""

    revision: str
    files: tuple[str, ...]


def find_changes(options: Namespace, keyword: str = "") -> Changes | None:
    """What has changed in the checkout of `--cpython` since the revision of `--changed`; None without that option.

    ConfigError if the option has no meaning: without a checkout, for a revision that it does not have, if no test can
    see the changes, and together with another choice of tests. `keyword` is the expression of -k.
    """
    revision = options.changed
    if not revision:
        return None
    others = {"a list of modules or --case": options.case, "--shard": options.shard, "--tests": options.tests}
    if other := next((name for name, given in {**others, "-k": keyword}.items() if given), ""):
        raise ConfigError(f"--changed chooses the modules, and {other} does so too", hint="leave one of them out")
    checkout = expanded(Path(options.cpython)) if options.cpython else Path()
    if not options.cpython or not checkout.is_dir():
        given = f"--cpython {options.cpython} is no folder" if options.cpython else "the CPython is a release"
        raise ConfigError(
            f"--changed {revision}: {given}, and only a checkout has changes", hint="name it: --cpython PATH"
        )
    if not (checkout / ".git").exists():
        raise ConfigError(
            f"--changed {revision}: {checkout} is no git checkout", hint="without --changed all of it is tested"
        )
    commit = commit_of(checkout, revision)
    if not commit:
        raise ConfigError(
            f"--changed {revision}: {checkout} has no such revision",
            hint="a commit, a branch or a tag, as for git diff; HEAD for what is not committed",
        )
    files = changed_since(checkout, commit)
    if not touching_tests(files):
        what = f"{counted(len(files), 'file')} that no test reads: {', '.join(files[:3])}" if files else "nothing"
        raise ConfigError(
            f"nothing is to be tested: since {revision} {what} has changed in {checkout}",
            hint="name an earlier revision; without --changed all of it is tested",
        )
    return Changes(revision=revision, files=files)


def reached_by(changes: Changes, chosen: TestSelection, prepared: Prepared) -> tuple[TestSelection, Sequence[str]]:
    """The selection without the modules that the changes cannot reach, and lines for the user about it."""
    suite = prepared.build.modules()
    imports = read_imports(prepared.durations, prepared.build.manifest.python)
    found = reached(changes.files, suite, imports)
    lines = [f"changed since {changes.revision}: {found.lines()[0]}", *found.lines()[1:]]
    if not imports:
        lines.append(
            f"  no whole run of {prepared.cell.id} has recorded yet what its modules import with this version of "
            "CPython: all of them are tested, and the next time those that a change can reach"
        )
    modules = tuple(module for module in chosen.modules if module in set(found.modules))
    some = f"{len(modules):,} of {found.suite:,}" if found.left_out else f"all {found.suite:,}"
    count = f"{some} modules, which the changes since {changes.revision} can reach,"
    return replace(chosen, modules=modules, changed=changes.revision, reached=count), lines
