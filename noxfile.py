"""First the harness's own sessions; then for every cell of the matrix test-<cell>, which builds it, runs the suite and
compares with the lists; the table over them; and for every cell build-<cell>, probe-<cell>, audit-skips-<cell>, and
embed-<cell> and web-example-<cell> for those of Emscripten. `python -m harness cells` lists the cells in short.

Thin on purpose: every cell session is one call of `python -m harness`, which does the same without nox. The cells of
one invocation share a run folder; the session `table` has the tags of all cells and so ends what a tag selects.
"""

from __future__ import annotations

import argparse
import atexit
import functools
import importlib.metadata
import importlib.util
import shutil
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from harness.errors import HarnessError  # noqa: E402 - the script `nox` does not put this folder on the path
from harness.matrix.cells import Cell  # noqa: E402
from harness.matrix.files import load_matrix  # noqa: E402
from harness.results.run_folder import new_run_folder, remove_refused  # noqa: E402
from harness.targets import Target  # noqa: E402

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests", "lint"]
nox.options.error_on_missing_interpreters = True

NEEDED = ("jinja2", "junitparser", "packaging", "platformdirs", "pytest", "rich", "ruamel.yaml", "tomlkit", "xdist")
NEEDED_BY_DEVELOPERS = ("axe_core_python", "check_jsonschema", "hypothesis", "mypy", "ruff", "wasmtime")


def python(session: nox.Session, *needed: str) -> str:
    """An interpreter that can run the harness: nox's own, or else one in .nox/harness that is set up once."""
    elsewhere = [folder for folder in sys.path if Path(folder) != ROOT]
    installed = any(importlib.metadata.distributions(name="cpython-wasm-harness", path=elsewhere))
    if installed and all(importlib.util.find_spec(name) for name in (*NEEDED, *needed)):
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
    # A relative path is meant from where the user is. nox would leave the harness 0.3 s after Ctrl-C, which are not
    # enough to write results.
    with session.chdir(session.invoked_from):
        session.run(python(session), "-m", "harness", *arguments, external=True, interrupt_timeout=30)


@functools.cache
def run_folder() -> Path:
    """One for all cells of this invocation, removed at its end if each of them refuses its arguments."""
    folder = new_run_folder()
    atexit.register(remove_refused, folder)
    return folder


def on_cell(session: nox.Session, *arguments: str) -> None:
    """A command with the arguments behind `--`, in the run folder unless they name another."""
    given = named_folder(session)
    # --resume alone means the last run that did not come to its end.
    ours = "" if given or "--resume" in session.posargs else str(run_folder())
    tested.append(given or ours)
    harness(session, *arguments, *([f"--run-dir={ours}"] if ours else []), *session.posargs)


tested: list[str] = []
"""The run folder of each cell session that has begun in this invocation, empty where the harness chooses it."""


def named_folder(session: nox.Session) -> str:
    """The run folder that the arguments behind `--` name; empty when they name none."""
    # --help is the command's.
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--run-dir", default="")
    return str(parser.parse_known_args(session.posargs)[0].run_dir)


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """The harness's own tests; `-- -m 'not toolchain'` leaves out those that need a toolchain, `-- -m long` runs those
    that take up to ten minutes.
    """
    # By file: what a file's tests share is made once.
    usual = ("-n", "auto", "--dist", "loadfile", "-m", "not long")
    session.run(python(session, *NEEDED_BY_DEVELOPERS), "-m", "pytest", *usual, *session.posargs, external=True)


@nox.session(venv_backend="none", default=False)
def mutants(session: nox.Session) -> None:
    """Which changes of single statements of the core no unit test notices; `-- FILE ... --sample N` tries fewer."""
    interpreter = python(session, *NEEDED_BY_DEVELOPERS, "coverage")
    session.run(interpreter, "-m", "tests.mutants", *session.posargs, external=True)


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """ruff, its formatter, mypy in strict mode; of the workflows their schema, and zizmor for what is unsafe there."""
    interpreter = python(session, *NEEDED_BY_DEVELOPERS)
    workflows = sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    schema = ["check_jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows]
    for arguments in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], schema):
        session.run(interpreter, "-m", *arguments, external=True)
    # A program without a module; offline it asks GitHub nothing.
    strict = ["--persona=auditor", *workflows]
    session.run(str(Path(interpreter).with_name("zizmor")), "--offline", "--quiet", *strict, external=True)


@nox.session(venv_backend="none", default=False)
def docs(session: nox.Session) -> None:
    """All documents as pages, by MkDocs: no link is dead. They are in .docs/site then."""
    source = ROOT / ".docs" / "source"
    shutil.rmtree(source, ignore_errors=True)
    # MkDocs wants its documents below one folder, and knows no others.
    for page in (ROOT / "README.md", *ROOT.glob("*/*.md")):
        if not page.relative_to(ROOT).parts[0].startswith("."):
            target = source / page.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(page, target)
    session.run(python(session, "mkdocs"), "-m", "mkdocs", "build", "--strict", external=True)


@nox.session(venv_backend="none", default=False)
def doctor(session: nox.Session) -> None:
    """What this machine has and lacks, and which cells can be built and tested here."""
    harness(session, "doctor", *session.posargs)


@nox.session(name="lint-expectations", venv_backend="none", default=False)
def lint_expectations(session: nox.Session) -> None:
    """The expectation lists against every cell and the suite; seconds, for a pre-commit hook."""
    harness(session, "lint", *session.posargs)


@nox.session(name="update-expectations", venv_backend="none", default=False)
def update_expectations(session: nox.Session) -> None:
    """What RESULTS... change in the expectation lists; `--write` changes them."""
    harness(session, "update", *session.posargs)


@nox.session(venv_backend="none", default=False)
def report(session: nox.Session) -> None:
    """Every view of RUN... made again from results.json; a run with unexpected outcomes has views too."""
    harness(session, "report", "--exit-zero", *session.posargs)


@nox.session(venv_backend="none", default=False)
def bench(session: nox.Session) -> None:
    """The figures of the harness; without words, what can be measured and how long that takes."""
    session.run(python(session), "-m", "harness.bench", *session.posargs, external=True)


def register_test(cell: Cell) -> None:
    tags = [] if cell.broken else list(cell.tags)

    @nox.session(name=f"test-{cell.id}", venv_backend="none", tags=tags, default=False)
    def test(session: nox.Session) -> None:
        on_cell(session, "test", cell.id)

    note = f" No tag selects it, for it is broken: {cell.broken}." if cell.broken else ""
    test.__doc__ = f"{cell.description}.{note}"


def register_build(cell: Cell) -> None:
    @nox.session(name=f"build-{cell.id}", venv_backend="none", tags=["build"], default=False)
    def build(session: nox.Session) -> None:
        harness(session, "build", cell.id, *session.posargs)

    build.__doc__ = f"Build {cell.id}: {cell.description}."


def register_probe(cell: Cell) -> None:
    @nox.session(name=f"probe-{cell.id}", venv_backend="none", tags=["probe"], default=False)
    def probe(session: nox.Session) -> None:
        on_cell(session, "probe", cell.id)

    probe.__doc__ = f"Hold the documented limitations against what {cell.id} does."


def register_embed(cell: Cell) -> None:
    if cell.target is not Target.EMSCRIPTEN or cell.is_prebuilt:
        return

    @nox.session(name=f"embed-{cell.id}", venv_backend="none", tags=["embed"], default=False)
    def embed(session: nox.Session) -> None:
        on_cell(session, "embed", cell.id)

    embed.__doc__ = f"Run the embedding snippets of CPython's own README with {cell.id}."


def register_web_example(cell: Cell) -> None:
    if cell.target is not Target.EMSCRIPTEN or cell.is_prebuilt:
        return

    @nox.session(name=f"web-example-{cell.id}", venv_backend="none", tags=["web-example"], default=False)
    def web_example(session: nox.Session) -> None:
        on_cell(session, "web-example", cell.id)

    web_example.__doc__ = f"Use the web example of CPython's tree, built with {cell.id}, in a browser."


def register_audit(cell: Cell) -> None:
    @nox.session(name=f"audit-skips-{cell.id}", venv_backend="none", tags=["audit"], default=False)
    def audit(session: nox.Session) -> None:
        harness(session, "audit-skips", cell.id, *session.posargs)

    audit.__doc__ = f"Run what the suite skips on {cell.id}, its platform gates forced open."


try:
    matrix = load_matrix(ROOT / "matrices")
except HarnessError as error:
    sys.exit(f"{error}")
cells = (*matrix.cells, *matrix.tree_cells)
for declared in cells:
    register_test(declared)


@nox.session(venv_backend="none", tags=sorted({tag for cell in cells for tag in cell.tags}), default=False)
def table(session: nox.Session) -> None:
    """What each cell of this invocation did, in one table; or, alone, those of the run that ended last."""
    # What stands behind `--` is for the tests when there were any.
    harness(session, "table", *(filter(None, tested[:1]) if tested else session.posargs))


for register in (register_build, register_probe, register_embed, register_web_example, register_audit):
    for declared in cells:
        register(declared)
