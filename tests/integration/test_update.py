"""The updates of two people, merged by git."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.curation.update.update import write
from harness.util.process import Command, run
from tests.unit.sample_runs import WASI, run_of, updated

pytestmark = pytest.mark.integration


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    done = run(Command(argv=("git", *identity, *arguments), cwd=folder))
    assert done.ok, done.output
    return done.output


def commit_update(folder: Path, branch: str, texts: dict[str, str], cases: dict[str, str]) -> dict[str, str]:
    """Commits, on a branch of its own, the update after a run of those cases."""
    git(folder, "checkout", "-q", "-b", branch)
    found = updated(texts, [run_of(WASI, cases)])
    write(found, folder / "expected_failures")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", branch)
    return dict(found.after)


def test_updates_that_touch_one_file_in_different_places_merge(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    texts = commit_update(tmp_path, "base", {}, {"test_os.D.test_a": "E", "test_os.E.test_a": "C"})
    commit_update(tmp_path, "one", texts, {"test_os.A.test_a": "V"})
    git(tmp_path, "checkout", "-q", "base")
    commit_update(tmp_path, "other", texts, {"test_os.G.test_a": "F"})
    git(tmp_path, "merge", "-q", "-m", "both", "one")
    merged = (tmp_path / "expected_failures" / "wasi" / "test_os.toml").read_text()
    both = updated(texts, [run_of(WASI, {"test_os.A.test_a": "V", "test_os.G.test_a": "F"})])
    assert both.after == {"expected_failures/wasi/test_os.toml": merged}
