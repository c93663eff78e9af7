"""A CPython for WebAssembly that somebody else has built: recognises it in a folder, and lays it out as a build.

It may be a build folder of CPython's own scripts, which has the interpreter and no library, or an installed tree, with
the library in `lib/pythonX.Y`: what `make install` makes, and what releases such as cpython-wasi-build's have.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

from harness.build.artifact import MANIFEST_SCHEMA, source_record, time_of_build, wasm_record
from harness.build.identity import has_wasi_threads
from harness.build.recipes.cpython_tree import read_tree
from harness.build.recipes.targets import layout_of
from harness.build.stage import LEFT_OUT, link_tree, stage
from harness.engines.exports import not_provided
from harness.errors import BuildError, UnavailableError
from harness.manifest import Manifest, other_suite
from harness.matrix.cells import Cell, Library
from harness.sources import Source
from harness.targets import Target
from harness.util.files import remove_tree
from harness.util.hashing import content_key, file_sha256

# To be increased when the layout changes, so that older builds are not used.
_VERSION = 2
# The program in a build folder, and in an installed tree or a release.
_PROGRAMS: Mapping[Target, tuple[str, ...]] = {
    Target.WASI: ("python.wasm", "bin/python3*.wasm"),
    Target.EMSCRIPTEN: ("python.mjs", "bin/python3*.mjs"),
}
# The files by which CPython's getpath recognises its library, which may consist of bytecode only.
_LANDMARKS = ("os.py", "os.pyc")
# The version and the layer of a component, which follow the magic number.
_COMPONENT = b"\x0d\0\1\0"
_SERIES = re.compile(r"lib\..+-(\d+\.\d+)")
# The stack that CPython's runner requests of wasmtime, by the version from which on it does so, for an interpreter
# without a source tree: 8 MiB up to 3.13, then 16, and 32 in the Platforms/ of 3.15.
_STACKS = {"3.15.0a6": 32 << 20, "3.14.0a0": 16 << 20, "0": 8 << 20}
_MODULES: Mapping[str, Library] = {
    "zlib": Library.ZLIB,
    "_bz2": Library.BZIP2,
    "_sqlite3": Library.SQLITE,
    "_ctypes": Library.LIBFFI,
}


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """A CPython in `folder`, which messages call `name`, as the user did. `program` is the file that the engine loads,
    `wasm` the interpreter itself, and `library` the folder of its standard library, empty for a build folder. These are
    paths below `folder`. `python` is the version in the wasm. `has_tests` says that its library has the package `test`.
    """

    folder: Path
    name: str
    program: str
    wasm: str
    python: str
    library: str = ""
    has_tests: bool = False

    @functools.cached_property
    def key(self) -> str:
        """The hash of all files of it that become a part of the build."""
        if not self.library:
            files = _files(self.folder, leave_out=True)
        else:
            files = [self.folder / self.program, self.folder / self.wasm, *_files(self.folder / self.library)]
        return content_key([[path.relative_to(self.folder).as_posix(), file_sha256(path)] for path in files])


def _files(folder: Path, *, leave_out: bool = False) -> list[Path]:
    found = []
    for place, folders, names in os.walk(folder):
        dropped = LEFT_OUT(place, [*folders, *names]) if leave_out else set()
        folders[:] = sorted(set(folders) - dropped)
        found += [path for name in sorted(set(names) - dropped) if (path := Path(place, name)).is_file()]
    return found


def read_interpreter(target: Target, folder: Path, *, name: str = "", program: Path | None = None) -> Interpreter:
    """The interpreter in the folder, which messages call `name`. `program` is its file, if the user has named that.

    UnavailableError, with the reason, when the folder has no interpreter that can be tested, or has several and none
    was named.
    """
    name = name or str(folder)
    programs = [path for pattern in _PROGRAMS[target] for path in sorted(folder.glob(pattern))]
    # `python3.wasm` may be a link to `python3.13.wasm`.
    several = {path.resolve(): path.name for path in programs if path.parent.name == "bin"}
    if not program and len(several) > 1:
        raise _no_interpreter(target, name, f"it has several, {', '.join(several.values())}: name one of these files")
    program = program or next(iter(programs), None)
    if not program or not program.is_file():
        names = " and no ".join(_PROGRAMS[target])
        why = f"it has no {names}" if folder.is_dir() else "there is no such folder"
        raise _no_interpreter(target, name, "there is no such file" if program else why)
    wasm = program
    if target is Target.WASI and program.with_suffix(".mjs").exists():
        raise _no_interpreter(target, name, f"{program.stem}.mjs next to it says that it is Emscripten's")
    if target is Target.EMSCRIPTEN:
        wasm = next(filter(Path.is_file, (program.with_suffix(".wasm"), program.with_name("python.wasm"))), wasm)
        if wasm is program:
            raise _no_interpreter(target, name, f"there is no {program.stem}.wasm next to {program.name}")
        if b"export default" not in program.read_bytes():
            why = f"{program.name} makes no instance: it was linked without -sMODULARIZE -sEXPORT_ES6"
            raise _no_interpreter(target, name, f"{why}, as CPython links it from 3.14 on")
    content = wasm.read_bytes()
    _check_module(target, name, wasm.name, content)
    library, series = _library(target, folder, name, program)
    return Interpreter(
        folder=folder,
        name=name,
        program=program.relative_to(folder).as_posix(),
        wasm=wasm.relative_to(folder).as_posix(),
        python=_version(target, name, wasm.name, content, series),
        library=library,
        has_tests=bool(library) and (folder / library / "test" / "libregrtest").is_dir(),
    )


def _library(target: Target, folder: Path, name: str, program: Path) -> tuple[str, str]:
    """The folder of the standard library below `folder`, empty for a build folder, and the series of CPython."""
    written = folder / "pybuilddir.txt"
    if written.is_file() and (found := _SERIES.search(written.read_text(encoding="utf-8", errors="replace"))):
        return "", found[1]
    series = re.search(r"3\.\d+", program.stem)
    libraries = folder.glob(f"lib/python{series[0] if series else '3.*'}")
    for library in sorted(libraries):
        if any((library / landmark).is_file() for landmark in _LANDMARKS):
            return library.relative_to(folder).as_posix(), library.name.removeprefix("python")
    why = f"no lib/python3.X with {' or '.join(_LANDMARKS)}, and no pybuilddir.txt, which a build folder has"
    if packed := next(filter(_is_library, sorted([*folder.glob("*.zip"), *folder.glob("lib/*.zip")])), None):
        where = packed.relative_to(folder).as_posix()
        why = f"{why}. {where} has one: unpack it into lib/python3.X, the series of this CPython in the place of 3.X"
    raise _no_interpreter(target, name, f"it has no standard library: {why}")


def _is_library(archive: Path) -> bool:
    """Whether a zip is a standard library. It cannot be used as it is, since tests need its files."""
    try:
        with zipfile.ZipFile(archive) as packed:
            return not set(_LANDMARKS).isdisjoint(packed.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _check_module(target: Target, name: str, wasm: str, content: bytes) -> None:
    """UnavailableError for a module that no engine can start. wasmtime would report it only after compiling it."""
    if not content.startswith(b"\0asm"):
        raise _no_interpreter(target, name, f"{wasm} is no WebAssembly")
    if content[4:8] == _COMPONENT:
        raise _no_interpreter(target, name, f"{wasm} is a component, and no module of WASI 0.1 (wasm32-wasip1)")
    if target is Target.WASI and (missing := not_provided(content)):
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        why = f"{wasm} imports {', '.join(missing[:3])}{more}, and a guest gets wasi_snapshot_preview1 alone"
        raise _no_interpreter(target, name, why)


def _version(target: Target, name: str, wasm: str, content: bytes, series: str) -> str:
    """The version of CPython of that series which the wasm states."""
    # A string of the form of sys.version. That it is really the version is checked when the interpreter runs.
    pattern = rb"\0(" + re.escape(series).encode() + rb"\.\d+(?:(?:a|b|rc)\d+)?\+?)\0"
    if not (found := re.search(pattern, content)):
        raise _no_interpreter(target, name, f"{wasm} is no CPython {series}: it states no version of it")
    return found[1].decode()


def _no_interpreter(target: Target, name: str, why: str) -> UnavailableError:
    return UnavailableError(
        f"{name} is no CPython for {target} that can be tested: {why}",
        hint="name a build folder such as cross-build/wasm32-wasip1, what `make install` has made, or an archive of it",
    )


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of a build: the interpreter, `library`, the source of a build folder, and `tests`, the CPython whose
    tests replace those of the library. None for a part that the interpreter brings itself.
    """

    interpreter: Interpreter
    library: Source | None = None
    tests: Source | None = None

    @property
    def own_tests(self) -> Path | None:
        """The Lib/test that the interpreter would have without `tests`; None when it has none."""
        if self.library:
            return self.library.root / "Lib" / "test"
        found = self.interpreter
        return found.folder / found.library / "test" if found.has_tests else None

    def inputs(self, target: Target) -> dict[str, Any]:
        """Everything that the build depends on; its hash names it."""
        found = self.interpreter
        return {
            "target": target.value,
            "manifest": MANIFEST_SCHEMA,
            "layout": _VERSION,
            "interpreter": [found.program, found.python, found.key],
            "source": [source.id if source else "" for source in (self.library, self.tests)],
        }


def lay_out_cpython(cell: Cell, parts: Parts, aside: Path) -> dict[str, Any]:
    """Makes `root` in the folder `aside`, and returns the manifest as far as it is known before the interpreter has
    run.

    The user's own files are copied, since files of a build become read-only.
    """
    found, root = parts.interpreter, aside / "root"
    if parts.library:
        layout = layout_of(cell.target, read_tree(parts.library.root))
        stage(parts.library.root, found.folder, root, layout.build_folder, "")
        places = {**vars(layout), "library": "", "wasm_stack": 0}
    else:
        places = _lay_out_installed(parts, root)
    if parts.tests:
        goal = root / (found.library or "Lib") / "test"
        remove_tree(goal)
        link_tree(parts.tests.root / "Lib" / "test", goal, leave_out=("__pycache__",))
    suite = parts.tests or parts.library
    own = {"provider": "path", "origin": found.name, "revision": found.key}
    return {
        "schema": MANIFEST_SCHEMA,
        "inputs": parts.inputs(cell.target),
        "cell": cell.build_id,
        "built": time_of_build(),
        "prebuilt": {"origin": found.name, "key": found.key},
        "source": source_record(parts.library) if parts.library else own,
        "python": found.python,
        "native": "",
        "layout": places,
        "recipe": {"name": "prebuilt", "version": _VERSION, "departures": _departures(parts)},
        "suite": source_record(suite) if suite else {},
        "steps": [],
        "wasm": wasm_record(root / places["wasm"]),
    }


def _lay_out_installed(parts: Parts, root: Path) -> dict[str, Any]:
    """Copies the interpreter and its library from an installed tree. Returns their places, as in the manifest."""
    found, tests = parts.interpreter, parts.tests
    for name in dict.fromkeys([found.program, found.wasm]):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found.folder / name, root / name)
    shutil.copytree(found.folder / found.library, root / found.library, symlinks=True)
    # Without this folder every start warns that there are no platform dependent libraries.
    (root / found.library / "lib-dynload").mkdir(exist_ok=True)
    (root / "tmp").mkdir()
    version = Version(found.python.rstrip("+"))
    usual = next(size for first, size in _STACKS.items() if version >= Version(first))
    stack = read_tree(tests.root).wasm_stack() if tests else usual
    places = {"program": found.program, "wasm": found.wasm, "library": found.library}
    return {"build_folder": "", **places, "wasm_stack": stack}


def described_by(manifest: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with what the interpreter's answer adds: flags, toolchain and libraries. Pure."""
    settings, info = answer["sysconfig"], answer["emscripten"] or {}
    flags = {
        "pydebug": bool(answer["pydebug"]),
        "pthreads": bool(info["pthreads"]) if info else has_wasi_threads(answer),
        "dynamic_linking": bool(info and answer["dynamic_loading"]),
        "configure": [],
    }
    sdk = re.search(r"wasi-sdk-(\d+)", f"{settings.get('CC')} {settings.get('CONFIG_ARGS')}")
    version = info["version"] if info else sdk[1] if sdk else ""
    linked = [library.value for module, library in _MODULES.items() if answer["modules"].get(module)]
    return {
        **manifest,
        "inputs": {**manifest["inputs"], **flags},
        "toolchain": {"version": version, "provider": "path", "id": f"{manifest['inputs']['target']}-{version}"},
        "dependencies": {name: {"version": "unknown"} for name in linked},
    }


def from_path(manifest: Manifest, name: str) -> Manifest:
    """The manifest of the same interpreter at another path of the user's."""
    record = manifest.record
    own = {"source": {**record["source"], "origin": name}} if manifest.layout.library else {}
    return Manifest.from_json({**record, **own, "prebuilt": {**record["prebuilt"], "origin": name}})


def _departures(parts: Parts) -> list[str]:
    found, tests = parts.interpreter, parts.tests
    notes = [
        "the interpreter was built elsewhere, and no compiler of it can be asked",
        "its library is compiled by the interpreter itself, but for the tests",
    ]
    if tests and not parts.library:
        notes.append("the tests are CPython's own, put where its library would have them")
    return [*notes, *([other] if tests and (other := other_suite(found.python, tests.version)) else [])]


def cell_of(cell: Cell, manifest: Manifest) -> Cell:
    """The cell with the flags and versions of the interpreter in that build, if it is the bare cell of a target. Any
    other cell keeps its own.

    BuildError when the interpreter is of another WASI SDK. Other differences are found by `identity.check`.
    """
    toolchain, inputs = manifest.toolchain.version, manifest.inputs
    if cell.build_id != cell.target.value:
        if cell.target is Target.WASI and toolchain not in {"", cell.toolchain.split(".")[0]}:
            raise BuildError(
                f"{manifest.prebuilt} is not {cell.id}: the cell asks for WASI SDK {cell.toolchain}, and it was built "
                f"with {toolchain}",
                hint=f"`{cell.target} --prebuilt PATH` takes whatever toolchain and flags it has",
            )
        return dataclasses.replace(cell, toolchain=cell.toolchain or toolchain)
    return dataclasses.replace(
        cell,
        toolchain=toolchain,
        pydebug=bool(inputs["pydebug"]),
        pthreads=bool(inputs["pthreads"]),
        dynamic_linking=bool(inputs["dynamic_linking"]),
        libraries=tuple(library for library in Library if library.value in (manifest.libraries or {})),
    )


def check_series(cell: Cell, found: Interpreter) -> None:
    """BuildError when a cell that is for one series of CPython is given an interpreter of another."""
    series = re.search(r"-py(3\.\d+)", cell.id)
    if series and not found.python.startswith(f"{series[1]}."):
        raise BuildError(
            f"{found.name} is not {cell.id}: the cell asks for CPython {series[1]}, and it is {found.python}",
            hint=f"`{cell.target} --prebuilt PATH` takes whatever CPython it has",
        )
