"""The user's own Emscripten: `$EMSDK`, an `emcc` on PATH, or a path. It is not changed."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from harness.errors import UnavailableError
from harness.matrix.pins import EmscriptenPin, Pins
from harness.toolchains.base import Toolchain
from harness.toolchains.emscripten import layout
from harness.toolchains.emscripten.trial import make_emscripten, version_in
from harness.toolchains.runtimes import obtain_runtime
from harness.util.hashing import content_key
from harness.util.paths import expanded
from harness.util.process import capture
from harness.util.versions import number

EMSDK_VARIABLE = "EMSDK"
_BELOW = ("", "upstream/emscripten", "emscripten")


def from_environment(env: Mapping[str, str] | None = None) -> Path | None:
    """What the user has set up: the folder of $EMSDK, or else that of the emcc on PATH."""
    env = os.environ if env is None else env
    if given := env.get(EMSDK_VARIABLE):
        return Path(given)
    found = shutil.which("emcc", path=env.get("PATH"))
    return Path(found) if found else None


def find_root(path: Path) -> Path | None:
    """The folder with emcc.py, for the path of an emsdk, of that folder, or of an emcc; None for any other path."""
    path = expanded(path)
    base = path.resolve().parent if path.is_file() else path
    return next((base / below for below in _BELOW if (base / below / "emcc.py").is_file()), None)


def version_of(root: Path) -> str:
    """The version that an Emscripten's folder states; empty when it states none."""
    try:
        text = (root / "emscripten-version.txt").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
    found = re.search(r"\d+\.\d+\.\d+[\w.+-]*", text)
    return found.group() if found else ""


def is_of_version(path: Path, version: str) -> bool:
    """Whether it is the release of that version, and not a git checkout of about the same age. Starts no program."""
    root = find_root(path)
    return root is not None and version_of(root) == version


def obtain(pin: EmscriptenPin, path: Path, pins: Pins, cache: Path) -> Toolchain:
    """The Emscripten at that path. UnavailableError when there is none, or another version, or it does not work."""
    root = look_at(pin, path)
    check_agrees(root)
    node = obtain_runtime("node", pin.node, pins, cache) / "bin" / "node"
    parts = layout.Parts(
        emscripten=root,
        llvm=_configured(root, "LLVM_ROOT"),
        binaryen=_configured(root, "BINARYEN_ROOT"),
        node=node,
        seed=root / "cache",
    )
    facts = {"path": str(root), "stamp": _stamp(parts), "node": pin.node}
    final = cache / "toolchains" / layout.entry_name(pin.version, "path", *facts.values(), cache)

    def fill(folder: Path) -> Toolchain:
        layout.lay_out(folder / "sdk", parts)
        return layout.emscripten_toolchain("path", pin.version, final / "sdk", facts)

    return make_emscripten(final, fill, cache)


def _stamp(parts: layout.Parts) -> str:
    """A hash that changes when files of the Emscripten are replaced in place, as by an update of a git checkout: its
    builds are then other ones. It covers Emscripten's scripts, the sources of its system libraries, and the programs.
    """
    found = [parts.emscripten / "emcc.py", parts.llvm / "clang", parts.binaryen / "bin" / "wasm-opt"]
    for folder in ("tools", "src", "system"):
        for place, folders, names in os.walk(parts.emscripten / folder):
            folders[:] = [name for name in folders if name != "__pycache__"]
            found += [Path(place, name) for name in names]
    stats = [(str(path), path.stat()) for path in sorted(found) if path.exists()]
    return content_key([[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats])


def look_at(pin: EmscriptenPin, path: Path) -> Path:
    """The folder with emcc.py at that path. Starts no program and needs no network.

    UnavailableError when it is no Emscripten, or another version than the pin's. Versions are compared without `-git`,
    which a git checkout adds to the version of the release that it is, or of the next one.
    """
    root = find_root(path)
    if root is None:
        raise UnavailableError(
            f"path: {path} is no Emscripten: there is no emcc.py in it",
            hint="give the folder of an emsdk, the one that holds emcc, or an emcc",
        )
    release = number(pin.version)
    if number(found := version_of(root)) != release:
        raise UnavailableError(
            f"path: the Emscripten at {root} is {found or 'of no version that it states'}, the cell wants "
            f"{pin.version}",
            hint=f"`emsdk install {release}` and `emsdk activate {release}`, or another cell: `emscripten` takes the "
            "number that the Emscripten of --toolchain states, whatever it is",
        )
    return root


def check_agrees(root: Path) -> None:
    """UnavailableError when the clang of its configuration is not of the version that this emcc needs. emcc itself only
    warns of that, for each file that it compiles, and the consequences might be seen only in the tests.
    """
    expected = expected_llvm(root)
    llvm = _configured(root, "LLVM_ROOT")
    found = version_in(capture([str(llvm / "clang"), "--version"]))
    if expected and found.partition(".")[0] != expected:
        raise UnavailableError(
            f"path: emcc and clang do not belong together: the Emscripten at {root} is made for LLVM {expected}, and "
            f"the clang that its configuration names is {found or 'not working'}: {llvm}",
            hint=f"LLVM_ROOT of its configuration, or EM_LLVM_ROOT, must name an LLVM {expected}; `emsdk activate "
            "VERSION` sets up both",
        )


def expected_llvm(root: Path) -> str:
    """The major version of LLVM that an Emscripten needs, by its own scripts; empty if they do not say."""
    try:
        text = (root / "tools" / "shared.py").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
    found = re.search(r"^EXPECTED_LLVM_VERSION = (\d+)", text, re.MULTILINE)
    return found[1] if found else ""


def _configured(root: Path, key: str) -> Path:
    """The values of Emscripten's own configuration, wherever that is."""
    value = capture([sys.executable, "-E", str(root / "em-config.py"), key], cwd=root).rpartition("\n")[2]
    if not value or not Path(value).is_dir():
        raise UnavailableError(
            f"path: the configuration of {root} names no {key} that is there: {value or 'nothing'}",
            hint=f"`emsdk activate VERSION` writes one; `{root}/em-config {key}` must name a folder",
        )
    return Path(value)
