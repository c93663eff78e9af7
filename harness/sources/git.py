"""A commit of any git repository: `git:URL@REF`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from harness.cache import content_key, locked
from harness.errors import ConfigError, UnavailableError
from harness.process import Command, run
from harness.sources.base import Provenance, Source, cached, make_source

_COMMIT = re.compile(r"[0-9a-f]{40}")


def parse(python: str) -> tuple[str, str]:
    """Url and ref of `git:URL@REF`. A ref has no colon, so that `git@host:path` has none."""
    url, sign, ref = python.removeprefix("git:").rpartition("@")
    if not sign or not url or not ref or ":" in ref:
        raise ConfigError(
            f"{python!r} names no ref",
            hint="write git:URL@REF, where REF is a branch, a tag or a whole commit",
        )
    return url, ref


def obtain(python: str, cache: Path, *, say: Callable[[str], None]) -> Source:
    """The tree of that commit. Only a whole commit id that the cache has costs no network."""
    url, ref = parse(python)
    if _COMMIT.fullmatch(ref) and (source := cached(_entry(ref, cache))):
        return source
    bare = cache / "git" / f"{content_key(url)}.git"
    with locked(bare.with_suffix(".lock"), say=say):
        commit = _fetch(url, ref, bare, say)

        def fill(tree: Path) -> Provenance:
            _export(bare, commit, tree)
            return Provenance(provider="git", origin=url, revision=commit)

        return make_source(_entry(commit, cache), fill, say=say)


def _entry(commit: str, cache: Path) -> Path:
    return cache / "sources" / f"git-{commit[:16]}"


def _fetch(url: str, ref: str, bare: Path, say: Callable[[str], None]) -> str:
    bare.mkdir(parents=True, exist_ok=True)
    _git(bare, "init", "--quiet", "--bare", str(bare))
    say(f"git: fetching {ref} of {url}")
    _git(bare, "fetch", "--quiet", "--depth=1", "--no-tags", "--", url, ref)
    return _git(bare, "rev-parse", "FETCH_HEAD^{commit}").strip()


def _export(bare: Path, commit: str, tree: Path) -> None:
    index = tree.parent / "index"
    _git(bare, f"--work-tree={tree}", "checkout", "--force", commit, "--", ".", index=index)
    index.unlink(missing_ok=True)


def _git(bare: Path, *arguments: str, index: Path | None = None) -> str:
    env = os.environ | {"GIT_TERMINAL_PROMPT": "0"}
    if index:
        env["GIT_INDEX_FILE"] = str(index)
    done = run(Command(argv=("git", f"--git-dir={bare}", *arguments), cwd=bare, env=env, timeout=3600))
    if not done.ok:
        words = "\n".join(f"  {line}" for line in done.output.strip().splitlines()[-5:])
        raise UnavailableError(
            f"git {done.ending}:\n{words}",
            hint="check the address, the network and the ref (of a commit, all 40 digits); or give a path",
        )
    return done.output
