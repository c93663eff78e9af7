"""Sessions: `build-<cell>` and `test-<cell>` for every cell of the matrix, and the harness's own checks.

Thin on purpose: every cell session is one call of `python -m harness`, which does the same without nox.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from harness.errors import HarnessError  # noqa: E402 - the script `nox` does not put this folder on the path
from harness.matrix import Cell, load_matrix  # noqa: E402

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests", "lint"]
nox.options.error_on_missing_interpreters = True

NEEDED = ("junitparser", "packaging", "platformdirs", "pytest", "xdist")
NEEDED_BY_DEVELOPERS = ("hypothesis", "mypy", "ruff", "wasmtime")


def python(session: nox.Session, *needed: str) -> str:
    """An interpreter that can run the harness: nox's own, or else one in .nox/harness that is set up once."""
    if all(importlib.util.find_spec(name) for name in (*NEEDED, *needed)):
        return sys.executable
    folder = ROOT / ".nox" / "harness"
    interpreter = folder / "bin" / "python"
    stamp = folder / "pyproject.toml"
    wanted = (ROOT / "pyproject.toml").read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        session.run(sys.executable, "-m", "venv", str(folder), external=True)
        session.run(str(interpreter), "-m", "pip", "install", "-q", "-e", f"{ROOT}[dev]", external=True)
        stamp.write_text(wanted)
    return str(interpreter)


def harness(session: nox.Session, *arguments: str) -> None:
    session.run(python(session), "-m", "harness", *arguments, external=True)


def register(cell: Cell) -> None:
    """The sessions of one cell."""

    @nox.session(name=f"build-{cell.id}", venv_backend="none", tags=["build"], default=False)
    def build(session: nox.Session) -> None:
        harness(session, "build", cell.id, *session.posargs)

    @nox.session(name=f"test-{cell.id}", venv_backend="none", tags=list(cell.tags), default=False)
    def test(session: nox.Session) -> None:
        harness(session, "test", cell.id, *session.posargs)

    build.__doc__ = f"Build {cell.id}: {cell.description}."
    test.__doc__ = f"Build {cell.id}, run the suite, compare with the lists."


try:
    for declared in load_matrix(ROOT / "matrices").cells:
        register(declared)
except HarnessError as error:
    sys.exit(f"{error}")


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """The harness's own tests; `-- -m 'not toolchain'` leaves out those that need a toolchain."""
    session.run(python(session, *NEEDED_BY_DEVELOPERS), "-m", "pytest", *session.posargs, external=True)


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """ruff, its formatter, and mypy in strict mode."""
    interpreter = python(session, *NEEDED_BY_DEVELOPERS)
    for arguments in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]):
        session.run(interpreter, "-m", *arguments, external=True)


@nox.session(venv_backend="none", default=False)
def doctor(session: nox.Session) -> None:
    """What this machine has and lacks, and which cells can be built and tested here."""
    harness(session, "doctor", *session.posargs)


@nox.session(venv_backend="none", default=False)
def bench(session: nox.Session) -> None:
    """The suite against CPython's own runner on the same build, and the figures of the harness itself."""
    session.run(python(session), "-m", "harness.bench", *session.posargs, external=True)
