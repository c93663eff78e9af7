"""`embed`: the tree's own snippets for embedding Python in JavaScript, and its python.sh, run with a cell's build.

Under Node it is the snippet that mounts the library with NODEFS, in a browser the one that fetches it as a zip file.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.version import Version

from harness.build.artifact import Build
from harness.build.entry_script import ENTRY_SCRIPT, script_in
from harness.errors import UnavailableError
from harness.examples.causes import NO_FOLDER, NO_LIBRARY, NO_PROGRAM, NO_ZLIB
from harness.examples.page import Example, run_page
from harness.examples.results import report
from harness.examples.snippets import (
    browser_snippet,
    node_snippet,
    read_text,
    readme_with_snippets,
    with_setting,
    with_statement,
)
from harness.examples.stdlib import deflated_zip, is_deflated, library_folder, series_of, shipped_zip, store
from harness.examples.trials import Cause, Seen, Trial, headline, try_example
from harness.matrix.conditions import parse_version
from harness.run.prepare import BuildRequest, named_cell, prepare
from harness.run.prepared import Prepared
from harness.targets import Target
from harness.util.files import remove_tree
from harness.util.process import Command, run

RESULTS_FILE = "embed.json"
GUEST_SECONDS = 120.0
# What the interpreter is given to do, as a line that is typed.
TYPED = "print('answer', 6 * 7)"
ANSWER = "answer 42"

_FINDS_ITSELF = Version("3.14.0a1")


def embed_cell(prepared: Prepared, folder: Path, readme: str = "") -> list[Trial]:
    """Runs every example that the cell's runtime can have; files that they need are made in `folder`. `readme` is a
    file with the snippets, in the place of the tree's own. UnavailableError when the tree has no snippets.
    """
    text = read_text(Path(readme) if readme else readme_with_snippets(prepared.build.root))
    remove_tree(folder)
    folder.mkdir(parents=True)
    if prepared.cell.engine.is_browser:
        return list(_in_browser(prepared, text, folder))
    return [*_in_node(prepared, text, folder), *_python_sh(prepared, folder)]


def _in_node(prepared: Prepared, readme: str, folder: Path) -> Iterator[Trial]:
    build = prepared.build
    library = library_folder(build, folder / "lib")
    snippet = node_snippet(readme, library.parent)
    version = parse_version(build.manifest.python)
    causes = [NO_FOLDER, *([NO_PROGRAM] if version is not None and version < _FINDS_ITSELF else [])]

    def attempt(script: str, changes: Sequence[Cause]) -> Seen:
        if NO_FOLDER in changes:
            script = with_statement(script, 'Module.FS.mkdirTree("/lib");')
        if NO_PROGRAM in changes:
            script = with_setting(script, NO_PROGRAM.change)
        return _run_node(prepared, script, folder / "node")

    yield from try_example("Node snippet", causes, lambda changes: attempt(snippet, changes))
    elsewhere = node_snippet(readme, library)
    seen = attempt(elsewhere, causes)
    yield Trial(example="Node snippet, root: the library itself", changes=tuple(causes), expected=NO_LIBRARY, seen=seen)


def _run_node(prepared: Prepared, script: str, folder: Path) -> Seen:
    """Runs the script next to the module; it reads a line to be executed from its standard input."""
    _put_module(prepared.build, folder)
    (folder / "example.mjs").write_text(script, encoding="utf-8")
    typed = folder / "typed"
    typed.write_text(f"{TYPED}\n", encoding="utf-8")
    argv = (str(_node(prepared)), "example.mjs")
    done = run(Command(argv=argv, cwd=folder, timeout=GUEST_SECONDS), source=typed)
    works = done.ok and ANSWER in done.output
    return Seen(works=works, text=done.output if works else f"{headline(done.output)} (Node {done.ending})")


def _put_module(build: Build, folder: Path) -> dict[str, Path]:
    """The module's files, copied into the folder; by their names."""
    folder.mkdir(exist_ok=True)
    for path in (build.program, build.wasm):
        if not (folder / path.name).exists():
            shutil.copyfile(path, folder / path.name)
    return {path.name: folder / path.name for path in (build.program, build.wasm)}


def _node(prepared: Prepared) -> Path:
    return prepared.runtime if prepared.runtime.is_file() else prepared.runtime / "bin" / "node"


def _in_browser(prepared: Prepared, readme: str, folder: Path) -> Iterator[Trial]:
    build, engine = prepared.build, prepared.cell.engine
    name = f"python{series_of(build)}.zip"
    packed = shipped_zip(build) or deflated_zip(build, folder / f"deflated-{name}")
    snippet = browser_snippet(readme, series_of(build))
    has_zlib = "zlib" in (build.manifest.libraries or {})
    causes = [NO_ZLIB] if is_deflated(packed) and not has_zlib else []
    program = prepared.runtime if prepared.runtime.is_file() else prepared.runtime / "bin" / engine.value
    files = _put_module(build, folder / "page")

    def attempt(changes: Sequence[Cause], *, isolated: bool) -> Seen:
        archive = store(packed, folder / "page" / name) if NO_ZLIB in changes else packed
        example = Example(script=snippet, files=files | {name: archive}, lines=(TYPED,), isolated=isolated)
        ended = run_page(example, engine, program, folder / "browser.log")
        text = "\n".join((*ended.failed, *ended.printed))
        return Seen(works=ANSWER in ended.printed and ended.isolated is isolated, text=text)

    yield from try_example("browser snippet", causes, lambda changes: attempt(changes, isolated=False))
    seen = attempt(causes, isolated=True)
    yield Trial(example="browser snippet, cross-origin isolated", changes=tuple(causes), seen=seen)


def _python_sh(prepared: Prepared, folder: Path) -> Iterator[Trial]:
    """The options of a normal Python; nothing where the tree makes no python.sh."""
    layout = prepared.build.manifest.layout
    if not (prepared.build.root / layout.build_folder / ENTRY_SCRIPT).is_file():
        return
    script = _own_python_sh(prepared.build, folder / "tree")
    version = f"Python {prepared.build.manifest.python}"
    here = folder / "here"
    here.mkdir()
    (here / "shown.py").write_text("import sys; print('answer', sys.argv[1:])\n", encoding="utf-8")
    asked = "import sys; print('answer', 6 * 7, sys.executable)"
    trials: tuple[tuple[str, tuple[str, ...], str, int, str], ...] = (
        ("-V", ("-V",), version, 0, ""),
        ("-c", ("-c", asked), f"{ANSWER} {script}", 0, ""),
        ("-c, its exit status", ("-c", "import sys; sys.exit(3)"), "", 3, ""),
        ("-m", ("-m", "shown", "a", "b"), "answer ['a', 'b']", 0, ""),
        ("a script", ("shown.py", "a", "b"), "answer ['a', 'b']", 0, ""),
        ("-, a script on standard input", ("-",), ANSWER, 0, TYPED),
        ("-i, with input", ("-i",), ANSWER, 0, TYPED),
    )
    for name, arguments, wanted, status, typed in trials:
        seen = _run_python_sh(prepared, script, here, arguments, typed)
        seen = dataclasses.replace(seen, works=wanted in seen.text and seen.text.endswith(f"status {status}"))
        yield Trial(example=f"python.sh {name}", seen=seen)


def _run_python_sh(prepared: Prepared, script: Path, here: Path, arguments: Sequence[str], typed: str) -> Seen:
    """`text` is what it printed and how it ended."""
    source = here / "typed"
    source.write_text(f"{typed}\n" if typed else "", encoding="utf-8")
    # It mounts all of the host's files: nothing is to be left in those of others.
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PATH": f"{_node(prepared).parent}:{os.environ['PATH']}"}
    command = Command(argv=(str(script), *arguments), cwd=here, env=env, timeout=GUEST_SECONDS)
    done = run(command, source=source)
    return Seen(works=False, text=f"{done.output}it {done.ending}")


def _own_python_sh(build: Build, tree: Path) -> Path:
    """The script in a copy of the build at `tree`; it names the folder in which it was made."""
    layout = build.manifest.layout
    made = tree / layout.build_folder
    library_folder(build, tree).rename(tree / "Lib")
    shutil.copytree(build.root / layout.build_folder, made, symlinks=True, copy_function=shutil.copyfile)
    script = made / ENTRY_SCRIPT
    script.write_text(script_in(script.read_text(encoding="utf-8"), made), encoding="utf-8")
    script.chmod(0o755)
    return script


def embed(cell: str, wishes: BuildRequest, run_dir: str, readme: str) -> tuple[str, int]:
    """What `embed` prints, and its exit status.

    Before anything is built: UnavailableError for a cell or a tree that has nothing to embed, ConfigError for a
    `readme` that cannot be read, or that has other snippets than are known.
    """
    named = named_cell(cell, wishes)
    if named.target is not Target.EMSCRIPTEN or named.is_prebuilt:
        raise UnavailableError(
            f"{named.id} has nothing to embed: the snippets are for a build of CPython for Emscripten",
            hint="`python -m harness cells -t emscripten` lists such cells",
        )

    def check(file: Path) -> None:
        text = read_text(file)
        browser_snippet(text, "3.14") if named.engine.is_browser else node_snippet(text, Path())

    if readme:
        check(Path(readme))
        prepared = prepare(cell, wishes)
    else:
        prepared = prepare(cell, wishes, lambda tree: check(readme_with_snippets(tree)))
    return report(prepared, run_dir, RESULTS_FILE, lambda folder: embed_cell(prepared, folder / "embed", readme))
