"""When the build folder of a checkout serves its next build, and when everything is built again."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.build import incremental
from harness.build.incremental import Changes, compare_trees, compiled_in, link_bytecode, why_rebuild
from harness.sources import Source
from harness.util.log import show_log
from tests.trees import cpython_tree

COMPILED = frozenset({"Objects/boolobject", "Modules/_ssl"})


@pytest.mark.parametrize(
    ("written", "removed", "said"),
    [
        ("", "", ""),
        ("Objects/boolobject.c", "", ""),
        ("Lib/os.py Lib/test/test_new.py Doc/x.rst", "Lib/old.py", ""),
        ("Include/object.h", "", "Include/object.h has changed"),
        ("Objects/part.c", "", "Objects/part.c has changed"),
        ("Objects/boolobject.c configure", "", "configure has changed"),
        ("Makefile.pre.in", "", "Makefile.pre.in has changed"),
        ("", "Objects/boolobject.c", "is gone"),
    ],
)
def test_make_is_trusted_with_files_that_have_an_object_of_their_own(written: str, removed: str, said: str) -> None:
    reason = why_rebuild(Changes(written=frozenset(written.split()), removed=frozenset(removed.split())), COMPILED)
    assert said in reason
    assert bool(said) is bool(reason)


def test_trees_differ_by_contents_not_by_times(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for root in (old, new):
        cpython_tree(root)
        (root / "same-size.c").write_text(root.name)
        os.utime(root / "same-size.c", (5, 5))
        (root / "link").symlink_to(root.name)
    os.utime(new / "Lib" / "os.py", (7, 7))
    (old / "gone.c").touch()
    (old / "Tools.pyc").touch()
    (new / "new.c").touch()
    (new / "configure").chmod(0o644)
    changes = compare_trees(old, new)
    assert changes.written == {"same-size.c", "link", "new.c", "configure"}
    assert changes.removed == {"gone.c"}


def test_objects_are_found_wherever_the_build_lies(tmp_path: Path) -> None:
    place = tmp_path / "view" / "cross-build" / "x" / "Objects"
    place.mkdir(parents=True)
    (place / "boolobject.o").touch()
    assert "Objects/boolobject" in compiled_in(tmp_path)
    assert "Objects/dictobject" not in compiled_in(tmp_path)


def test_bytecode_is_taken_over_where_its_source_is_the_same(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for root in (old, new):
        (root / "json").mkdir(parents=True)
        (root / "json" / "tool.py").touch()
        (root / "json" / "changed.py").write_text(root.name)
    cached = old / "json" / "__pycache__"
    cached.mkdir()
    for name in ("tool.cpython-313.pyc", "changed.cpython-313.pyc", "gone.cpython-313.pyc"):
        (cached / name).write_text(name)
    link_bytecode(old, new)
    assert [path.name for path in (new / "json" / "__pycache__").iterdir()] == ["tool.cpython-313.pyc"]


class Checkout:
    """Two states of a checkout, and the folder that is kept for it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.other = folder / "work", folder / "native"
        self.states = [self._state(folder / name, name) for name in ("one", "two")]
        self.messages: list[str] = []
        show_log(self.messages.append)

    def _state(self, root: Path, name: str) -> Source:
        cpython_tree(root)
        (root / "Objects").mkdir()
        (root / "Objects" / "boolobject.c").write_text("the same")
        return Source(id=name, version="3.13.5", root=root, provider="checkout", origin="/my/cpython", revision=name)

    def change(self, name: str) -> Path:
        """The changed file has an old time, as one that was moved into its place."""
        path = self.states[1].root / name
        path.write_text("changed")
        os.utime(path, (1, 1))
        return path

    def ready(self, state: int) -> None:
        incremental.prepare_folder(self.folder, self.states[state], other=self.other)

    def build(self, state: int) -> None:
        self.ready(state)
        (self.folder / "Objects").mkdir(exist_ok=True)
        (self.folder / "Python" / "frozen_modules").mkdir(parents=True, exist_ok=True)
        for name in MADE:
            (self.folder / name).touch()


MADE = (
    "Objects/boolobject.o",
    ".configure-host.done",
    ".make-host.done",
    "done",
    "Python/frozen_modules/os.h",
)


def left(checkout: Checkout) -> list[str]:
    return [name for name in MADE if (checkout.folder / name).exists()]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_a_changed_c_file_leaves_all_but_what_make_must_look_at_again(checkout: Checkout) -> None:
    checkout.build(0)
    incremental.record_finished(checkout.folder, checkout.states[0])
    changed = [checkout.change(name) for name in ("Objects/boolobject.c", "Lib/os.py")]
    before = time.time()
    same = [state.root / "Modules" / "Setup.stdlib.in" for state in checkout.states]
    os.utime(same[0], (7, 7))
    checkout.ready(1)
    assert same[1].stat().st_mtime == 7
    assert left(checkout) == ["Objects/boolobject.o", ".configure-host.done"]
    assert checkout.messages == []
    assert [path.stat().st_mtime >= before - 1 for path in changed] == [True, False]


def test_a_c_file_may_be_compiled_only_in_the_other_of_the_two_builds(checkout: Checkout) -> None:
    checkout.build(0)
    incremental.record_finished(checkout.folder, checkout.states[0])
    (checkout.other / "Python").mkdir(parents=True)
    (checkout.other / "Python" / "emscripten_signal.o").touch()
    (checkout.states[1].root / "Python").mkdir()
    checkout.change("Python/emscripten_signal.c")
    checkout.ready(1)
    assert left(checkout) == ["Objects/boolobject.o", ".configure-host.done"]


def test_the_same_source_again_is_left_as_it_is(checkout: Checkout) -> None:
    checkout.build(0)
    checkout.ready(0)
    assert left(checkout) == list(MADE)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda checkout: checkout.change("configure"), "configure has changed"),
        (lambda checkout: checkout.states[0].root.rename(checkout.folder.parent / "away"), "is gone"),
        (lambda checkout: checkout.ready(0), "not finished"),
    ],
)
def test_what_make_may_miss_is_built_from_the_start_and_reported(
    checkout: Checkout, spoil: Callable[[Checkout], None], said: str
) -> None:
    checkout.build(0)
    if said != "not finished":
        incremental.record_finished(checkout.folder, checkout.states[0])
    spoil(checkout)
    checkout.ready(1)
    assert left(checkout) == []
    assert said in checkout.messages[0]


def test_an_interrupted_build_is_continued_for_its_own_source_alone(checkout: Checkout) -> None:
    checkout.build(0)
    incremental.record_finished(checkout.folder, checkout.states[0])
    checkout.change("Objects/boolobject.c")
    checkout.ready(1)
    checkout.ready(1)
    assert left(checkout) == ["Objects/boolobject.o", ".configure-host.done"]
    checkout.ready(0)
    assert left(checkout) == []


def test_bytecode_serves_while_it_is_there_and_the_compiler_is_the_same(checkout: Checkout, tmp_path: Path) -> None:
    one, two = checkout.states
    checkout.build(0)
    library = tmp_path / "build" / "Lib"
    shutil.copytree(one.root, library.parent)
    incremental.record_finished(checkout.folder, one, library)
    checkout.change("Lib/os.py")
    checkout.ready(1)
    assert incremental.compiled_library(checkout.folder, two) == library
    changed = checkout.change("Objects/boolobject.c")
    assert incremental.compiled_library(checkout.folder, two) is None
    changed.write_text("the same")
    assert incremental.compiled_library(checkout.folder, two) == library
    shutil.rmtree(library)
    assert incremental.compiled_library(checkout.folder, two) is None


def test_only_checkouts_are_kept_each_under_its_own_name(checkout: Checkout) -> None:
    one, two = checkout.states
    assert incremental.is_kept(one)
    assert not incremental.is_kept(dataclasses.replace(one, provider="tarball"))
    flags = {"pthreads": True}
    assert incremental.kept_key(one, {"source": "one", **flags}) == incremental.kept_key(
        two, {"source": "two", **flags}
    )
    assert incremental.kept_key(one, flags) != incremental.kept_key(one, {"pthreads": False})
    assert incremental.kept_key(one, flags) != incremental.kept_key(dataclasses.replace(one, origin="/other"), flags)
