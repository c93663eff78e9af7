"""Debian packages of any suite, without touching the system: own apt state, own lists, own prefix.

The address of the archive is the machine's own. Nothing is installed: packages are downloaded with all they
need and unpacked into a prefix; `patchelf.py` makes the programs in it run there.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from harness.errors import OriginError, UnavailableError
from harness.util.files import disk_error
from harness.util.locks import locked
from harness.util.process import Command, Completed, capture, indented, run

logger = logging.getLogger(__name__)

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# Their lists are valid for a week; a mirror or a snapshot may have older ones, and packages are checked all the same.
ROLLING = frozenset({"testing", "forky", "unstable", "sid"})
_KEPT = re.compile(r"Acquire::(https?|Retries|ForceIPv[46]|Check-Valid-Until|Check-Date)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Apt:
    """apt with a state of its own for one suite. `env` makes any apt command use it; `archive` is the address."""

    suite: str
    folder: Path
    env: Mapping[str, str]
    archive: str

    @property
    def archives(self) -> Path:
        """Where downloaded packages lie."""
        return self.folder / "cache" / "archives"


@dataclass(frozen=True, kw_only=True)
class SourcePackage:
    """A version of a source package: Debian's version, and the sha256 of each of its files by name."""

    version: str
    files: Mapping[str, str]


def archive_address(targets: str) -> str:
    """The Debian archive among lines of `REPO_URI|COMPONENT|CREATED_BY`; empty when there is none."""
    for line in targets.splitlines():
        uri, component, kind = (*line.split("|"), "", "", "")[:3]
        if component == "main" and kind == "Packages" and uri.rstrip("/").endswith("/debian"):
            return uri
    return ""


def pool_address(archive: str, source: str, file: str) -> str:
    """The address of a file of a source package in a Debian archive."""
    group = source[:4] if source.startswith("lib") else source[:1]
    return f"{archive.rstrip('/')}/pool/main/{group}/{source}/{quote(file)}"


def machines_address(source: str, file: str) -> str:
    """The address of a file of a source package in this machine's Debian archive. OriginError where it has none."""
    return pool_address(_machine()[0], source, file)


def sources_list(uri: str, suite: str, keyring: Path) -> str:
    """The sources.list of one suite: programs and sources."""
    where = f"[signed-by={keyring}] {uri} {suite} main\n"
    return f"deb {where}deb-src {where}"


def configuration(folder: Path, architecture: str, machine: str, suite: str = "") -> str:
    """An apt.conf that keeps everything in `folder`. The lists of a rolling suite may be out of date.

    Of the machine's own (`apt-config dump`) only how it reaches the network is kept: its hooks are for its
    own cache, and would run when ours changes.
    """
    own = [
        f'Dir::State "{folder}/state";',
        f'Dir::State::status "{folder}/status";',
        f'Dir::Cache "{folder}/cache";',
        # Both are as large as the lists, and save half a second.
        'Dir::Cache::pkgcache "";',
        'Dir::Cache::srcpkgcache "";',
        f'Dir::Etc::sourcelist "{folder}/sources.list";',
        'Dir::Etc::sourceparts "/nonexistent";',
        'Dir::Etc::preferences "/nonexistent";',
        'Dir::Etc::preferencesparts "/nonexistent";',
        'Dir::Etc::parts "/nonexistent";',
        'Dir::Etc::main "/nonexistent";',
        f'APT::Architecture "{architecture}";',
        f'APT::Architectures {{"{architecture}";}};',
        'APT::Install-Recommends "false";',
        # root's apt would download as the user `_apt`, who may not enter a cache under a home folder.
        'APT::Sandbox::User "root";',
        'Acquire::Languages "none";',
        'Acquire::GzipIndexes "true";',
        'Acquire::Retries "2";',
        'Acquire::http::Timeout "20";',
    ]
    kept = [line for line in machine.splitlines() if _KEPT.match(line) and not line.endswith('"";')]
    late = ['Acquire::Check-Valid-Until "false";'] if suite in ROLLING else []
    return "\n".join([*own, *kept, *late, ""])


def open_apt(suite: str, cache: Path) -> Apt:
    """apt for that suite with fresh lists. UnavailableError without apt or a Debian archive."""
    uri, architecture = _machine()
    folder = cache / "apt" / suite
    env = os.environ | {"APT_CONFIG": str(folder / "apt.conf"), "LC_ALL": "C"}
    apt = Apt(suite=suite, folder=folder, env=env, archive=uri)
    try:
        for part in ("state/lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "status").write_text("")
        (folder / "sources.list").write_text(sources_list(uri, suite, KEYRING))
        text = configuration(folder, architecture, capture(["apt-config", "dump"]), suite)
        (folder / "apt.conf").write_text(text)
    except OSError as error:
        raise disk_error(error, folder) from error
    logger.info("apt: reading the lists of %s from %s", suite, uri)
    strict = ("-o", "APT::Update::Error-Mode=any")
    _apt(apt, ("update", *strict), f"the lists of {suite} are not available from {uri}")
    return apt


def _machine() -> tuple[str, str]:
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise OriginError("apt: this machine has no apt-get", hint="it serves on Debian only")
    form = "$(REPO_URI)|$(COMPONENT)|$(CREATED_BY)"
    uri = archive_address(capture(["apt-get", "indextargets", "--format", form]))
    if not uri or not KEYRING.exists():
        raise OriginError(
            "apt: the machine's own apt configuration names no Debian archive (component main of an address "
            f"that ends in /debian/), or {KEYRING} is missing",
            hint="on Debian, run apt-get update once; elsewhere use another provider",
        )
    return uri, capture(["dpkg", "--print-architecture"])


def open_lists(suite: str, cache: Path) -> Apt:
    """apt for that suite, to ask its fresh lists. UnavailableError as `open_apt`."""
    with locked(cache / "apt" / f"{suite}.lock"):
        return open_apt(suite, cache)


def source_packages(apt: Apt, package: str) -> tuple[SourcePackage, ...]:
    """The versions of a source package that the suite's signed lists have; empty when there is none."""
    return parse_sources(capture(["apt-cache", "showsrc", "--only-source", package], env=apt.env))


def parse_sources(text: str) -> tuple[SourcePackage, ...]:
    """The packages in paragraphs of a file Sources."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        version = re.search(r"^Version: (\S+)", paragraph, re.MULTILINE)
        listed = re.search(r"^Checksums-Sha256:\s*\n((?: .*(?:\n|\Z))+)", paragraph, re.MULTILINE)
        if version and listed:
            rows = [line.split() for line in listed[1].splitlines()]
            files = {row[2]: row[0] for row in rows if len(row) == 3}
            found.append(SourcePackage(version=version[1], files=files))
    return tuple(found)


def binary_versions(apt: Apt, packages: Sequence[str]) -> dict[str, str]:
    """The newest version of each of these packages that the suite's lists have; of others nothing."""
    return parse_versions(capture(["apt-cache", "madison", *packages], env=apt.env))


def parse_versions(table: str) -> dict[str, str]:
    """Name to version in lines of `name | version | where Packages`; the first line of a name has its newest."""
    rows = [[column.strip() for column in line.split("|")] for line in table.splitlines()]
    return {row[0]: row[1] for row in reversed(rows) if len(row) == 3 and row[2].endswith(" Packages")}


def _apt(apt: Apt, arguments: Sequence[str], failure: str) -> None:
    done = _run_apt(apt, arguments, apt.folder)
    if not done.ok:
        raise failed(done, f"apt: {failure}", OriginError)


def _run_apt(apt: Apt, arguments: Sequence[str], cwd: Path) -> Completed:
    return run(Command(argv=("apt-get", "-q", *arguments), cwd=cwd, env=apt.env, timeout=1800))


def failed(done: Completed, what: str, kind: type[UnavailableError] = UnavailableError) -> UnavailableError:
    """The error of that kind for a command that failed, with the last lines of its output."""
    words = [line for line in done.output.splitlines() if line.startswith(("E:", "Err:", "W:"))]
    words = words or done.output.splitlines()
    shown = indented("\n".join(words[-6:]))
    return kind(
        f"{what}: {done.command.argv[0]} {done.ending}\n{shown}".rstrip(),
        hint="check the network and the machine's apt configuration (apt-get update)",
    )


def fill_prefix(
    packages: Sequence[str],
    suite: str,
    cache: Path,
    prefix: Path,
    *,
    check: Callable[[Mapping[str, str]], None],
) -> dict[str, str]:
    """Makes the folder `prefix` of these packages and of everything they need; gives the version of each.

    `check` is shown the versions before anything is unpacked, and raises when they are not the wanted ones.
    """
    prefix.mkdir()
    packed = prefix.with_name("packages")
    packed.mkdir()
    files = fetch_packages(packages, suite, cache, packed)
    versions = package_versions(files)
    check(versions)
    logger.info("apt: unpacking %s packages", len(files))
    unpack_packages(files, prefix)
    shutil.rmtree(packed)
    return versions


def fetch_packages(packages: Sequence[str], suite: str, cache: Path, into: Path) -> tuple[Path, ...]:
    """The .deb files of these packages and of everything they need, downloaded into the folder `into`."""
    with locked(cache / "apt" / f"{suite}.lock"):
        apt = open_apt(suite, cache)
        for old in apt.archives.glob("*.deb"):
            old.unlink()
        logger.info("apt: downloading %s of %s with all they need", ", ".join(packages), suite)
        arguments = ("install", "-y", "--download-only", *packages)
        _apt(apt, arguments, f"cannot download {', '.join(packages)} of {suite}")
        return tuple(file.replace(into / file.name) for file in sorted(apt.archives.glob("*.deb")))


def fetch_source(package: str, suite: str, cache: Path, into: Path, wanted: str) -> None:
    """The tarballs of a source package, downloaded into the folder `into` and not unpacked.

    Only the file `wanted` counts: an archive may lack the others (the .dsc, Debian's changes, a second tarball).
    UnavailableError, with apt's own words, when apt fails and that file is not there.
    """
    with locked(cache / "apt" / f"{suite}.lock"):
        apt = open_apt(suite, cache)
        logger.info("apt: downloading the tarball of the source package %s of %s", package, suite)
        arguments = ("source", "--download-only", "--tar-only", "--only-source", f"{package}/{suite}")
        done = _run_apt(apt, arguments, into)
        if not done.ok and not (into / wanted).exists():
            raise failed(done, f"apt: cannot download {wanted} of the source package {package} of {suite}", OriginError)


def package_versions(files: Iterable[Path]) -> dict[str, str]:
    """Name to version, read from the names of .deb files."""
    parts = (file.name.split("_") for file in files)
    return {part[0]: unquote(part[1]) for part in parts}


def unpack_packages(files: Iterable[Path], prefix: Path) -> None:
    """Unpacks packages into the prefix, one over the other. Their scripts do not run."""
    for file in files:
        done = run(Command(argv=("dpkg-deb", "--extract", str(file), str(prefix)), cwd=prefix, timeout=600))
        if not done.ok:
            raise failed(done, f"apt: {file.name} cannot be unpacked")
