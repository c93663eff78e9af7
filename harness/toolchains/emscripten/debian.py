"""Debian's Emscripten, in a prefix of its own: the same release, with Debian's LLVM and binaryen."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

from harness.errors import OriginError, UnavailableError
from harness.matrix.pins import EmscriptenPin, Pins
from harness.toolchains import patchelf
from harness.toolchains.base import Toolchain
from harness.toolchains.emscripten import layout
from harness.toolchains.emscripten.trial import make_emscripten
from harness.toolchains.runtimes import obtain_runtime
from harness.util import apt


def entry(pin: EmscriptenPin, _pins: Pins, cache: Path) -> Path | None:
    """Its place in the cache, whose path its programs contain; None when no suite of Debian has it."""
    if not pin.apt_suite:
        return None
    name = layout.entry_name(pin.version, "apt", pin.apt_suite, pin.node, cache)
    return cache / "toolchains" / name


def obtain(pin: EmscriptenPin, pins: Pins, cache: Path) -> Toolchain:
    """The toolchain: its packages are downloaded, checked, unpacked and tried unless the cache has it."""
    final = entry(pin, pins, cache)
    if final is None:
        raise UnavailableError(
            f"apt: no suite is pinned whose package is Emscripten {pin.version}",
            hint="use emsdk, or an Emscripten of your own: --toolchain PATH",
        )
    node = obtain_runtime("node", pin.node, pins, cache) / "bin" / "node"

    def fill(folder: Path) -> Toolchain:
        patchelf.find_patchelf()  # before the download rather than after it
        prefix = folder / "prefix"
        check = functools.partial(_check_release, pin)
        versions = apt.fill_prefix(("emscripten",), pin.apt_suite, cache, prefix, check=check)
        llvm = _llvm_folder(prefix)
        _set_binaryen_apart(prefix, folder / "binaryen")
        for programs in (llvm, folder / "binaryen" / "bin"):
            patchelf.patch_programs(programs, prefix, final / "prefix")
        patchelf.patch_libraries(prefix, final / "prefix")
        # Debian's Node searches modules in usr/share/nodejs; any other searches the folders above the importing file.
        modules = prefix / "usr" / "share" / "emscripten" / "node_modules"
        if not modules.exists():
            modules.symlink_to("../nodejs")
        parts = layout.Parts(
            emscripten=final / "prefix" / "usr" / "share" / "emscripten",
            llvm=final / llvm.relative_to(folder),
            binaryen=final / "binaryen",
            node=node,
            seed=final / "prefix" / "usr" / "share" / "emscripten" / "cache",
        )
        layout.lay_out(folder / "sdk", parts, now=lambda path: folder / path.relative_to(final))
        # Debian has patched 3.1.6 to look for binaryen's programs on PATH.
        for program in (folder / "binaryen" / "bin").iterdir():
            (folder / "sdk" / "bin" / program.name).symlink_to(parts.binaryen / "bin" / program.name)
        facts = {"suite": pin.apt_suite, "packages": packages_text(versions), "node": pin.node}
        return layout.emscripten_toolchain("apt", pin.version, final / "sdk", facts)

    return make_emscripten(final, fill, cache)


def _check_release(pin: EmscriptenPin, versions: Mapping[str, str]) -> None:
    if (found := release(versions.get("emscripten", ""))) != pin.version:
        raise OriginError(
            f"apt: the emscripten of {pin.apt_suite} is {found or 'missing'}, wanted {pin.version}",
            hint="the suite has moved on: fix apt_suite in matrices/pins.toml, or use emsdk",
        )


def release(package_version: str) -> str:
    """The upstream release in a package's version: `3.1.69` of `3.1.69+dfsg-3`."""
    found = re.match(r"(?:\d+:)?(\d+\.\d+\.\d+)\b", package_version)
    return found.group(1) if found else ""


def packages_text(versions: Mapping[str, str]) -> str:
    """The packages whose version decides what is compiled, for the manifest."""
    named = [name for name in versions if re.fullmatch(r"emscripten|binaryen|(clang|lld|llvm)-\d+", name)]
    return " ".join(f"{name}={versions[name]}" for name in sorted(named))


def _llvm_folder(prefix: Path) -> Path:
    found = [path.parent for path in sorted(prefix.glob("usr/lib/llvm-*/bin/clang"))]
    if not found:
        raise UnavailableError("apt: the packages hold no clang", hint="use another provider")
    return found[-1]


def _set_binaryen_apart(prefix: Path, folder: Path) -> None:
    """Moves binaryen's programs into a folder without the hundreds of other programs in usr/bin."""
    (folder / "bin").mkdir(parents=True)
    for program in (prefix / "usr" / "bin").glob("wasm*"):
        if not program.is_symlink():
            program.rename(folder / "bin" / program.name)
