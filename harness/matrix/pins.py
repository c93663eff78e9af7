"""What is downloaded and the sha256 it must have: `matrices/pins.toml`. Pure but for reading the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from harness.errors import ConfigError, Problem, UnavailableError, did_you_mean
from harness.matrix.cells import MACHINES_OWN, Cell, Library
from harness.targets import Target
from harness.util.toml_tables import Mistake, TableReader, load_document
from harness.util.versions import number

T = TypeVar(
    "T", "CPythonPin", "LibraryPin", "WasiSdkPin", "WasiSdkArchive", "EmscriptenPin", "RuntimePin", "PackagePin"
)

_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class TarballPin:
    """An official source tarball, and the Debian source package (if any) that has the same file."""

    version: str
    url: str
    sha256: str
    apt_suite: str = ""
    apt_source: str = ""
    apt_file: str = ""

    @property
    def title(self) -> str:
        """What messages call the tarball: its version, with the name of the product where that is known."""
        return self.version

    @property
    def sha256_of_apt(self) -> str:
        """The sha256 of `apt_file`."""
        return self.sha256


@dataclass(frozen=True, kw_only=True)
class CPythonPin(TarballPin):
    """A release of CPython."""

    @property
    def title(self) -> str:
        return f"CPython {self.version}"


@dataclass(frozen=True, kw_only=True)
class LibraryPin(TarballPin):
    """A release of a library. `apt_sha256` is given where Debian's tarball of that release is another file."""

    name: Library
    apt_sha256: str = ""

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def sha256_of_apt(self) -> str:
        return self.apt_sha256 or self.sha256


@dataclass(frozen=True, kw_only=True)
class WasiSdkPin:
    """What a WASI SDK is made of: clang's `major.minor`, wasi-libc's git revision, and who says so.

    `apt_packages` are the packages of `apt_suite` that have these revisions; empty when there are none.
    """

    version: str
    llvm: str
    wasi_libc: str
    evidence: str
    apt_suite: str = ""
    apt_packages: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WasiSdkArchive:
    """The release archive of a WASI SDK for one platform, in the words of its releases: `x86_64-linux`."""

    version: str
    platform: str
    url: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class EmsdkPin:
    """A commit of the emsdk repository: it knows each release until then, and the sha256 of its archives."""

    url: str
    commit: str


@dataclass(frozen=True, kw_only=True)
class EmscriptenPin:
    """A release of Emscripten. `node` is the pinned version of Node that runs its own scripts.

    `apt_suite` is the Debian suite whose package `emscripten` is this release; empty when none is.
    """

    version: str
    node: str
    apt_suite: str = ""


class Installer(StrEnum):
    PIP = "pip"
    NPM = "npm"


@dataclass(frozen=True, kw_only=True)
class RuntimePin:
    """A runtime that is a Python package, with one sha256 for each of its wheels, or an npm package.

    `package` is the package's name where it is not the runtime's; of npm's, the part before the platform,
    and there is one sha256 for each platform's archive.
    """

    name: str
    version: str
    sha256: tuple[str, ...]
    installer: Installer = Installer.PIP
    package: str = ""

    @property
    def package_name(self) -> str:
        return self.package or self.name


@dataclass(frozen=True, kw_only=True)
class PackagePin:
    """A package of npm that is the same on every platform: one that the probes give to Node, or an interpreter that
    somebody else has built.
    """

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Pins:
    """All pins."""

    cpython: tuple[CPythonPin, ...] = ()
    library: tuple[LibraryPin, ...] = ()
    wasi_sdk: tuple[WasiSdkPin, ...] = ()
    wasi_sdk_archive: tuple[WasiSdkArchive, ...] = ()
    emsdk: EmsdkPin | None = None
    emscripten: tuple[EmscriptenPin, ...] = ()
    runtime: tuple[RuntimePin, ...] = ()
    npm: tuple[PackagePin, ...] = ()
    prebuilt: tuple[PackagePin, ...] = ()

    def cpython_pin(self, version: str) -> CPythonPin:
        """The pin of that CPython. UnavailableError when there is none."""
        return _of_version(self.cpython, version, "CPython", own="--cpython PATH")

    def library_pin(self, library: Library) -> LibraryPin:
        """UnavailableError when no release of that library is pinned."""
        for pin in self.library:
            if pin.name == library:
                return pin
        raise UnavailableError(f"no release of {library} is pinned", hint="add a [[dependency]] to matrices/pins.toml")

    def wasi_sdk_pin(self, version: str) -> WasiSdkPin:
        """The pin of that WASI SDK. UnavailableError when there is none."""
        return _of_version(self.wasi_sdk, version, "WASI SDK", own="WASI_SDK_PATH")

    def archive(self, version: str, platform: str) -> WasiSdkArchive | None:
        """The release archive of that WASI SDK for that platform, if one is pinned."""
        archives = self.wasi_sdk_archive
        return next((pin for pin in archives if (pin.version, pin.platform) == (version, platform)), None)

    def emscripten_pin(self, version: str) -> EmscriptenPin:
        """UnavailableError when that Emscripten is not pinned."""
        return _of_version(self.emscripten, version, "Emscripten", own="--toolchain PATH")

    @property
    def newest_emscripten(self) -> EmscriptenPin:
        """The pin of the newest Emscripten. UnavailableError when none is pinned."""
        if not self.emscripten:
            raise UnavailableError("no Emscripten is pinned", hint="add an [[emscripten]] to matrices/pins.toml")
        return max(self.emscripten, key=lambda pin: [int(part) for part in number(pin.version).split(".")])

    def and_also(self, more: Pins) -> Pins:
        """These pins and those of `more`; where both pin a version, these hold. The commit of emsdk is that of `more`,
        if it names one: it may have to know a newer release.
        """
        pairs = ((field.name, getattr(self, field.name), getattr(more, field.name)) for field in fields(self))
        joined = {name: mine + others for name, mine, others in pairs if isinstance(mine, tuple)}
        return replace(self, emsdk=more.emsdk or self.emsdk, **joined)

    def npm_pin(self, name: str) -> PackagePin:
        """UnavailableError when no version of that package of npm is pinned."""
        found = next((pin for pin in self.npm if pin.name == name), None)
        if found is None:
            raise UnavailableError(f"the npm package {name} is not pinned", hint="add an [[npm]] to matrices/pins.toml")
        return found

    def prebuilt_pin(self, name: str, release: str) -> PackagePin:
        """UnavailableError when that release of the distribution is not pinned."""
        return _of_version([pin for pin in self.prebuilt if pin.name == name], release, name)

    def runtime_pin(self, name: str, version: str) -> RuntimePin:
        """UnavailableError when that version of the runtime is not pinned."""
        return _of_version([pin for pin in self.runtime if pin.name == name], version, name)

    def lacking_for(self, cell: Cell) -> Iterator[UnavailableError]:
        """What of a cell is not pinned, each with the hint what to write: without those pins nothing builds the cell.
        A path of a CPython, what is no version, and the toolchain that a tree pins, need none.
        """
        toolchain_pin = {Target.WASI: self.wasi_sdk_pin, Target.EMSCRIPTEN: self.emscripten_pin}
        wanted: list[tuple[Callable[..., object], tuple[str, ...]]] = [
            *([(self.cpython_pin, (cell.python.version,))] if cell.python.version else []),
            *([(toolchain_pin[cell.target], (cell.toolchain,))] if cell.toolchain and not cell.release else []),
            *([(self.prebuilt_pin, (cell.distribution.value, cell.release))] if cell.release else []),
            *([] if cell.runtime == MACHINES_OWN else [(self.runtime_pin, (cell.engine.value, cell.runtime))]),
        ]
        for pin_of, arguments in wanted:
            try:
                pin_of(*arguments)
            except UnavailableError as lack:
                yield lack


def _of_version(pins: Sequence[T], version: str, what: str, *, own: str = "") -> T:
    for pin in pins:
        if pin.version == version:
            return pin
    known = ", ".join(pin.version for pin in pins) or "none"
    also = f"; or use one you have, with {own}" if own else ""
    message = f"{what} {version} is not pinned; pinned: {known}"
    if pins and version.count(".") < min(pin.version.count(".") for pin in pins):
        longer = [pin.version for pin in pins if pin.version.startswith(f"{version}.")]
        whole = max(longer or (pin.version for pin in pins), key=_sorted_by)
        message += f"; did you mean {whole}?" if longer else ""
        raise UnavailableError(message, hint=f"name a whole version, such as {whole}{also}")
    add = f"`python -m harness pins add {what.lower().replace(' ', '-')} {version}` pins it"
    raise UnavailableError(message, hint=f"{add}{also}")


def _sorted_by(version: str) -> list[tuple[int, str]]:
    """For sorting: 3.14.10 comes after 3.14.9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in version.split(".")]


def load_pins(path: Path, base: Pins | None = None) -> Pins:
    """The pins of the file, which may go on from those of the `base`. ConfigError lists all its mistakes at once; a pin
    without its sha256 is one.
    """
    problems: list[Problem] = []
    reader = TableReader(load_document(path, f"{path.parent.name}/{path.name}", problems), problems)
    of_builds = {"cpython", "dependency", "wasi_sdk", "wasi_sdk_archive", "emsdk", "emscripten"}
    reader.check_top_level(of_builds | {"runtime", "npm", "prebuilt"})
    data = reader.table("emsdk")
    emsdk = reader.read(EmsdkPin, data, table="emsdk") if data else None
    if emsdk and not _COMMIT.fullmatch(emsdk.commit):
        reader.problem("must be all 40 digits of a commit", table="emsdk", key="commit")
    pins = Pins(
        cpython=_read(reader, CPythonPin, "cpython", ("version",)),
        library=_read(reader, LibraryPin, "dependency", ("name",)),
        wasi_sdk=_read(reader, WasiSdkPin, "wasi_sdk", ("version",)),
        wasi_sdk_archive=_read(reader, WasiSdkArchive, "wasi_sdk_archive", ("version", "platform")),
        emsdk=emsdk,
        emscripten=_read(reader, EmscriptenPin, "emscripten", ("version",)),
        runtime=_read(reader, RuntimePin, "runtime", ("name", "version")),
        npm=_read(reader, PackagePin, "npm", ("name",)),
        prebuilt=_read(reader, PackagePin, "prebuilt", ("name", "version")),
    )
    pins = base.and_also(pins) if base else pins
    nodes = {pin.version for pin in pins.runtime if pin.name == "node"}
    for index, entry in enumerate(reader.array("emscripten")):
        if isinstance(entry.get("node"), str) and entry["node"] not in nodes:
            suggestion = did_you_mean(entry["node"], nodes)
            reader.problem("is no pinned Node", table="emscripten", index=index, key="node", suggestion=suggestion)
    if problems:
        raise ConfigError("the pins have mistakes:", problems=problems)
    return pins


def _read(reader: TableReader, cls: type[T], table: str, key: tuple[str, ...]) -> tuple[T, ...]:
    seen: set[tuple[object, ...]] = set()
    found = []
    for index, data in enumerate(reader.array(table)):
        pin = reader.read(cls, data, table=table, index=index)
        if pin is None:
            continue
        reader.report(_contradictions(pin), table, index)
        identity = tuple(data[name] for name in key)
        if identity in seen:
            named = " ".join(map(str, identity))
            reader.problem(f"{named} is pinned twice", table=table, index=index, key=key[-1])
        seen.add(identity)
        found.append(pin)
    return tuple(found)


def _contradictions(
    pin: CPythonPin | LibraryPin | WasiSdkPin | WasiSdkArchive | EmscriptenPin | RuntimePin | PackagePin,
) -> Iterable[Mistake]:
    if isinstance(pin, TarballPin | WasiSdkArchive | RuntimePin | PackagePin):
        hashes = pin.sha256 if isinstance(pin.sha256, tuple) else (pin.sha256,)
        if not hashes or not all(_SHA256.fullmatch(value) for value in hashes):
            yield Mistake("sha256", "must be 64 lower-case hex digits")
    if isinstance(pin, LibraryPin) and pin.apt_sha256 and not _SHA256.fullmatch(pin.apt_sha256):
        yield Mistake("apt_sha256", "must be 64 lower-case hex digits")
    if isinstance(pin, TarballPin | WasiSdkArchive) and not pin.url.startswith("https://"):
        yield Mistake("url", "must be an https address")
    if isinstance(pin, TarballPin) and len({not pin.apt_suite, not pin.apt_source, not pin.apt_file}) > 1:
        yield Mistake("apt_suite", "apt_suite, apt_source and apt_file belong together: all or none")
    if isinstance(pin, WasiSdkPin) and bool(pin.apt_suite) != bool(pin.apt_packages):
        yield Mistake("apt_suite", "apt_suite and apt_packages belong together: both or none")
