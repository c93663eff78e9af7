"""Bisections over real versions and real commits."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.bisect.commits import Checkout
from harness.bisect.question import BisectAxis
from harness.bisect.versions import pin_version
from harness.errors import ConfigError, UnavailableError
from harness.matrix.load import load_configuration
from harness.matrix.pins import load_pins
from harness.matrix.python_source import PythonSource
from harness.run.prepared import Prepared
from harness.sources import obtain_source
from harness.toolchains.runtimes import obtain_runtime
from harness.util.cache import cache_root
from harness.util.files import remove_tree

ROOT = Path(__file__).parents[2]
DEEP = "test.test_dict.DictTest.test_repr_deep"
BOOL = "test.test_bool.BoolTest.test_str"


def git(folder: Path, *arguments: str) -> str:
    who = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    when = {f"GIT_{who}_DATE": "2026-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")}
    argv = ["git", "-c", "gc.auto=0", "-c", "commit.gpgsign=false", *arguments]
    done = subprocess.run(
        argv, cwd=folder, env=os.environ | who | when, text=True, capture_output=True, timeout=120, check=True
    )
    return done.stdout.strip()


def commit(folder: Path, subject: str, **files: str | None) -> str:
    """A commit that writes these files, or deletes those without a text."""
    for name, text in files.items():
        if text is None:
            (folder / name).unlink()
        else:
            (folder / name).write_text(text)
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", subject)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Three commits, and one on a branch of its own that left after the first."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "one", a="1")
    git(folder, "tag", "v1")
    git(folder, "checkout", "--quiet", "-b", "side")
    commit(folder, "aside", b="1")
    git(folder, "checkout", "--quiet", "main")
    commit(folder, "two", a="2")
    commit(folder, "three", a=None, c="3")
    return folder


def bisect(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(argv(*arguments), cwd=ROOT, text=True, capture_output=True, timeout=1800, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def argv(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "harness", "bisect", *arguments]


@pytest.mark.integration
def test_commits_are_in_order_from_either_end(checkout: Path) -> None:
    own = Checkout(root=checkout)
    first, last = own.commit("v1"), own.commit("main")
    for row in (own.row(first, last), own.row(last, first)):
        assert [candidate.subject for candidate in row] == ["one", "two", "three"]
        assert (row[0].name, row[-1].name) == (first, last)


@pytest.mark.integration
def test_a_subject_may_hold_what_python_takes_for_the_end_of_a_line(checkout: Path) -> None:
    subjects = ["a\fb", "c\x1c/tmp d", "e\x85f", "g\u2028/tmp h"]
    for subject in subjects:
        commit(checkout, subject)
    own = Checkout(root=checkout)
    row = own.row(own.commit("v1"), own.commit("main"))
    assert [candidate.subject for candidate in row] == ["one", "two", "three", *subjects]
    assert {len(candidate.name) for candidate in row} == {40}


@pytest.mark.integration
def test_a_merge_counts_as_one(checkout: Path) -> None:
    git(checkout, "merge", "--quiet", "--no-ff", "-m", "merged", "side")
    own = Checkout(root=checkout)
    row = own.row(own.commit("v1"), own.commit("HEAD"))
    assert [candidate.subject for candidate in row] == ["one", "two", "three", "merged"]


@pytest.mark.integration
def test_commits_that_cannot_be_bisected_are_reported(checkout: Path, tmp_path: Path) -> None:
    own = Checkout(root=checkout)
    with pytest.raises(ConfigError, match="neither is an ancestor") as caught:
        own.row(own.commit("side"), own.commit("main"))
    assert own.commit("v1") in caught.value.hint
    for name in ("nothing", "--all", "v1:a"):
        with pytest.raises(ConfigError, match="has no commit"):
            own.commit(name)
    with pytest.raises(ConfigError, match="is no git checkout"):
        Checkout(root=tmp_path).check()
    own.check()
    (checkout / "new").touch()
    own.check()
    (checkout / "c").write_text("changed")
    with pytest.raises(ConfigError, match=r"not committed, .*: M c"):
        own.check()


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["plain", "worktree"])
def test_a_tree_of_our_own_shows_commits_and_the_checkout_stays_as_it_is(
    checkout: Path, tmp_path: Path, kind: str
) -> None:
    root = checkout
    if kind == "worktree":
        root = tmp_path / "second"
        git(checkout, "worktree", "add", "--quiet", "--detach", str(root), "v1")

    def state() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if cache not in (path, *path.parents)}

    cache = tmp_path / "cache"
    own, before = Checkout(root=root), state()
    names = [candidate.name for candidate in own.row(own.commit("v1"), own.commit("main"))]
    seen = []
    for name in (names[0], names[2], names[1]):
        with own.shown(name, cache) as tree:
            seen.append(sorted(f"{path.name}{path.read_text()}" for path in tree.iterdir() if path.is_file()))
            assert git(tree, "rev-parse", "HEAD") == name
            assert git(tree, "status", "--porcelain") == ""
            (tree / "left").touch()
            (tree / ".git" / "index.lock").touch()  # as a killed git leaves it
    assert seen == [["a1"], ["c3"], ["a2"]]
    assert state() == before
    with (
        pytest.raises(UnavailableError, match="the files of abababababab are not available"),
        own.shown("ab" * 20, cache),
    ):
        pass


@pytest.mark.integration
@pytest.mark.parametrize("below", ["", "made/run"])
def test_the_run_folder_is_not_in_the_checkout(checkout: Path, below: str) -> None:
    question = ["wasi", f"--case={BOOL}", "--axis=cpython", f"--cpython={checkout}", "--good=v1", "--bad=main"]
    done = bisect(*question, f"--run-dir={checkout / below}")
    assert done.returncode == 2
    assert "which a bisection leaves as it is" in done.stderr
    assert git(checkout, "status", "--porcelain") == ""


@pytest.mark.toolchain
def test_an_interrupted_bisection_over_wasmtimes_of_the_index_goes_on(wasi: Prepared, tmp_path: Path) -> None:
    """wasmtime before 45 has less stack for deep recursion than CPython counts on; there is no wasmtime 44.5."""
    file, pins = tmp_path / "pins.toml", load_configuration()[1]
    for version in ("43.0.0", "44.0.0", "45.0.0", "46.0.1", "48.0.0"):
        pin_version(BisectAxis.WASMTIME, version, file, pins)  # an index that lacks one skips the test
        obtain_runtime("wasmtime", version, load_pins(file, pins), wasi.cache)
    question = ["wasi", f"--case={DEEP}", "--axis=wasmtime", "--good=50.0.1", "--bad=43.0.0"]
    asked = [*question, "--versions=44.0.0,44.5.0,45.0.0,46.0.1,48.0.0", f"--run-dir={tmp_path / 'run'}"]
    steps = tmp_path / "run" / "steps"
    for sent, status in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        remove_tree(steps / "43.0.0")
        first = subprocess.Popen(argv(*asked), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        log = steps / "43.0.0" / "output.log"
        while not log.exists() or not log.stat().st_size:  # at the moment of a fork Python loses the signal
            assert first.poll() is None
            time.sleep(0.05)
        first.send_signal(sent)
        assert first.wait(timeout=60) == status
        assert not (steps / "43.0.0" / "step.json").exists()
    record = steps / "50.0.1" / "step.json"
    before = record.stat().st_mtime_ns
    done = bisect(*asked)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("first good: one of 2, wasmtime 44.5.0 to 45.0.0;")
    assert record.stat().st_mtime_ns == before
    outcomes = {
        step["candidate"]: step["outcome"] for step in json.loads((tmp_path / "run/bisect.json").read_text())["steps"]
    }
    assert outcomes["43.0.0"] == outcomes["44.0.0"] == "crash"
    assert outcomes["50.0.1"] == outcomes["45.0.0"] == "pass"
    assert outcomes["44.5.0"] == ""


@pytest.mark.toolchain
def test_a_case_that_the_suite_does_not_have_is_reported(wasi: Prepared, tmp_path: Path) -> None:
    pin_version(BisectAxis.WASMTIME, "49.0.0", tmp_path / "pins.toml", load_configuration()[1])  # or it skips
    ends = ("--axis=wasmtime", "--good=50.0.1", "--bad=49.0.0", "--versions=49.0.0", f"--run-dir={tmp_path / 'run'}")
    for case, words in ((f"{BOOL}x", f"the suite has no case {BOOL}x"), ("test.test_boo.A.b", "did you mean")):
        done = bisect("wasi", f"--case={case}", *ends[:-1], f"--run-dir={tmp_path / case}")
        assert done.returncode == 2
        assert words in done.stderr


def history() -> tuple[Path, list[str]]:
    """A checkout whose commits change one test. It has its place in the cache, and the same commits each time: what is
    built of it is built once.
    """
    folder = cache_root() / "work" / "bisect-test-history"
    subject = "Lib/test/test_bool.py"
    if not (folder / ".git" / "finished").exists():
        remove_tree(folder)
        source = obtain_source(PythonSource.parse("3.13.5"), load_configuration()[1], cache_root())
        shutil.copytree(source.root, folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        for path in folder.rglob("*"):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | stat.S_IWUSR)
        git(folder, "init", "--quiet", "--initial-branch=main")
        good = (folder / subject).read_text()
        bad = good.replace("self.assertEqual(str(False), 'False')", "self.assertEqual(str(False), 'Flase')")
        assert good != bad
        configure = (folder / "configure").read_text()
        commit(folder, "the release")
        commit(folder, "nothing changes")
        commit(folder, "no configure", configure=None)
        (folder / "configure").write_text(configure)
        (folder / "configure").chmod(0o755)
        commit(folder, "configure is back, a typo comes", **{subject: bad})
        commit(folder, "nothing changes again")
        commit(folder, "the typo is fixed", **{subject: good})
        (folder / ".git" / "finished").touch()
    return folder, git(folder, "log", "--reverse", "--format=%H").splitlines()


@pytest.mark.toolchain
@pytest.mark.long
def test_the_commits_of_a_checkout_are_bisected_both_ways(wasi: Prepared, tmp_path: Path) -> None:
    folder, commits = history()
    question = ["wasi", f"--case={BOOL}", "--axis=cpython", f"--cpython={folder}"]
    worse = bisect(*question, "--good=HEAD~5", "--bad=HEAD~1", f"--run-dir={tmp_path / 'worse'}")
    assert worse.returncode == 1, worse.stdout + worse.stderr
    found = json.loads((tmp_path / "worse" / "bisect.json").read_text())
    assert found["suspects"] == commits[2:4]
    answers = {step["candidate"]: step["answer"] for step in found["steps"]}
    assert [answers[name] for name in commits[:5]] == ["good", "good", "skip", "bad", "bad"]
    better = bisect(*question, "--good=HEAD", "--bad=HEAD~2", f"--run-dir={tmp_path / 'better'}")
    assert better.returncode == 0, better.stdout + better.stderr
    assert f"first good: commit {commits[5][:12]} (the typo is fixed): fail before it, pass" in better.stdout
    assert git(folder, "status", "--porcelain") == ""


@pytest.mark.toolchain
def test_bump_says_since_which_version_a_case_is_worse(wasi: Prepared, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "harness", "bump", "wasi", "--runtime", "41.0.0", "--case", DEEP, "--bisect"]
    done = subprocess.run(
        [*argv, "--run-dir", str(tmp_path)], cwd=ROOT, text=True, capture_output=True, timeout=300, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    page = (tmp_path / "bump.md").read_text()
    assert page.startswith("# wasi: engine wasmtime 50.0.1 to wasmtime 41.0.0\n")
    found = "- first good: wasmtime 45.0.0: crash before it, pass from it on: "
    assert f"## Bisected\n\n{found}`{DEEP}` (wasm trap: call stack exhausted)" in page
    assert (tmp_path / "bisect-1" / "report.txt").is_file()
    assert str(ROOT) not in page


@pytest.mark.toolchain
def test_bump_audits_the_skips_of_both_sides(wasi: Prepared, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "harness", "bump", "wasi", "--runtime", "46.0.1", "test_tempfile", "--audit"]
    done = subprocess.run(
        [*argv, "--run-dir", str(tmp_path)], cwd=ROOT, text=True, capture_output=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "bump.md").read_text()
    table = page.partition("## Skips in CPython's tests that may go\n")[2]
    for number, version in ((1, "50.0.1"), (2, "46.0.1")):
        assert f"{number}. wasi: WASI SDK 25, CPython 3.13.5, wasmtime {version}: " in table
    assert "No decorator that names the platform can go." in table
    assert str(ROOT) not in page
