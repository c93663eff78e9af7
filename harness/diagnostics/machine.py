"""Gathers the facts of this machine and its cache, and changes nothing. `doctor.py` judges them."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from harness.build.artifact import build_folder
from harness.build.cross_build import COMPILERS
from harness.build.libraries import cached_libraries
from harness.errors import ConfigError, UnavailableError
from harness.matrix.cells import MACHINES_OWN, Cell
from harness.matrix.pins import Pins, TarballPin
from harness.sources import checkout
from harness.sources.base import cached as cached_source
from harness.sources.base import read_version
from harness.targets import Target
from harness.toolchains import EMSCRIPTEN_PROVIDERS, WASI_SDK_PROVIDERS, Toolchain
from harness.toolchains.base import cached as cached_toolchain
from harness.toolchains.browsers import machines_browser
from harness.toolchains.patchelf import find_patchelf
from harness.toolchains.runtimes import prebuilt_package, runtime_folder
from harness.toolchains.wasi import own as own_sdk
from harness.util import apt
from harness.util.cache import cache_root
from harness.util.download import connection_fault, head_status
from harness.util.process import capture

PROBE_SECONDS = 3.0
_PROGRAMS = (*COMPILERS, "make", "git", "apt-get", "dpkg-deb", "ccache", "npm")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The facts of this machine. `programs` has the paths of the programs that it has. Sizes are in bytes.

    `compiler` is the first line of the compiler's `--version`. `debian_archive` is the address that apt uses; empty if
    its configuration is not usable. `faults` has by host why hosts of pins cannot be reached. `answers` has by address
    the HTTP status of each requested file, 0 if there was no answer.
    """

    python: str
    cache: Path
    disk_free: int
    memory: int
    processors: int
    programs: Mapping[str, str] = field(default_factory=dict)
    compiler: str = ""
    pip: str = ""
    debian_archive: str = ""
    offline: bool = False
    faults: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, int] = field(default_factory=dict)

    def fault_of(self, url: str) -> str:
        """The reason why the URL cannot be downloaded, as far as that is known beforehand; empty if there is none."""
        host = urlsplit(url).netloc
        if self.offline:
            return f"{host} was not tried"
        answer = self.answers.get(url, 0)
        return self.faults.get(host, "") or (f"{host} answers {answer} for {url}" if 400 <= answer < 500 else "")

    def apt_address(self, pin: TarballPin) -> str:
        """The address at which the machine's Debian archive has the tarball of the pin's source package, if it does."""
        return apt.pool_address(self.debian_archive, pin.apt_source, pin.apt_file)

    @property
    def apt_lacks(self) -> str:
        """What apt lacks to be a provider; empty if nothing."""
        missing = [name for name in ("apt-get", "dpkg-deb") if name not in self.programs]
        if missing:
            return f"there is no {' and no '.join(missing)}"
        return "" if self.debian_archive else "its configuration names no Debian archive with a keyring"

    @property
    def apt_fault(self) -> str:
        """The reason why apt cannot be a provider; empty if it can."""
        return self.apt_lacks or ("the network was not tried" if self.offline else "")


@dataclass(frozen=True, kw_only=True)
class Found:
    """The parts of one cell that exist already. `source` and `toolchain` name the provider of each; empty if there is
    none. `package` says that the package of a published interpreter is in the cache.

    `own_python` is the version of the user's checkout. `own_sdk_fault` says why the user's WASI SDK is not usable. For
    a cell with a runtime of the machine, `own_runtime` is that runtime, or `own_runtime_fault` the reason for its lack.
    """

    source: str = ""
    own_python: str = ""
    toolchain: str = ""
    own_sdk_fault: str = ""
    build: bool = False
    runtime: bool = False
    package: bool = False
    own_runtime: str = ""
    own_runtime_fault: str = ""


def look_at_machine(pins: Pins, *, offline: bool) -> Machine:
    """The facts of this machine. With `offline` the network is not tried."""
    programs = {name: path for name in _PROGRAMS if (path := shutil.which(name))}
    with contextlib.suppress(UnavailableError):
        programs["patchelf"] = find_patchelf()
    compiler = next((programs[name] for name in COMPILERS if name in programs), "")
    cache = cache_root()
    pip = capture([sys.executable, "-m", "pip", "--version"]).split()
    targets = capture(["apt-get", "indextargets", "--format", "$(REPO_URI)|$(COMPONENT)|$(CREATED_BY)"])
    archive = apt.archive_address(targets) if apt.KEYRING.exists() else ""
    faults = {} if offline else _faults(pins)
    return Machine(
        python=platform.python_version(),
        cache=cache,
        disk_free=shutil.disk_usage(next(path for path in (cache, *cache.parents) if path.exists())).free,
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        processors=os.cpu_count() or 1,
        programs=programs,
        compiler=capture([compiler, "--version"]).partition("\n")[0] if compiler else "",
        pip=pip[1] if len(pip) > 1 else "",
        debian_archive=archive,
        offline=offline,
        faults=faults,
        answers={} if offline else _answers(pins, archive, faults),
    )


def _faults(pins: Pins) -> dict[str, str]:
    urls = [*(pin.url for pin in pins.cpython), *(pin.url for pin in pins.wasi_sdk_archive)]
    origins = {urlsplit(url).netloc: url for url in urls}
    tried = {host: connection_fault(url, PROBE_SECONDS) for host, url in origins.items()}
    return {host: f"{host} cannot be reached ({fault})" for host, fault in tried.items() if fault}


def _answers(pins: Pins, archive: str, faults: Mapping[str, str]) -> dict[str, int]:
    """The HTTP status of each pinned CPython by address, at its origin and in the Debian archive, for each of these
    hosts that answers.
    """
    urls = [pin.url for pin in pins.cpython if urlsplit(pin.url).netloc not in faults]
    # Only apt can resolve addresses of other kinds, such as a mirror list or a file.
    if archive.startswith(("http://", "https://")) and not connection_fault(archive, PROBE_SECONDS):
        packaged = [pin for pin in pins.cpython if pin.apt_source]
        urls += [apt.pool_address(archive, pin.apt_source, pin.apt_file) for pin in packaged]
    with ThreadPoolExecutor(max_workers=8) as pool:
        return dict(zip(urls, pool.map(lambda url: head_status(url, PROBE_SECONDS), urls), strict=True))


def look_for(cell: Cell, pins: Pins, cache: Path) -> Found:
    """The parts of the cell in `cache` and among the user's own tools. ConfigError when its checkout is not CPython's
    source.
    """
    source, has_runtime, own_python = None, False, ""
    if cell.python.checkout:
        own_python = read_version(checkout.checked_root(Path(cell.python.checkout)))
        source = checkout.find(Path(cell.python.checkout), cache)
    with contextlib.suppress(UnavailableError):
        pin = pins.cpython_pin(str(cell.python))
        source = cached_source(cache / "sources" / f"{pin.version}-{pin.sha256[:16]}")
    with contextlib.suppress(UnavailableError):
        has_runtime = runtime_folder(pins.runtime_pin(cell.engine, cell.runtime), cache).exists()
    if cell.release:
        with contextlib.suppress(UnavailableError):
            package = prebuilt_package(pins.prebuilt_pin(cell.distribution.value, cell.release), cache)
            return Found(source=source.provider if source else "", runtime=has_runtime, package=package.exists())
    own_runtime, own_runtime_fault = _machines_runtime(cell)
    toolchain, fault = _CACHED_TOOLCHAIN[cell.target](cell, pins, cache)
    build = None
    if source and toolchain:
        build = build_folder(cell, source, toolchain, cache, cached_libraries(cell, toolchain, pins, cache))
    return Found(
        source=source.provider if source else "",
        own_python=own_python,
        toolchain=toolchain.provider if toolchain else "",
        own_sdk_fault=fault,
        build=build is not None and build.exists(),
        runtime=has_runtime,
        own_runtime=own_runtime,
        own_runtime_fault=own_runtime_fault,
    )


def _machines_runtime(cell: Cell) -> tuple[str, str]:
    """The runtime of the machine that the cell gets, and the reason if it gets none. Both are empty for a cell with a
    pinned runtime.
    """
    if cell.runtime != MACHINES_OWN:
        return "", ""
    try:
        program, version = machines_browser(cell.engine)
    except UnavailableError as lack:
        return "", lack.message
    return f"{version}, the machine's own {program}", ""


def _cached_wasi_sdk(cell: Cell, pins: Pins, cache: Path) -> tuple[Toolchain | None, str]:
    fault = ""
    with contextlib.suppress(UnavailableError):
        pin = pins.wasi_sdk_pin(cell.toolchain)
        if given := os.environ.get(own_sdk.WASI_SDK_VARIABLE):
            try:
                return own_sdk.obtain(pin, Path(given)), ""
            except (ConfigError, UnavailableError) as refusal:
                fault = refusal.message.splitlines()[0]
        entries = (provider.entry(pin, pins, cache) for provider in WASI_SDK_PROVIDERS.values())
        return _first_cached(entries), fault
    return None, fault


def _cached_emscripten(cell: Cell, pins: Pins, cache: Path) -> tuple[Toolchain | None, str]:
    with contextlib.suppress(UnavailableError):
        pin = pins.emscripten_pin(cell.toolchain)
        entries = (provider.entry(pin, pins, cache) for provider in EMSCRIPTEN_PROVIDERS.values())
        return _first_cached(entries), ""
    return None, ""


def _first_cached(entries: Iterable[Path | None]) -> Toolchain | None:
    toolchains = (cached_toolchain(entry) for entry in entries if entry)
    return next((toolchain for toolchain in toolchains if toolchain), None)


# By target, the function that returns a toolchain that needs no download, first the user's own, and the fault of the
# user's own.
_CACHED_TOOLCHAIN = {Target.WASI: _cached_wasi_sdk, Target.EMSCRIPTEN: _cached_emscripten}
