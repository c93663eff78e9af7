"""The official Emscripten, installed by a pinned commit of emsdk, which each version has a copy of.

emsdk does not check the archives that it downloads, but its repository has the sha256 of each, for Bazel.
"""

from __future__ import annotations

import logging
import os
import platform
import re
import sys
from pathlib import Path

from harness.errors import OriginError, UnavailableError
from harness.matrix.pins import EmscriptenPin, EmsdkPin, Pins
from harness.toolchains.base import Toolchain
from harness.toolchains.emscripten import layout
from harness.toolchains.emscripten.trial import make_emscripten
from harness.toolchains.runtimes import obtain_runtime
from harness.util.files import remove_tree
from harness.util.git import export_tree, fetch_commit
from harness.util.hashing import file_sha256
from harness.util.process import Command, run

logger = logging.getLogger(__name__)

_RELEASE = re.compile(r'^\s+"(\d+\.\d+\.\d+)": struct\((.*?)\),$', re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r'(\w+) = "([0-9a-f]+)"')
_SYSTEMS = {"linux": "linux", "darwin": "mac"}
_MACHINES = {"x86_64": "", "amd64": "", "arm64": "_arm64", "aarch64": "_arm64"}


def entry(pin: EmscriptenPin, pins: Pins, cache: Path) -> Path | None:
    """Its place in the cache; None when no emsdk is pinned."""
    if pins.emsdk is None:
        return None
    name = layout.entry_name(pin.version, "emsdk", pins.emsdk.commit, pin.node, cache)
    return cache / "toolchains" / name


def obtain(pin: EmscriptenPin, pins: Pins, cache: Path) -> Toolchain:
    """The release, installed and tried unless the cache has it.

    emsdk's downloads are kept, so that installing it again needs no network.
    """
    emsdk, final = pins.emsdk, entry(pin, pins, cache)
    if emsdk is None or final is None:
        raise UnavailableError("emsdk: none is pinned", hint="add [emsdk] to matrices/pins.toml")
    node = obtain_runtime("node", pin.node, pins, cache) / "bin" / "node"

    def fill(folder: Path) -> Toolchain:
        tree = folder / "emsdk"
        tree.mkdir()
        try:
            repository, commit = fetch_commit(emsdk.url, emsdk.commit, cache)
        except OriginError as error:
            raise OriginError(
                f"emsdk: {error.message}",
                hint="check the network and the proxy settings (https_proxy); apt, or one of your own, needs no emsdk",
            ) from error
        export_tree(repository, commit, tree)
        sha256 = _install(pin.version, emsdk, tree, cache)
        upstream = final / "emsdk" / "upstream"
        parts = layout.Parts(
            emscripten=upstream / "emscripten",
            llvm=upstream / "bin",
            binaryen=upstream,
            node=node,
            seed=upstream / "emscripten" / "cache",
        )
        layout.lay_out(folder / "sdk", parts, now=lambda path: folder / path.relative_to(final))
        facts = {"emsdk": emsdk.commit, "sha256": sha256, "node": pin.node}
        return layout.emscripten_toolchain("emsdk", pin.version, final / "sdk", facts)

    return make_emscripten(final, fill, cache)


def archive_pin(revisions: str, version: str, system: str, machine: str) -> tuple[str, str]:
    """The build id and the sha256 of a release's archive, by emsdk's `bazel/revisions.bzl`.

    UnavailableError when that emsdk does not know the version, or has none for the platform.
    """
    known = releases(revisions)
    if version not in known:
        newest = next(iter(known), "none")
        raise UnavailableError(
            f"emsdk: the pinned emsdk does not know Emscripten {version}; the newest that it knows is {newest}",
            hint=f"`python -m harness pins add emscripten {version}` pins a commit of emsdk that knows it",
        )
    key = f"sha_{_SYSTEMS.get(system, system)}{_MACHINES.get(machine.lower(), machine)}"
    if key not in known[version]:
        raise UnavailableError(
            f"emsdk: there is no archive of Emscripten {version} for {system} on {machine}",
            hint="choose a newer version, or use an Emscripten of your own: --toolchain PATH",
        )
    return known[version]["hash"], known[version][key]


def releases(revisions: str) -> dict[str, dict[str, str]]:
    """The releases in emsdk's `bazel/revisions.bzl`, the newest first: the build id (`hash`) and the sha256 of each
    archive (`sha_linux`).
    """
    return {name: dict(_FIELD.findall(fields)) for name, fields in _RELEASE.findall(revisions)}


def _install(version: str, emsdk: EmsdkPin, tree: Path, cache: Path) -> str:
    """Installs and activates the version in that tree, checks its archive, and returns the sha256 of that."""
    revisions = (tree / "bazel" / "revisions.bzl").read_text(encoding="utf-8")
    build, sha256 = archive_pin(revisions, version, sys.platform, platform.machine())
    downloads, kept = tree / "downloads", cache / "emsdk-downloads"
    for folder in (downloads, kept):
        folder.mkdir(exist_ok=True)
    _link_all(kept, downloads)
    logger.info("emsdk: installing Emscripten %s with emsdk %s", version, emsdk.commit[:12])
    _emsdk(tree, "install", version)
    _emsdk(tree, "activate", version)
    archives = [path for path in downloads.iterdir() if path.name.startswith(f"{build}-wasm-binaries")]
    if [file_sha256(path) for path in archives] != [sha256]:
        for path in archives:
            (kept / path.name).unlink(missing_ok=True)
        raise OriginError(
            f"emsdk: the archive of Emscripten {version} is not the one that emsdk's own revisions.bzl pins: "
            f"wanted one of sha256 {sha256}, found {', '.join(path.name for path in archives) or 'none'}",
            hint="it was deleted: try again; if it stays so, something on the way changes downloads",
        )
    # Only what has been installed and checked is kept: emsdk would use a truncated download again.
    _link_all(downloads, kept)
    remove_tree(downloads)
    return sha256


def _link_all(source: Path, target: Path) -> None:
    for path in source.iterdir():
        if not (target / path.name).exists():
            os.link(path, target / path.name)


def _emsdk(tree: Path, *arguments: str) -> None:
    settings = {"EMSDK_KEEP_DOWNLOADS": "1", "EMSDK_NOTTY": "1", "EMSDK_PYTHON": sys.executable}
    env = layout.without_foreign(os.environ) | settings
    done = run(Command(argv=(str(tree / "emsdk"), *arguments), cwd=tree, env=env, timeout=3600))
    if not done.ok:
        raise OriginError(
            f"emsdk: `emsdk {' '.join(arguments)}` {done.ending}\n{done.tail()}".rstrip(),
            hint="check the network and the proxy settings (https_proxy); apt, or one of your own, needs no emsdk",
        )
