"""Lays out what the guest will see as `/`: the source tree, with the build folder at its usual place in it."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

# `lib.emscripten-wasm32-3.14`; the group is the series, with the suffix of a debug build.
_LIB_FOLDER = re.compile(r"lib\..+-(\d+\.\d+\w*(?:-pydebug)?)")
# Object files and archives serve only the linker.
LEFT_OUT = shutil.ignore_patterns("*.o", "*.a", "__pycache__", "config.cache")


def stage(source: Path, built: Path, root: Path, build_folder: str, platform: str) -> None:
    """Makes `root` from the source tree and the build folder `built`, which goes to `build_folder` inside.

    `platform` is what `sysconfig.get_platform()` gives in the guest; empty while that is not known.

    Source files are hard links where the file system allows it: the guest cannot write to them.
    """
    shutil.copytree(
        source, root, copy_function=_link, symlinks=True, ignore=shutil.ignore_patterns(".git", "__pycache__")
    )
    shutil.copytree(built, root / build_folder, symlinks=True, ignore=LEFT_OUT)
    put_sysconfig_vars(root / build_folder, platform)
    # The scratch folder is mounted over it; a listing of the root shows it like any other.
    (root / "tmp").mkdir(exist_ok=True)


def put_sysconfig_vars(built: Path, platform: str) -> None:
    """Copies the JSON file of the sysconfig variables, which CPython has from 3.14 on, to the folder in which the guest
    searches it.

    It is written to a folder that is named after configure's platform (`emscripten-wasm32`), and searched in one that
    is named after `os.uname()` (`emscripten-3.1.73-wasm32`).
    """
    written = built / "pybuilddir.txt"
    folder = built / written.read_text(encoding="utf-8").strip() if written.exists() else built
    series = _LIB_FOLDER.fullmatch(folder.name)
    looked_in = folder.with_name(f"lib.{platform}-{series[1]}") if series else folder
    if platform and looked_in != folder:
        for file in folder.glob("_sysconfig_vars_*.json"):
            looked_in.mkdir(exist_ok=True)
            shutil.copyfile(file, looked_in / file.name)


def link_tree(source: Path, root: Path, *, leave_out: tuple[str, ...]) -> None:
    """Makes `root` a tree with the same files, as hard links if the file system allows it.

    The entries `leave_out` at the top are left out.
    """

    def left_out(folder: str, names: list[str]) -> set[str]:
        return set(leave_out) & set(names) if Path(folder) == source else set()

    shutil.copytree(source, root, copy_function=_link, symlinks=True, ignore=left_out)


def link_to(link: Path, goal: Path) -> None:
    """Makes `link` a symbolic link to `goal`, also if it was a link to something else."""
    if link.is_symlink() and link.readlink() != goal:
        link.unlink()
    if not link.is_symlink():
        link.symlink_to(goal)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def make_folders_read_only(root: Path) -> None:
    """Removes the permission to write from the folders below `root`, but not from files."""
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(0o555)


def make_read_only(root: Path) -> None:
    """Removes every permission to write from the files and folders below `root`."""
    for folder, _, files in os.walk(root):
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)
        Path(folder).chmod(0o555)
