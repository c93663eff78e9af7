"""The browsers of this machine that can be used as runtimes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from harness.errors import UnavailableError
from harness.targets import Engine
from harness.toolchains.own_programs import why_unusable
from harness.util.paths import expanded
from harness.util.process import capture

# The names of the programs on PATH, the most usual first.
PROGRAMS = {
    Engine.CHROMIUM: ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    Engine.FIREFOX: ("firefox", "firefox-esr"),
}
# The oldest major versions that have all that the engine's page uses (Promise.withResolvers is the newest of it).
OLDEST = {Engine.CHROMIUM: 119, Engine.FIREFOX: 121}
# `Chromium 150.0.7871.100 built on Debian GNU/Linux`, `Google Chrome 150.0.7871.100`, `Mozilla Firefox 140.12.0esr`.
_VERSIONS = {
    Engine.CHROMIUM: re.compile(r"(?:Chromium|Chrome)\D* (\d+(?:\.\d+)+)"),
    Engine.FIREFOX: re.compile(r"Firefox (\d+(?:\.\d+)*)"),
}


def own_browser(engine: Engine, path: Path) -> tuple[Path, str]:
    """The path and the version of a browser of this machine.

    UnavailableError when it is not of that kind, or too old.
    """
    program = expanded(path)
    said = capture([str(program), "--version"])
    version = version_in(engine, said)
    if not version:
        why = why_unusable(program, said)
        raise UnavailableError(f"{path} is no {engine.label} that can be used: {why}", hint=_hint(engine))
    if int(version.split(".")[0]) < OLDEST[engine]:
        raise UnavailableError(
            f"{path} is {engine.label} {version}, which is too old: the harness needs {OLDEST[engine]} or newer",
            hint=_hint(engine),
        )
    return program, version


def machines_browser(engine: Engine) -> tuple[Path, str]:
    """The path and the version of the browser on PATH. UnavailableError when there is none, or it cannot be used."""
    found = program_on_path(engine)
    if found is None:
        raise UnavailableError(
            f"this machine has no {engine.label} on PATH: {', '.join(PROGRAMS[engine])}", hint=_hint(engine)
        )
    return own_browser(engine, found)


def program_on_path(engine: Engine) -> Path | None:
    """The first of the engine's programs that is on PATH."""
    found = (shutil.which(name) for name in PROGRAMS[engine])
    return next((Path(program) for program in found if program), None)


def version_in(engine: Engine, said: str) -> str:
    """The version in the output of a browser for --version; empty for another program."""
    found = _VERSIONS[engine].search(said)
    return found.group(1) if found else ""


def _hint(engine: Engine) -> str:
    return f"install {engine.label} {OLDEST[engine]} or newer, or name one with --runtime path:/usr/bin/{engine}"
