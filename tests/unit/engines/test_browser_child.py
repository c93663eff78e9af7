"""The parts of a browser's engine that need no browser: its command lines, and the folders as it gets them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.engines.child.browser_process import COMMANDS
from harness.engines.child.browser_trees import Tree


@pytest.mark.parametrize("is_root", [True, False])
def test_the_sandbox_is_on_but_for_root(tmp_path: Path, is_root: bool) -> None:
    command = COMMANDS["chromium"]("/bin/chromium", tmp_path, "file:///page", is_root=is_root)
    assert command[0] == "/bin/chromium"
    assert command[-1] == "file:///page"
    assert ("--no-sandbox" in command) is is_root
    assert f"--user-data-dir={tmp_path}" in command


def test_firefox_gets_its_preferences_in_the_profile(tmp_path: Path) -> None:
    command = COMMANDS["firefox"]("/bin/firefox", tmp_path, "file:///page", is_root=False)
    assert command[command.index("--profile") + 1] == str(tmp_path)
    assert 'user_pref("dom.max_script_run_time", 0);' in (tmp_path / "user.js").read_text().splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    (made / "b" / "deep").mkdir(parents=True)
    (made / "a").write_bytes(b"first")
    (made / "b" / "empty").write_bytes(b"")
    (made / "b" / "deep" / "file").write_bytes(b"second")
    (made / "link").symlink_to("b/nowhere")
    os.utime(made / "a", ns=(0, 1_234_567_890_999))
    (made / "a").chmod(0o640)
    return made


def test_a_tree_has_all_that_is_in_the_folder_each_after_its_own_folder(folder: Path) -> None:
    index = Tree(folder).index()
    paths: list[str] = []
    for parent, name, *_ in index["entries"]:
        paths.append(f"{paths[parent]}/{name}" if paths else "")
    assert sorted(paths) == ["", "/a", "/b", "/b/deep", "/b/deep/file", "/b/empty", "/link"]


def test_a_tree_has_modes_times_sizes_and_links(folder: Path) -> None:
    entries = {name: about for _, name, *about in Tree(folder).index()["entries"]}
    assert entries["a"] == [0o100640, 1_234_567, 5]
    assert entries["link"][2] == "b/nowhere"
    assert entries["empty"][2] == 0


def test_the_bytes_come_in_the_order_of_the_entries(folder: Path) -> None:
    tree = Tree(folder)
    sizes = [about for *_, about in tree.index()["entries"] if isinstance(about, int)]
    assert tree.size == sum(sizes) == 11
    assert b"".join(tree.content()) == b"firstsecond"


def test_a_file_that_has_changed_keeps_its_size(folder: Path) -> None:
    tree = Tree(folder)
    (folder / "a").write_bytes(b"1")
    (folder / "b" / "deep" / "file").write_bytes(b"longer than before")
    assert b"".join(tree.content()) == b"1\0\0\0\0longer"


def test_a_socket_or_a_pipe_is_left_out(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert "pipe" not in [name for _, name, *_ in Tree(folder).index()["entries"]]
