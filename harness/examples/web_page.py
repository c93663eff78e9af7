"""The files of the web example as the build has them, and with the smallest changes that make it work."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.build.artifact import Build
from harness.errors import ConfigError, UnavailableError
from harness.examples.causes import ENDED_RUNTIME, HALF_ERASED, NO_ZLIB, SHORT_LINES, UNCLOSED_SCRIPT
from harness.examples.stdlib import WEB_EXAMPLE, is_deflated, series_of, store
from harness.examples.trials import Cause
from harness.sources.base import read_version

PAGE = "python.html"
WORKER = "python.worker.mjs"
# The page of trees that make it for the target `browser`; in 3.11 it has no programs.
_CLASSIC_PAGE = "Tools/wasm/python.html"
_RUN_BUTTON = 'id="run"'
_UNCLOSED = re.compile(r"(<script\b[^>]*?)\s*/>")
# `https://unpkg.com/xterm@4.18.0/lib/xterm.js`, and the attribute that says what it has to be.
_FROM_ELSEWHERE = re.compile(
    r'(?:src|href)="(?P<address>https://[^/"]+/(?:npm/)?(?P<package>[\w.-]+)@(?P<version>[\w.-]+)/(?P<file>[^"]+))"'
    r'[^>]*?integrity="(?P<integrity>[^"]+)"'
)


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """A file that the page takes from another server, and the hash that it must have in the form of HTML."""

    address: str
    package: str
    version: str
    file: str
    integrity: str

    def is_right(self, content: bytes) -> bool:
        """Whether a browser takes that content for the file."""
        name, _, wanted = self.integrity.partition("-")
        return base64.b64encode(hashlib.new(name, content).digest()).decode() == wanted


def foreign_files(page: str) -> tuple[Foreign, ...]:
    """What the page takes from other servers."""
    return tuple(Foreign(**found.groupdict()) for found in _FROM_ELSEWHERE.finditer(page))


# By the name of a cause the file that is changed for it, and how.
Changes = Mapping[str, tuple[str, Callable[[str], str]]]


def in_text(old: str, new: str, cause: Cause) -> Callable[[str], str]:
    """A change for that cause to a text that has `old` once. ConfigError where it has not."""

    def change(text: str) -> str:
        if text.count(old) != 1:
            raise ConfigError(
                f"the web example cannot be changed for {cause.name}: {old!r} is in it {text.count(old)} times",
                hint="CPython has changed it: harness/examples/ has to follow",
            )
        return text.replace(old, new)

    return change


# The same in the pages of all versions.
LONGER_LINES = in_text("SharedArrayBuffer(128 *", "SharedArrayBuffer(8192 *", SHORT_LINES)
WHOLE_CHARACTER = in_text(
    "this.input = this.input.slice(0, -1)", 'this.input = [...this.input].slice(0, -1).join("")', HALF_ERASED
)
# The changes to the texts of the example; that for NO_ZLIB is one to its zip file.
_CHANGES: Changes = {
    UNCLOSED_SCRIPT.name: (PAGE, lambda page: _UNCLOSED.sub(r"\1></script>", page)),
    ENDED_RUNTIME.name: (
        PAGE,
        in_text(
            "this.finishedCallback();",
            "this.finishedCallback(); this.worker.terminate(); this.worker = null; this.initialiseWorker();",
            ENDED_RUNTIME,
        ),
    ),
    SHORT_LINES.name: (WORKER, LONGER_LINES),
    HALF_ERASED.name: (PAGE, WHOLE_CHARACTER),
}


def has_unclosed_script(page: str) -> bool:
    """Whether a script element is closed in a way that is none in HTML."""
    return _UNCLOSED.search(page) is not None


def changed(texts: Mapping[str, str], changes: Sequence[Cause], known: Changes = _CHANGES) -> dict[str, str]:
    """The texts of the example, by the names of their files, with the changes for those causes as far as they are known
    to be changes to a text.
    """
    found = dict(texts)
    for cause in changes:
        if cause.name in known:
            name, change = known[cause.name]
            found[name] = change(found[name])
    return found


@dataclass(frozen=True, kw_only=True)
class WebExample:
    """The web example of a build: its folder, its page and its Worker, and the zip file of the library."""

    folder: Path
    texts: Mapping[str, str]
    library: Path
    has_zlib: bool

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What keeps it from running a program."""
        unclosed = (UNCLOSED_SCRIPT,) if has_unclosed_script(self.texts[PAGE]) else ()
        return (*unclosed, *((NO_ZLIB,) if is_deflated(self.library) and not self.has_zlib else ()))

    @property
    def faults(self) -> tuple[Cause, ...]:
        """What keeps parts of it from working, once it runs a program."""
        return (ENDED_RUNTIME, SHORT_LINES, HALF_ERASED)

    def lay(self, changes: Sequence[Cause], target: Path) -> None:
        """Makes the folder `target` a copy of the example with the changes for those causes."""
        target.mkdir(exist_ok=True)
        for path in self.folder.iterdir():
            if not (target / path.name).exists():
                shutil.copyfile(path, target / path.name)
        for name, text in changed(self.texts, changes).items():
            (target / name).write_text(text, encoding="utf-8")
        if NO_ZLIB in changes:
            store(self.library, target / self.library.name)
        else:
            shutil.copyfile(self.library, target / self.library.name)


def check_makes_web_example(tree: Path) -> None:
    """UnavailableError when the makefile of the source tree makes no web example, or one without a box for programs."""
    makefile = tree / "Makefile.pre.in"
    text = makefile.read_text(encoding="utf-8", errors="replace") if makefile.is_file() else ""
    # Until 3.13 it makes the page for the target `browser`.
    if WEB_EXAMPLE not in text and PAGE not in text:
        raise UnavailableError(
            f"CPython {read_version(tree)} has no web example: CPython's makefile makes it from 3.11 on",
            hint="--cpython PATH-OR-VERSION names another CPython",
        )
    page = tree / _CLASSIC_PAGE
    if page.is_file() and _RUN_BUTTON not in page.read_text(encoding="utf-8", errors="replace"):
        raise UnavailableError(
            f"the web example of CPython {read_version(tree)} is a REPL without a box for programs, and is not tried",
            hint="--cpython PATH-OR-VERSION names another CPython",
        )


def web_example_of(build: Build) -> WebExample:
    """The example that the tree's own makefile has made. UnavailableError when it has made none."""
    folder = build.root / build.manifest.layout.build_folder / WEB_EXAMPLE
    library = folder / f"python{series_of(build)}.zip"
    if not (folder / PAGE).is_file():
        raise UnavailableError(
            f"the build of CPython {build.manifest.python} has no web example",
            hint="until 3.13 that is a build of its own, which no bundle has: leave --bundle out",
        )
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in (PAGE, WORKER)}
    has_zlib = "zlib" in (build.manifest.libraries or {})
    return WebExample(folder=folder, texts=texts, library=library, has_zlib=has_zlib)
