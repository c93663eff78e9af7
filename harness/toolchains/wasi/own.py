"""The user's own WASI SDK: `WASI_SDK_PATH`, which CPython's own Tools/wasm reads as well, or a path.

It may also be only a sysroot, as wasi-libc's own build makes it. It then replaces the sysroot of an SDK.
"""

from __future__ import annotations

from pathlib import Path

from harness.errors import UnavailableError
from harness.matrix.pins import WasiSdkPin
from harness.toolchains.base import Toolchain, check_compiles, clang_version, make_toolchain, wasi_toolchain
from harness.util.git import git_output
from harness.util.hashing import content_key
from harness.util.paths import expanded
from harness.util.versions import number

WASI_SDK_VARIABLE = "WASI_SDK_PATH"
_TRIPLES = ("wasm32-wasip1", "wasm32-wasi")
# A folder that every checkout of wasi-libc has.
_OF_LIBC = "libc-bottom-half"
# In a sysroot itself, and in a checkout of wasi-libc, whose place for it has changed.
_SYSROOTS = ("", "sysroot", "build/sysroot")


def obtain(pin: WasiSdkPin, path: Path) -> Toolchain:
    """The SDK at that path, which is not changed. UnavailableError when there is none, or another version, or it does
    not work.
    """
    root = expanded(path)
    stated, llvm = look_at(pin, root)
    check_compiles(root)
    # The stamp changes when the SDK is replaced in place: its builds are then other ones.
    libraries = sorted((root / "share" / "wasi-sysroot").glob("lib/**/*.a"))
    parts = [root / "bin" / "clang", root / "bin" / "wasm-ld", root / "VERSION", *libraries]
    seen = [(part.relative_to(root).as_posix(), part.stat()) for part in parts if part.exists()]
    stamp = content_key([[name, stat.st_size, stat.st_mtime_ns] for name, stat in seen])
    facts = stated | {"llvm": llvm, "path": str(root), "stamp": stamp}
    return wasi_toolchain("path", pin.version, root, facts)


def look_at(pin: WasiSdkPin, path: Path) -> tuple[dict[str, str], str]:
    """The facts that the SDK at that path states, and the version of its clang. Needs no network.

    UnavailableError when it is no WASI SDK, or another than the pin's.
    """
    root = expanded(path)
    if not (root / "bin" / "clang").exists():
        raise UnavailableError(
            f"path: {root} is no WASI SDK: it has no bin/clang",
            hint="give the folder that holds bin and share, or a sysroot of wasi-libc: the one that holds include and "
            "lib/wasm32-wasip1",
        )
    stated, llvm = _version_file(root), clang_version(root)
    if wrong := other_version(pin, stated.get("wasi_sdk", ""), llvm):
        raise UnavailableError(
            f"path: the WASI SDK at {root} is another version: {wrong}",
            hint=f"point {WASI_SDK_VARIABLE} at WASI SDK {pin.version}, unset it, or choose another cell",
        )
    return stated, llvm


def find_sysroot(path: Path) -> Path | None:
    """The sysroot at that path, or in the checkout of wasi-libc there; None if there is none, or a whole SDK."""
    root = expanded(path)
    if (root / "bin" / "clang").exists():
        return None
    return next((root / below for below in _SYSROOTS if _triple_folder(root / below / "lib")), None)


def with_sysroot(base: Toolchain, sysroot: Path, cache: Path) -> Toolchain:
    """The SDK with that sysroot instead of its own. UnavailableError when the two do not work together."""
    files = sorted(path for part in ("include", "lib") for path in (sysroot / part).rglob("*") if path.is_file())
    stats = [(path.relative_to(sysroot).as_posix(), path.stat()) for path in files]
    stamp = content_key([[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats])
    packages = [word for word in base.facts.get("packages", "").split() if not word.startswith("wasi-libc=")]
    facts = {**base.facts, "wasi_libc": _revision(sysroot), "sysroot": str(sysroot), "stamp": stamp}
    facts |= {"packages": " ".join(packages)} if packages else {}
    key = content_key([base.id, str(base.root), str(sysroot), stamp])
    final = cache / "toolchains" / f"wasi-sdk-{base.version}-sysroot-{key}"

    def fill(folder: Path) -> Toolchain:
        (folder / "sdk" / "share" / "wasi-sysroot").mkdir(parents=True)
        (folder / "sdk" / "bin").symlink_to(base.root / "bin")
        for part in ("include", "lib"):
            (goal := folder / "sdk" / "share" / "wasi-sysroot" / part).mkdir()
            # The clang of the SDK and the sysroot may have different names for WASI preview 1.
            for triple in _TRIPLES:
                (goal / triple).symlink_to(_triple_folder(sysroot / part) or sysroot / part)
        return wasi_toolchain("path", base.version, final / "sdk", facts)

    try:
        return make_toolchain(final, fill)
    except UnavailableError as error:
        raise UnavailableError(
            f"path: the sysroot {sysroot} does not work with the clang of WASI SDK {base.version}:\n{error.message}",
            hint=error.hint,
        ) from error


def _triple_folder(folder: Path) -> Path | None:
    """The folder of WASI preview 1 in a sysroot's `lib` or `include`, under either of its names."""
    return next((folder / triple for triple in _TRIPLES if (folder / triple).is_dir()), None)


def _revision(sysroot: Path) -> str:
    """The commit of the checkout of wasi-libc that contains the sysroot; empty if there is none."""
    places = (sysroot, *sysroot.parents[:2])
    # A checkout of another repository may contain it.
    checkout = next((place for place in places if (place / ".git").exists() and (place / _OF_LIBC).is_dir()), None)
    return git_output(checkout, "rev-parse", "HEAD").strip() if checkout else ""


def stated_version(path: Path) -> str:
    """The version in the SDK's VERSION file, such as `25.0` or `33.0+m`; empty if it has no such file."""
    return _version_file(expanded(path)).get("wasi_sdk", "")


def other_version(pin: WasiSdkPin, stated: str, llvm: str) -> str:
    """What differs from the pin; empty when nothing does.

    By the number that the SDK's VERSION file states (`25.0`, `33.0+m`, `25.5g0fd1d10e1c5f`); by clang's version where
    there is no such file.
    """
    if stated:
        same = number(stated).partition(".")[0] == number(pin.version)
        return "" if same else f"its VERSION says {stated}, the cell wants {pin.version}"
    same = llvm.startswith(f"{pin.llvm}.")
    known = pin.llvm or "one that no pin names, and there is no file VERSION"
    return "" if same else f"its clang is {llvm or 'not working'}, WASI SDK {pin.version} has {known}"


def _version_file(root: Path) -> dict[str, str]:
    """The lines of VERSION: the SDK's own version, then `name: revision` of its parts."""
    try:
        first, *rest = (root / "VERSION").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    pairs = [line.split(":", 1) for line in rest if ":" in line]
    return {"wasi_sdk": first.strip()} | {name.strip().replace("-", "_"): value.strip() for name, value in pairs}
