"""Sources from real archives, real git, and apt."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from harness.errors import ConfigError, UnavailableError
from harness.matrix.pins import CPythonPin, Pins, load_pins
from harness.matrix.python_source import PythonSource
from harness.sources import obtain_source
from harness.util.git import changed_since, commit_of
from tests.integration.disk import small_disk
from tests.integration.origin import Answer, serving
from tests.trees import cpython_tree

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).parents[2]


def packed_tree(tmp_path: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as tar:
        tar.add(cpython_tree(tmp_path / "packed"), "Python-3.13.5")
    return buffer.getvalue()


def pins_for(url: str, body: bytes) -> Pins:
    sha256 = hashlib.sha256(body).hexdigest()
    return Pins(cpython=(CPythonPin(version="3.13.5", url=f"{url}/Python-3.13.5.tar.xz", sha256=sha256),))


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    argv = ["git", *identity, *arguments]
    return subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git checkout that ignores what building it leaves behind."""
    root = cpython_tree(tmp_path / "checkout", "3.14.0a2+")
    (root / ".gitignore").write_text("*.o\n/Makefile\nModules/Setup.local\n")
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")
    return root


def test_the_tarball_is_downloaded_once(tmp_path: Path) -> None:
    body = packed_tree(tmp_path)
    with serving(Answer(body)) as origin:
        pins = pins_for(origin.url, body)
        source = obtain_source(PythonSource.parse("3.13.5"), pins, tmp_path / "cache")
        assert obtain_source(PythonSource.parse("3.13.5"), pins, tmp_path / "cache") == source
        assert origin.requests == ["/Python-3.13.5.tar.xz"]
    assert (source.version, source.provider) == ("3.13.5", "tarball")
    assert (source.root / "configure").is_file()
    assert {path.name for path in source.root.parent.iterdir()} == {"tree", "source.json"}


def test_what_the_cache_has_needs_no_origin(tmp_path: Path) -> None:
    body = packed_tree(tmp_path)
    with serving(Answer(body)) as origin:
        pins = pins_for(origin.url, body)
        first = obtain_source(PythonSource.parse("3.13.5"), pins, tmp_path / "cache")
    assert obtain_source(PythonSource.parse("3.13.5"), pins, tmp_path / "cache") == first


def test_an_archive_that_is_truncated_at_the_origin_is_reported(tmp_path: Path) -> None:
    body = packed_tree(tmp_path)[:200]
    with serving(Answer(body)) as origin, pytest.raises(UnavailableError, match="cannot be unpacked"):
        obtain_source(PythonSource.parse("3.13.5"), pins_for(origin.url, body), tmp_path / "cache", provider="tarball")
    assert not list((tmp_path / "cache" / "sources").glob("3.13.5-*[!k]"))


def test_an_archive_of_something_else_is_reported(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as tar:
        tar.addfile(tarfile.TarInfo("something/else"))
    body = buffer.getvalue()
    with serving(Answer(body)) as origin, pytest.raises(ConfigError, match="is not a CPython source tree"):
        obtain_source(PythonSource.parse("3.13.5"), pins_for(origin.url, body), tmp_path / "cache", provider="tarball")


def test_every_provider_that_failed_is_reported(tmp_path: Path) -> None:
    body = packed_tree(tmp_path)
    with serving(Answer(status=404)) as origin, pytest.raises(UnavailableError) as caught:
        obtain_source(PythonSource.parse("3.13.5"), pins_for(origin.url, body), tmp_path / "cache")
    assert "404" in caught.value.message
    assert "apt: no source package is pinned" in caught.value.message
    assert "--cpython PATH" in caught.value.hint


def test_two_processes_that_need_the_same_file_download_it_once(tmp_path: Path) -> None:
    body = packed_tree(tmp_path)
    program = (
        "import sys; from pathlib import Path\n"
        "from harness.matrix.pins import *; from harness.matrix.python_source import PythonSource\n"
        "from harness.sources import obtain_source\n"
        "pins = Pins(cpython=(CPythonPin(version='3.13.5', url=sys.argv[1], sha256=sys.argv[2]),))\n"
        "print(obtain_source(PythonSource.parse('3.13.5'), pins, Path(sys.argv[3])).root)\n"
    )
    with serving(Answer(body)) as origin:
        arguments = [f"{origin.url}/a.tar.xz", hashlib.sha256(body).hexdigest(), str(tmp_path / "cache")]
        argv = [sys.executable, "-c", program, *arguments]
        runs = [subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        roots = {run.communicate(timeout=60)[0] for run in runs}
        assert [run.returncode for run in runs] == [0, 0, 0]
        assert len(origin.requests) == 1
    assert len(roots) == 1


def test_a_full_disk_is_reported_and_leaves_no_incomplete_entry(tmp_path: Path, checkout: Path) -> None:
    (checkout / "Lib" / "large.py").write_bytes(b"#" * 200_000)
    with small_disk(tmp_path / "disk") as disk:
        with pytest.raises(UnavailableError, match="No space left") as caught:
            obtain_source(PythonSource.parse(str(checkout)), Pins(), disk / "cache")
        assert [path.suffix for path in (disk / "cache" / "sources").iterdir()] == [".lock"]
    assert "WASM_HARNESS_CACHE" in caught.value.hint


def test_a_clean_checkout_is_recorded_with_its_commit(tmp_path: Path, checkout: Path) -> None:
    (checkout / "Makefile").write_text("built")
    (checkout / "Modules" / "a.o").write_text("built")
    source = obtain_source(PythonSource.parse(str(checkout)), Pins(), tmp_path / "cache")
    assert (source.revision, source.dirty) == (git(checkout, "rev-parse", "HEAD"), False)
    assert not (source.root / "Makefile").exists()
    assert not (source.root / ".git").exists()


def test_changed_new_and_deleted_files_of_a_checkout_count(tmp_path: Path, checkout: Path) -> None:
    (checkout / "Lib" / "gone.py").write_text("x")
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "-m", "second")
    (checkout / "Lib" / "gone.py").unlink()
    (checkout / "Lib" / "new.py").write_text("new")
    (checkout / "Lib" / "os.py").write_text("changed")
    source = obtain_source(PythonSource.parse(str(checkout)), Pins(), tmp_path / "cache")
    assert source.dirty
    assert (source.root / "Lib" / "new.py").read_text() == "new"
    assert (source.root / "Lib" / "os.py").read_text() == "changed"
    assert not (source.root / "Lib" / "gone.py").exists()


def test_what_has_changed_since_a_commit_is_committed_or_not(checkout: Path) -> None:
    first = git(checkout, "rev-parse", "HEAD")
    assert (commit_of(checkout, "main"), commit_of(checkout, "mian"), commit_of(checkout, "--all")) == (first, "", "")
    assert changed_since(checkout, first) == ()
    (checkout / "Lib" / "committed.py").write_text("x = 1\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "-m", "second")
    git(checkout, "mv", "configure", "moved")
    (checkout / "Lib" / "untracked.py").write_text("x = 2\n")
    (checkout / "ignored.o").touch()
    assert changed_since(checkout, first) == ("Lib/committed.py", "Lib/untracked.py", "configure", "moved")
    assert changed_since(checkout, commit_of(checkout, "HEAD")) == ("Lib/untracked.py", "configure", "moved")


def test_a_file_that_vanishes_while_the_checkout_is_read_is_reported(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.sources.checkout._files", lambda _: iter(["Lib/os.py", "Lib/gone.py"]))
    with pytest.raises(UnavailableError, match=r"gone\.py cannot be read"):
        obtain_source(PythonSource.parse(str(checkout)), Pins(), tmp_path / "cache")


def test_other_output_of_git_is_not_taken_for_the_name_of_a_file(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "A new file").touch()
    commit = git(checkout, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_TRACE", "1")
    for python in (str(checkout), f"git:file://{checkout}@main"):
        assert obtain_source(PythonSource.parse(python), Pins(), tmp_path / "cache").revision == commit
    (copy,) = (tmp_path / "cache" / "sources").glob("*/*/A new file")
    assert copy.is_file()


def test_nothing_in_a_checkout_is_written_not_even_gits_index(tmp_path: Path, checkout: Path) -> None:
    # The same contents with another time: `git status` would write that down.
    (checkout / "Lib" / "os.py").write_text("import sys\n")
    os.utime(checkout / "Lib" / "os.py", (1, 1))
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in checkout.rglob("*")}
    obtain_source(PythonSource.parse(str(checkout)), Pins(), tmp_path / "cache")
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in checkout.rglob("*")} == before


def test_a_checkout_that_git_does_not_accept_is_reported_in_gits_words(tmp_path: Path, checkout: Path) -> None:
    (checkout / ".git" / "HEAD").unlink()
    with pytest.raises(UnavailableError, match="not a git repository"):
        obtain_source(PythonSource.parse(str(checkout)), Pins(), tmp_path / "cache")


def test_a_worktree_is_a_checkout_too(tmp_path: Path, checkout: Path) -> None:
    git(checkout, "worktree", "add", "--quiet", str(tmp_path / "worktree"))
    source = obtain_source(PythonSource.parse(str(tmp_path / "worktree")), Pins(), tmp_path / "cache")
    assert source.revision == git(checkout, "rev-parse", "HEAD")


@pytest.mark.parametrize("ref", ["main", "v1", "commit"])
def test_a_commit_of_a_repository_is_exported(tmp_path: Path, checkout: Path, ref: str) -> None:
    git(checkout, "tag", "-a", "v1", "-m", "v1")
    git(checkout, "config", "uploadpack.allowAnySHA1InWant", "true")
    commit = git(checkout, "rev-parse", "HEAD")
    python = f"git:file://{checkout}@{commit if ref == 'commit' else ref}"
    source = obtain_source(PythonSource.parse(python), Pins(), tmp_path / "cache")
    assert (source.version, source.provider, source.revision) == ("3.14.0a2+", "git", commit)
    assert os.access(source.root / "configure", os.X_OK)
    assert (source.root / "Modules" / "Setup.local").is_file()


def test_a_branch_that_moves_gives_its_new_commit(tmp_path: Path, checkout: Path) -> None:
    python = f"git:file://{checkout}@main"
    first = obtain_source(PythonSource.parse(python), Pins(), tmp_path / "cache")
    (checkout / "Lib" / "os.py").write_text("changed")
    git(checkout, "commit", "--quiet", "-am", "second")
    second = obtain_source(PythonSource.parse(python), Pins(), tmp_path / "cache")
    assert second.id != first.id
    assert (second.root / "Lib" / "os.py").read_text() == "changed"


def test_a_whole_commit_that_the_cache_has_needs_no_repository(tmp_path: Path, checkout: Path) -> None:
    first = obtain_source(PythonSource.parse(f"git:file://{checkout}@main"), Pins(), tmp_path / "cache")
    checkout.rename(tmp_path / "away")
    assert (
        obtain_source(PythonSource.parse(f"git:file://{checkout}@{first.revision}"), Pins(), tmp_path / "cache")
        == first
    )


@pytest.mark.parametrize("name", ["shallow.lock", "config.lock", "HEAD.lock", "refs/heads/main.lock"])
def test_what_a_killed_git_leaves_does_not_disturb_the_next_one(tmp_path: Path, checkout: Path, name: str) -> None:
    obtain_source(PythonSource.parse(f"git:file://{checkout}@main"), Pins(), tmp_path / "cache")
    (bare,) = (tmp_path / "cache" / "git").glob("*.git")
    (bare / name).touch()
    (checkout / "new.txt").touch()
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "-m", "second")
    source = obtain_source(PythonSource.parse(f"git:file://{checkout}@main"), Pins(), tmp_path / "cache")
    assert (source.root / "new.txt").exists()
    assert not (bare / name).exists()


def test_a_ref_that_is_not_there_is_reported_in_gits_words(tmp_path: Path, checkout: Path) -> None:
    with pytest.raises(UnavailableError, match="couldn't find remote ref nothing"):
        obtain_source(PythonSource.parse(f"git:file://{checkout}@nothing"), Pins(), tmp_path / "cache")


@pytest.mark.toolchain
def test_debians_source_package_is_the_pinned_tarball(tmp_path: Path) -> None:
    pins = load_pins(REPOSITORY / "matrices" / "pins.toml")
    source = obtain_source(PythonSource.parse("3.13.5"), pins, tmp_path, provider="apt")
    assert (source.version, source.provider) == ("3.13.5", "apt")
    assert source.revision == pins.cpython_pin("3.13.5").sha256


@pytest.mark.toolchain
def test_a_suite_that_does_not_exist_is_reported_in_apts_words(tmp_path: Path) -> None:
    pinned = load_pins(REPOSITORY / "matrices" / "pins.toml").cpython_pin("3.13.5")
    pin = dataclasses.replace(pinned, apt_suite="no-such-suite", apt_file="no-such-file.tar.xz")
    with pytest.raises(UnavailableError, match="lists of no-such-suite are not available"):
        obtain_source(PythonSource.parse("3.13.5"), Pins(cpython=(pin,)), tmp_path, provider="apt")
