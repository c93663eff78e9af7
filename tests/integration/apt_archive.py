"""A Debian archive of our own on loopback: one source package, unsigned, in which any file can be missing or wrong."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.util import apt
from harness.util.process import capture
from tests.integration.origin import Origin, serving_folder

POOL = "pool/main/z/zlib"


@dataclass
class AptArchive:
    """The archive's folder, which the server at `origin` serves. `publish` makes its index of what is in the pool."""

    folder: Path
    origin: Origin

    def publish(
        self,
        version: str,
        files: dict[str, bytes],
        *,
        gone: tuple[str, ...] = (),
        package: str = "zlib",
        area: str = "main",
    ) -> None:
        """Lists the source package of that version with these files, which are in that area of the pool; it lacks
        those that are `gone`.
        """
        place = f"pool/{area}/{package[0]}/{package}"
        pool = self.folder / place
        pool.mkdir(parents=True, exist_ok=True)
        for name, body in files.items():
            if name not in gone:
                (pool / name).write_bytes(body)
        self._index(package, version, files, place)

    def _index(self, package: str, version: str, files: dict[str, bytes], place: str) -> None:
        listed = "".join(f" {hashlib.sha256(body).hexdigest()} {len(body)} {name}\n" for name, body in files.items())
        fields = {"Package": package, "Binary": f"{package}1g", "Version": version, "Architecture": "any"}
        fields |= {
            "Format": "3.0 (quilt)",
            "Directory": place,
            "Checksums-Sha256": f"\n{listed}".rstrip("\n"),
        }
        sources = "".join(f"{name}: {value}\n" for name, value in fields.items()) + "\n"
        architecture = capture(["dpkg", "--print-architecture"])
        indices = {"main/source/Sources": sources, f"main/binary-{architecture}/Packages": ""}
        release = "Origin: test\nSuite: trixie\nCodename: trixie\nComponents: main\n"
        release += f"Architectures: {architecture}\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n"
        for name, text in indices.items():
            path = self.folder / "dists" / "trixie" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            release += f" {hashlib.sha256(text.encode()).hexdigest()} {len(text.encode())} {name}\n"
        (self.folder / "dists" / "trixie" / "Release").write_text(release)


@contextlib.contextmanager
def apt_archive(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AptArchive]:
    """The archive that `harness.util.apt` uses meanwhile, in place of the machine's own."""
    folder.mkdir()
    with serving_folder(folder) as origin:
        architecture = capture(["dpkg", "--print-architecture"])
        monkeypatch.setattr(apt, "_machine", lambda: (f"{origin.url}/", architecture))
        monkeypatch.setattr(apt, "sources_list", _unsigned)
        yield AptArchive(folder, origin)


def _unsigned(uri: str, suite: str, _keyring: Path) -> str:
    where = f"[trusted=yes] {uri} {suite} main\n"
    return f"deb {where}deb-src {where}"
