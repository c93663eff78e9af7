"""A cache that the user may not write to is reported by everything that writes there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.build.artifact import Build
from harness.errors import UnavailableError
from harness.manifest import LayoutRecord, Manifest
from harness.project import CACHE_VARIABLE
from harness.run import identify as ask
from harness.run.prepared import Prepared
from harness.util.cache import cache_root, make_entry
from harness.util.files import remove_tree
from harness.util.git import fetch_commit
from harness.util.locks import locked
from tests.unit.sample_cells import WASI


def hold(cache: Path) -> None:
    with locked(cache / "lock"):
        pass


def fetch(cache: Path) -> None:
    fetch_commit("https://example.org/x.git", "main", cache)


def prepared(cache: Path) -> Prepared:
    layout = LayoutRecord(build_folder="b", program="python.wasm", wasm="python.wasm")
    build = Build(folder=cache.parents[1] / "build", manifest=Manifest(layout=layout))
    build.root.mkdir(parents=True, exist_ok=True)
    build.wasm.write_bytes(b"wasm")
    return Prepared(cell=WASI, build=build, runtime=cache, cache=cache)


def compile_module(cache: Path) -> None:
    prepared(cache).compiled("x.wasm")


def identify(cache: Path) -> None:
    ask.ensure_identity(prepared(cache), dict)


@pytest.mark.parametrize("write", [hold, fetch, compile_module, identify])
def test_a_cache_that_cannot_be_written_is_reported(
    write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: Any) -> Any:
        return {}

    for name in ("ask_interpreter", "check", "answer_key"):
        monkeypatch.setattr(ask, name, nothing)
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match=r"cannot write .*file/") as caught:
        write(tmp_path / "file" / "cache")
    assert "WASM_HARNESS_CACHE" in caught.value.hint


def test_what_a_killed_run_has_left_of_an_entry_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    final = tmp_path / "sdk-[25]"
    left = Path(tempfile.mkdtemp(dir=tmp_path, prefix=f".{final.name}."))
    (left / "clang").touch()
    others = {Path(tempfile.mkdtemp(dir=tmp_path, prefix=f".{name}.")) for name in (f"{final.name}.1", "sdk-2")}
    make_entry(final, lambda _: None)
    assert set(tmp_path.iterdir()) == {final, tmp_path / f"{final.name}.lock", *others}


def test_the_variable_may_begin_with_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a workflow's `env:`, where no shell expands it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(CACHE_VARIABLE, "~/cache")
    assert cache_root() == tmp_path / "cache"


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """What a guest may leave: names and modes of all kinds, and a tree that is deeper than a path may be long."""
    folder = tmp_path / "left"
    (folder / "shut" / "inside").mkdir(parents=True)
    (folder / "shut" / "inside" / "file").touch(mode=0)
    for name in (b"\xff", b" \n*", b"-rf"):
        (folder / os.fsdecode(name)).mkdir()
    inner = folder / ("d" * 200)
    inner.mkdir()
    for _ in range(30):
        (folder / "around").mkdir()
        inner.rename(folder / "around" / inner.name)
        (folder / "around").rename(inner)
    for path in (folder / "shut" / "inside", folder / "shut", folder):
        path.chmod(0)
    return folder


def test_a_folder_is_deleted_whatever_is_in_it(left: Path) -> None:
    remove_tree(left)
    assert not left.exists()


def test_deleting_a_folder_follows_no_link(tmp_path: Path) -> None:
    kept, folder = tmp_path / "kept", tmp_path / "folder"
    for made in (kept, folder):
        made.mkdir()
        (made / "file").touch()
    kept.chmod(0o755)
    for name, target in (("link", kept), ("file-link", kept / "file"), ("up", Path("..")), ("dangling", Path("x"))):
        (folder / name).symlink_to(target)
    remove_tree(folder)
    (tmp_path / "way").symlink_to(kept)
    remove_tree(tmp_path / "way")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "way"]
    assert [path.name for path in kept.iterdir()] == ["file"]
    assert kept.stat().st_mode & 0o777 == 0o755


def test_what_is_not_a_folder_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    remove_tree(tmp_path / "file")
    remove_tree(tmp_path / "missing")
    assert (tmp_path / "file").exists()
