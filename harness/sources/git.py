"""A commit of any git repository: `git:URL@REF`."""

from __future__ import annotations

import re
from pathlib import Path

from harness.sources.base import Provenance, Source, cached, make_source
from harness.util.git import export_tree, fetch_commit

_COMMIT = re.compile(r"[0-9a-f]{40}")


def obtain(url: str, ref: str, cache: Path) -> Source:
    """The tree of that commit. Only a whole commit id that the cache has costs no network."""
    if _COMMIT.fullmatch(ref) and (source := cached(_entry(ref, cache))):
        return source
    bare, commit = fetch_commit(url, ref, cache)

    def fill(tree: Path) -> Provenance:
        export_tree(bare, commit, tree)
        return Provenance(provider="git", origin=url, revision=commit)

    return make_source(_entry(commit, cache), fill)


def _entry(commit: str, cache: Path) -> Path:
    return cache / "sources" / f"git-{commit[:16]}"
