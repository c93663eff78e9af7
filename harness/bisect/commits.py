"""The commits of a checkout, and a tree of our own in the cache that shows one of them after the other.

The checkout itself is only asked: it keeps its files, its index, its branches and its list of worktrees.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.bisect.question import Candidate
from harness.errors import ConfigError, UnavailableError
from harness.util.git import git_output
from harness.util.hashing import content_key
from harness.util.locks import locked
from harness.util.process import capture


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A checkout of the user's, at its absolute path."""

    root: Path

    def check(self) -> None:
        """ConfigError when it is no checkout, or has changes that no commit has."""
        if not self.root.is_dir() or not (self.root / ".git").exists():
            raise ConfigError(f"{self.root} is no git checkout", hint="give the top folder of one with --cpython PATH")
        changed = git_output(self.root, "status", "--porcelain", "--untracked-files=no").splitlines()
        if changed:
            raise ConfigError(
                f"{self.root} has changes that are not committed, which no step would have: {changed[0].strip()}"
                + (f" and {len(changed) - 1} more" if len(changed) > 1 else ""),
                hint="commit them or stash them",
            )

    def commit(self, name: str) -> str:
        """All digits of the commit that a tag, a branch or some digits name."""
        found = capture(["git", "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"], cwd=self.root)
        if not found:
            raise ConfigError(f"{self.root} has no commit {name!r}", hint="`git fetch` may bring it")
        return found

    def row(self, one: str, other: str) -> list[Candidate]:
        """The commits from the one to the other, both included, by first parents, the oldest first. ConfigError when
        neither is an ancestor of the other.
        """
        older, newer = (one, other) if self._is_ancestor(one, other) else (other, one)
        if not self._is_ancestor(older, newer):
            raise ConfigError(
                f"of {one[:12]} and {other[:12]} neither is an ancestor of the other",
                hint=f"begin where they part: {self._fork(one, other)}",
            )
        # Between commits a NUL, which no subject can hold; Python's splitlines knows ends of lines that git does not.
        asking = ("log", "-z", "--no-show-signature", "--format=%H %s")
        lines = git_output(self.root, *asking, "--first-parent", "--reverse", f"{older}..{newer}", "--")
        first = git_output(self.root, *asking, "-1", older, "--")
        found = [line.partition(" ") for text in (first, lines) for line in text.split("\0") if line]
        return [Candidate(name=name, subject=subject or "without a subject") for name, _, subject in found]

    def _is_ancestor(self, older: str, newer: str) -> bool:
        return self._fork(older, newer) == older

    def _fork(self, one: str, other: str) -> str:
        return capture(["git", "merge-base", one, other], cwd=self.root) or "they have no common ancestor"

    @contextlib.contextmanager
    def shown(self, commit: str, cache: Path) -> Iterator[Path]:
        """A tree with the files of the commit; nobody else changes it meanwhile. It borrows the checkout's objects."""
        tree = cache / "work" / f"bisect-{content_key(str(self.root))}"
        with locked(tree.with_suffix(".lock")):
            tree.mkdir(exist_ok=True)
            if not (tree / ".git" / "objects" / "info").is_dir():
                git_output(tree, "init", "--quiet")
            objects = self.root / git_output(self.root, "rev-parse", "--git-path", "objects").strip()
            (tree / ".git" / "objects" / "info" / "alternates").write_text(f"{objects.resolve()}\n", encoding="utf-8")
            # A kill may have left git's own lock; ours says that nobody else is here.
            (tree / ".git" / "index.lock").unlink(missing_ok=True)
            no_hooks = ("-c", f"core.hooksPath={os.devnull}", "-c", "advice.detachedHead=false")
            try:
                git_output(tree, *no_hooks, "checkout", "--quiet", "--force", "--detach", commit)
                git_output(tree, *no_hooks, "clean", "--quiet", "-ffdx")
            except UnavailableError as error:
                raise UnavailableError(f"the files of {commit[:12]} are not available: {error.message}") from error
            yield tree
