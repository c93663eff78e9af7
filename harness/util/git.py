"""Commits of any git repository, kept in the cache; and what the repository of a checkout says."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from harness.errors import OriginError, UnavailableError
from harness.util.files import disk_errors_as_unavailable
from harness.util.hashing import content_key
from harness.util.locks import locked
from harness.util.process import Command, capture, indented, run

logger = logging.getLogger(__name__)


def fetch_commit(url: str, ref: str, cache: Path) -> tuple[Path, str]:
    """The bare repository in the cache that now has the ref, and the commit that the ref means.

    Only a whole commit id that the cache has costs no network. UnavailableError when it is not available.
    """
    bare = cache / "git" / f"{content_key(url)}.git"
    with locked(bare.with_suffix(".lock")):
        argv = ["git", f"--git-dir={bare}", "rev-parse", "--quiet", "--verify", f"{ref}^{{commit}}"]
        if len(ref) == 40 and bare.is_dir() and capture(argv, cwd=bare) == ref:
            return bare, ref
        with disk_errors_as_unavailable(bare):
            bare.mkdir(parents=True, exist_ok=True)
            # Left by a git that was killed: no other one works there, since the lock of the harness is held.
            for lock in (*bare.glob("*.lock"), *(bare / "refs").rglob("*.lock")):
                lock.unlink(missing_ok=True)
        _git(bare, "init", "--quiet", "--bare", str(bare))
        logger.info("git: fetching %s of %s", ref, url)
        try:
            _git(bare, "fetch", "--quiet", "--depth=1", "--no-tags", "--", url, ref)
        except UnavailableError as error:
            raise OriginError(f"git: cannot fetch {ref} of {url}: {error.message}", hint=error.hint) from error
        return bare, _git(bare, "rev-parse", "FETCH_HEAD^{commit}").strip()


def remote_tags(url: str) -> dict[str, str]:
    """The tags of a repository, each with the commit that it means. OriginError when the repository cannot be read."""
    env = os.environ | {"GIT_TERMINAL_PROMPT": "0"}
    command = Command(argv=("git", "ls-remote", "--tags", "--", url), cwd=Path.cwd(), env=env, timeout=120)
    done = run(command, separate_stderr=True)
    if not done.ok:
        last = done.combined_output.splitlines()[-1:] or [done.ending]
        raise OriginError(f"git: {url} cannot be read: {last[0]}", hint="check the address and the network")
    return parse_tags(done.output)


def parse_tags(listing: str) -> dict[str, str]:
    """Tag to commit in the lines of `git ls-remote`; of an annotated tag the commit that it is put on."""
    rows = [line.split("\t") for line in listing.splitlines()]
    refs = {ref.removeprefix("refs/tags/"): commit for commit, ref in rows}
    return {tag: refs.get(f"{tag}^{{}}", commit) for tag, commit in refs.items() if not tag.endswith("^{}")}


def export_tree(bare: Path, commit: str, tree: Path) -> None:
    """The files of the commit, in the folder `tree`, which has no `.git`."""
    index = tree.parent / f".{tree.name}.index"
    _git(bare, f"--work-tree={tree}", "checkout", "--force", commit, "--", ".", index=index)
    index.unlink(missing_ok=True)


def git_output(root: Path, *arguments: str) -> str:
    """The output of git in that checkout, which is not changed. UnavailableError with git's message when it fails."""
    # Without the option, `git status` would refresh the index of a checkout that is not ours.
    done = run(Command(argv=("git", "--no-optional-locks", *arguments), cwd=root, timeout=120), separate_stderr=True)
    if not done.ok:
        raise UnavailableError(
            f"git {arguments[0]} {done.ending} in {root}:\n  {done.combined_output}",
            hint="the folder has a .git that git does not accept; its message says why",
        )
    return done.output


def commit_of(root: Path, revision: str) -> str:
    """The commit that a revision means in that checkout; empty when it has none of that name. UnavailableError, in
    git's own words, when git refuses the checkout.
    """
    git_output(root, "rev-parse", "--git-dir")
    argv = (
        "git",
        "--no-optional-locks",
        "rev-parse",
        "--quiet",
        "--verify",
        "--end-of-options",
        f"{revision}^{{commit}}",
    )
    done = run(Command(argv=argv, cwd=root, timeout=120), separate_stderr=True)
    return done.output.strip() if done.ok else ""


def changed_since(root: Path, commit: str) -> tuple[str, ...]:
    """The files of that checkout that are not as in the commit, by their paths in it: changed, added or removed,
    committed since or not. UnavailableError when git cannot say.
    """
    # Of a file that has another name both names count.
    differing = git_output(root, "diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", commit, "--")
    untracked = git_output(root, "ls-files", "--others", "--exclude-standard", "-z")
    return tuple(sorted({name for name in f"{differing}{untracked}".split("\0") if name}))


def _git(bare: Path, *arguments: str, index: Path | None = None) -> str:
    env = os.environ | {"GIT_TERMINAL_PROMPT": "0"}
    if index:
        env["GIT_INDEX_FILE"] = str(index)
    done = run(
        Command(argv=("git", f"--git-dir={bare}", *arguments), cwd=bare, env=env, timeout=3600), separate_stderr=True
    )
    if not done.ok:
        words = indented("\n".join(done.combined_output.splitlines()[-5:]))
        raise UnavailableError(
            f"git {done.ending}:\n{words}",
            hint="check the address, the network and the ref (of a commit, all 40 digits); or give a path",
        )
    return done.output
