"""A WASI SDK made of Debian's packages, for an SDK whose pin says that they are of the same revisions.

The packages are unpacked into a prefix, next to a folder of links that has the layout of an SDK.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from harness.errors import OriginError, UnavailableError
from harness.matrix.pins import Pins, WasiSdkPin
from harness.toolchains import patchelf
from harness.toolchains.base import Toolchain, make_toolchain, wasi_toolchain
from harness.util import apt
from harness.util.hashing import content_key

_DRIVERS = ("clang", "clang++", "clang-cpp")
_TOOLS = (*_DRIVERS, "llvm-ar", "llvm-ranlib", "llvm-nm", "llvm-objcopy", "llvm-strip", "wasm-ld")
# The first clang that warns at `wasm32-wasi`.
_RENAMED = 22
_ALIASES = {"ar": "llvm-ar", "ranlib": "llvm-ranlib", "nm": "llvm-nm"}


def entry(pin: WasiSdkPin, _pins: Pins, cache: Path) -> Path | None:
    """Its place in the cache; None when the pin names no packages.

    Its programs contain the path of the cache, which is therefore a part of the name.
    """
    key = content_key([pin.apt_suite, pin.apt_packages, str(cache)])
    return cache / "toolchains" / f"wasi-sdk-{pin.version}-apt-{key}" if pin.apt_packages else None


def obtain(pin: WasiSdkPin, pins: Pins, cache: Path) -> Toolchain:
    """The toolchain: its packages are downloaded, checked and unpacked unless the cache has it.

    UnavailableError when they are of other revisions than the SDK.
    """
    final = entry(pin, pins, cache)
    if final is None:
        raise UnavailableError(
            f"apt: no suite is pinned whose packages are those of WASI SDK {pin.version}",
            hint="use the release archive or WASI_SDK_PATH",
        )

    def fill(folder: Path) -> Toolchain:
        patchelf.find_patchelf()  # before the download rather than after it
        check = functools.partial(_check_revisions, pin)
        versions = apt.fill_prefix(pin.apt_packages, pin.apt_suite, cache, folder / "prefix", check=check)
        llvm = folder / "prefix" / "usr" / "lib" / f"llvm-{_major(pin)}" / "bin"
        patchelf.patch_programs(llvm, folder / "prefix", final / "prefix")
        # A libLLVM with a path of its own, as that of Debian's LLVM 22, does not look where the program says.
        patchelf.patch_libraries(folder / "prefix", final / "prefix")
        # Clang as the SDK's is: its default target is WASI, and it finds the linker in its own folder.
        for driver in _DRIVERS:
            (llvm / f"{driver}.cfg").write_text(f"--target={target_of(pin)}\n", encoding="utf-8")
        linker = llvm / f"wasm-ld-{_major(pin)}"
        if not linker.exists():
            linker.symlink_to("lld")
        _lay_sdk(folder, llvm, final, target_of(pin))
        packages = " ".join(f"{name}={versions[name]}" for name in pin.apt_packages)
        facts = {
            "llvm": pin.llvm,
            "wasi_libc": pin.wasi_libc,
            "suite": pin.apt_suite,
            "packages": packages,
        }
        return wasi_toolchain("apt", pin.version, final / "sdk", facts)

    return make_toolchain(final, fill)


def packages_of(pin: WasiSdkPin) -> tuple[str, ...]:
    """Debian's packages for an SDK with that version of clang."""
    major = _major(pin)
    return (f"clang-{major}", f"lld-{major}", f"llvm-{major}", "wasi-libc", f"libclang-rt-{major}-dev-wasm32")


def _major(pin: WasiSdkPin) -> str:
    return pin.llvm.split(".")[0]


def _check_revisions(pin: WasiSdkPin, versions: Mapping[str, str]) -> None:
    if wrong := other_revisions(pin, versions):
        raise OriginError(
            f"apt: the packages of {pin.apt_suite} are not those of WASI SDK {pin.version}: {wrong}",
            hint="use the release archive (provider wasi-sdk) or WASI_SDK_PATH",
        )


def other_revisions(pin: WasiSdkPin, versions: Mapping[str, str]) -> str:
    """How these package versions differ from the SDK's; empty if clang and wasi-libc are of the same revisions."""
    clang = versions.get(f"clang-{_major(pin)}", "missing").split(":")[-1]
    libc = versions.get("wasi-libc", "missing")
    wrong = []
    if not clang.startswith(f"{pin.llvm}."):
        wrong.append(f"clang is {clang}, wanted {pin.llvm}")
    if f".{pin.wasi_libc}-" not in libc:
        wrong.append(f"wasi-libc is {libc}, wanted git revision {pin.wasi_libc}")
    return "; ".join(wrong)


def target_of(pin: WasiSdkPin) -> str:
    """The name of WASI preview 1 for that clang: clang 22 warns about the old one."""
    return "wasm32-wasip1" if int(_major(pin)) >= _RENAMED else "wasm32-wasi"


def _lay_sdk(folder: Path, llvm: Path, final: Path, target: str) -> None:
    binaries, sysroot = folder / "sdk" / "bin", folder / "sdk" / "share" / "wasi-sysroot"
    binaries.mkdir(parents=True)
    for tool in _TOOLS:
        (binaries / tool).symlink_to(final / (llvm / tool).relative_to(folder))
    for alias, tool in _ALIASES.items():
        (binaries / alias).symlink_to(tool)
    # Not the prefix's whole include and lib folders: they have glibc's files too.
    for part in ("include", "lib"):
        (sysroot / part).mkdir(parents=True)
        (sysroot / part / target).symlink_to(final / "prefix" / "usr" / part / target)
