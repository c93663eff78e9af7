"""A CPython that somebody else has built: what a folder says of it, and how it is laid out as a build."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from harness.build.artifact import Build
from harness.build.prebuilt_cpython import (
    Parts,
    cell_of,
    check_series,
    described_by,
    from_path,
    lay_out_cpython,
    read_interpreter,
)
from harness.errors import BuildError, UnavailableError
from harness.manifest import Manifest
from harness.matrix.cells import Library
from harness.sources import Source
from harness.targets import Target
from tests.unit.sample_cells import EMSCRIPTEN, WASI
from tests.unit.sample_trees import PY313

WASM = b"\0asm\1\0\0\0\x003.46.1\x003.13.5\0"
# The type of a function, and an import of it.
IMPORTING = b"\0asm\1\0\0\0\1\4\1\x60\0\0\2\x0d\1\4host\4call\0\0\0\x08\0" + b"3.13.5\0"


def zipped(name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr(name, "")
    return content.getvalue()


INSTANCE = "export default factory;\n"
LIBRARY = "lib/python3.13"


def files(folder: Path, contents: Mapping[str, object]) -> Path:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
    return folder


def build_folder(folder: Path, target: Target = Target.WASI) -> Path:
    own = {"python.wasm": WASM, "pybuilddir.txt": f"build/lib.{target}-wasm32-3.13", "Makefile": "", "a.o": "object"}
    return files(folder, own | ({"python.mjs": INSTANCE} if target is Target.EMSCRIPTEN else {}))


def release(folder: Path, more: Mapping[str, object] = MappingProxyType({})) -> Path:
    """The layout of cpython-wasi-build."""
    return files(folder, {"python.wasm": WASM, f"{LIBRARY}/os.py": "", "LICENSE": "free", **more})


def source(folder: Path, version: str = "3.13.5") -> Source:
    texts = {**PY313.texts, "Lib/os.py": "", "Lib/test/test_bool.py": f"# of {version}\n"}
    root = files(folder / f"source-{version}", texts)
    return Source(id=f"id-{version}", version=version, root=root, provider="tarball", origin="o", revision="r")


def test_a_build_folder_states_its_version_and_has_no_library_of_its_own(tmp_path: Path) -> None:
    found = read_interpreter(Target.WASI, build_folder(tmp_path / "built"))
    assert (found.python, found.program, found.library, found.has_tests) == ("3.13.5", "python.wasm", "", False)
    instance = read_interpreter(Target.EMSCRIPTEN, build_folder(tmp_path / "other", Target.EMSCRIPTEN))
    assert (instance.program, instance.wasm) == ("python.mjs", "python.wasm")


def test_a_release_and_a_prefix_have_their_library(tmp_path: Path) -> None:
    found = read_interpreter(Target.WASI, release(tmp_path / "zip"))
    assert (found.program, found.library, found.has_tests) == ("python.wasm", LIBRARY, False)
    tests = {f"{LIBRARY}/os.py": "", f"{LIBRARY}/test/libregrtest/main.py": ""}
    prefix = files(tmp_path / "prefix", {"bin/python3.13.wasm": WASM, **tests})
    installed = read_interpreter(Target.WASI, prefix)
    assert (installed.program, installed.has_tests) == ("bin/python3.13.wasm", True)
    two = files(prefix, {"bin/python3.14.wasm": WASM.replace(b"3.13.5", b"3.14.2"), "lib/python3.14/os.py": ""})
    (two / "bin" / "python3.wasm").symlink_to("python3.14.wasm")
    with pytest.raises(UnavailableError, match=r"it has several, .*: name one of these files"):
        read_interpreter(Target.WASI, two)
    named = read_interpreter(Target.WASI, two, program=two / "bin" / "python3.14.wasm")
    assert (named.python, named.library) == ("3.14.2", "lib/python3.14")
    with pytest.raises(UnavailableError, match="there is no such file"):
        read_interpreter(Target.WASI, two, program=two / "bin" / "pyhton.wasm")
    both = files(tmp_path / "both", {"bin/python3.13.mjs": INSTANCE, "bin/python3.13.wasm": WASM, **tests})
    assert read_interpreter(Target.EMSCRIPTEN, both).wasm == "bin/python3.13.wasm"


@pytest.mark.parametrize(
    ("target", "names", "why"),
    [
        (Target.WASI, {}, "it has no python.wasm and no bin/python3*.wasm"),
        (Target.WASI, {"python.wasm": WASM}, "it has no standard library"),
        (Target.WASI, {"python.wasm": "MZ", f"{LIBRARY}/os.py": ""}, "python.wasm is no WebAssembly"),
        (Target.WASI, {"python.wasm": b"\0asm\0" + b"1.2.3\0", f"{LIBRARY}/os.py": ""}, "is no CPython 3.13"),
        (Target.WASI, {"python.wasm": WASM, "lib/python3.12/os.py": ""}, "is no CPython 3.12"),
        (Target.WASI, {"python.wasm": WASM, "python.mjs": "", f"{LIBRARY}/os.py": ""}, "says that it is Emscripten's"),
        (Target.WASI, {"python.wasm": IMPORTING}, "imports host::call, and a guest gets wasi_snapshot"),
        (Target.WASI, {"python.wasm": b"\0asm\x0d\0\1\0", f"{LIBRARY}/os.py": ""}, "python.wasm is a component"),
        (
            Target.WASI,
            {"python.wasm": WASM, "stdlib.zip": zipped("os.pyc")},
            "stdlib.zip has one: unpack it into lib/python3.X",
        ),
        (
            Target.WASI,
            {"python.wasm": WASM, "lib/python313.zip": zipped("os.py")},
            "lib/python313.zip has one: unpack it",
        ),
        (Target.WASI, {"python.wasm": WASM, "other.zip": "cut off"}, "it has no standard library: no lib/python3.X"),
        (Target.EMSCRIPTEN, {"python.wasm": WASM}, "it has no python.mjs"),
        (Target.EMSCRIPTEN, {"python.mjs": INSTANCE}, "there is no python.wasm next to python.mjs"),
        (Target.EMSCRIPTEN, {"python.mjs": "var Module", "python.wasm": WASM}, "linked without -sMODULARIZE"),
    ],
)
def test_what_cannot_be_tested_says_why(tmp_path: Path, target: Target, names: dict[str, object], why: str) -> None:
    folder = files(tmp_path / "given", names)
    folder.mkdir(exist_ok=True)
    with pytest.raises(UnavailableError, match=re.escape(why)) as caught:
        read_interpreter(target, folder, name="given.zip")
    assert caught.value.message.startswith(f"given.zip is no CPython for {target} that can be tested: ")
    assert "make install" in caught.value.hint


def test_a_library_may_be_compiled_and_without_its_source(tmp_path: Path) -> None:
    folder = files(tmp_path, {"python.wasm": WASM, f"{LIBRARY}/os.pyc": b""})
    found = read_interpreter(Target.WASI, folder)
    assert (found.python, found.library) == ("3.13.5", LIBRARY)


def test_an_instance_provides_what_emscripten_s_module_imports(tmp_path: Path) -> None:
    given = {"python.mjs": INSTANCE, "python.wasm": IMPORTING, f"{LIBRARY}/os.py": ""}
    assert read_interpreter(Target.EMSCRIPTEN, files(tmp_path, given)).python == "3.13.5"


def test_a_folder_that_is_not_there_is_not_one_without_a_program(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="there is no such folder"):
        read_interpreter(Target.WASI, tmp_path / "none")


def laid_out(folder: Path, parts: Parts, cell: Any = WASI) -> Build:
    (folder / "aside").mkdir()
    manifest = lay_out_cpython(cell, parts, folder / "aside")
    (folder / "aside" / "manifest.json").write_text(json.dumps(manifest))
    return Build.load(folder / "aside")


def test_a_build_folder_is_inside_its_source_like_a_build_of_ours(tmp_path: Path) -> None:
    found = read_interpreter(Target.WASI, build_folder(tmp_path / "built"))
    build = laid_out(tmp_path, Parts(interpreter=found, library=source(tmp_path)))
    assert build.program == build.root / "cross-build" / "wasm32-wasip1" / "python.wasm"
    assert build.program.read_bytes() == WASM
    assert not (build.program.parent / "a.o").exists()
    assert (build.root / "Lib" / "test" / "test_bool.py").read_text() == "# of 3.13.5\n"
    assert build.guest_environment(Target.WASI) == {
        "PYTHONPATH": "/cross-build/wasm32-wasip1/build/lib.wasi-wasm32-3.13"
    }
    assert build.wasm_stack == 8 << 20
    manifest = build.manifest
    assert (manifest.python, manifest.source.provider, manifest.suite) == ("3.13.5", "tarball", "3.13.5")
    assert (manifest.prebuilt, manifest.other_suite) == (str(tmp_path / "built"), "")


def test_a_release_gets_the_tests_of_its_cpython_and_finds_its_library(tmp_path: Path) -> None:
    found = read_interpreter(Target.WASI, release(tmp_path / "zip"))
    build = laid_out(tmp_path, Parts(interpreter=found, tests=source(tmp_path)))
    assert {path.name for path in build.root.iterdir()} == {"python.wasm", "lib", "tmp"}
    assert (build.root / LIBRARY / "test" / "test_bool.py").is_file()
    assert (build.root / LIBRARY / "lib-dynload").is_dir()
    assert build.guest_environment(Target.WASI) == {"PYTHONHOME": "/"}
    assert build.guest_environment(Target.EMSCRIPTEN) == {"PYTHONHOME": "/", "LANG": "C.UTF-8"}
    assert build.wasm_stack == 8 << 20
    assert build.manifest.source.provider == "path"


def test_the_same_interpreter_at_another_path_is_said_to_be_there(tmp_path: Path) -> None:
    found = read_interpreter(Target.WASI, release(tmp_path / "zip"))
    manifest = from_path(laid_out(tmp_path, Parts(interpreter=found)).manifest, "/moved")
    assert (manifest.prebuilt, manifest.source.origin, manifest.source.revision) == ("/moved", "/moved", found.key)
    (tmp_path / "second").mkdir()
    in_tree = Parts(interpreter=read_interpreter(Target.WASI, build_folder(tmp_path / "b")), library=source(tmp_path))
    manifest = from_path(laid_out(tmp_path / "second", in_tree).manifest, "/moved")
    assert (manifest.prebuilt, manifest.source.origin) == ("/moved", "o")


def test_the_tests_of_another_cpython_take_the_place_of_its_own_and_are_marked(tmp_path: Path) -> None:
    own = {f"{LIBRARY}/test/libregrtest/main.py": ""}
    found = read_interpreter(Target.WASI, release(tmp_path / "zip", own))
    build = laid_out(tmp_path, Parts(interpreter=found, tests=source(tmp_path, "3.13.2")))
    assert [path.name for path in (build.root / LIBRARY / "test").iterdir()] == ["test_bool.py"]
    assert "the tests are those of CPython 3.13.2, the interpreter is 3.13.5" in build.manifest.other_suite
    (tmp_path / "second").mkdir()
    kept = laid_out(tmp_path / "second", Parts(interpreter=found))
    assert (kept.root / LIBRARY / "test" / "libregrtest").is_dir()
    assert kept.manifest.suite == ""


def test_its_own_tests_stay_where_they_are(tmp_path: Path) -> None:
    without = read_interpreter(Target.WASI, release(tmp_path / "none"))
    other = source(tmp_path, "3.13.2")
    assert Parts(interpreter=without, tests=other).own_tests is None
    library = source(tmp_path)
    in_tree = read_interpreter(Target.WASI, build_folder(tmp_path / "built"))
    assert Parts(interpreter=in_tree, library=library, tests=other).own_tests == library.root / "Lib" / "test"
    own = read_interpreter(Target.WASI, release(tmp_path / "zip", {f"{LIBRARY}/test/libregrtest/main.py": ""}))
    assert Parts(interpreter=own, tests=other).own_tests == tmp_path / "zip" / LIBRARY / "test"


def test_without_a_tree_the_stack_is_that_of_the_series_own_runner(tmp_path: Path) -> None:
    for version, stack in (("3.13.5", 8 << 20), ("3.14.0a2+", 16 << 20), ("3.15.0a2", 16 << 20), ("3.15.1", 32 << 20)):
        series = ".".join(version.split(".")[:2])
        given = {
            "python.wasm": b"\0asm\0" + version.encode() + b"\0",
            f"lib/python{series}/os.py": "",
        }
        (tmp_path / version).mkdir()
        found = read_interpreter(Target.WASI, files(tmp_path / version / "zip", given))
        assert found.python == version
        assert laid_out(tmp_path / version, Parts(interpreter=found)).wasm_stack == stack


def test_every_file_that_is_taken_counts_for_the_build_and_no_other(tmp_path: Path) -> None:
    for folder, unused, used in (
        (build_folder(tmp_path / "built"), "a.o", "Makefile"),
        (release(tmp_path / "zip"), "LICENSE", f"{LIBRARY}/json.py"),
    ):
        first = read_interpreter(Target.WASI, folder).key
        files(folder, {unused: "changed"})
        assert read_interpreter(Target.WASI, folder).key == first
        files(folder, {used: "changed"})
        assert read_interpreter(Target.WASI, folder).key != first


ANSWER: dict[str, Any] = {
    "pydebug": False,
    "dynamic_loading": False,
    "threads": "pthread-stubs",
    "emscripten": None,
    "modules": {"zlib": True, "_bz2": False},
    "sysconfig": {"CC": "/opt/wasi-sdk-25/bin/clang", "CONFIG_ARGS": ""},
}


def described(**answer: Any) -> Manifest:
    return Manifest.from_json(
        described_by({"inputs": {"target": "wasi"}, "prebuilt": {"origin": "/given"}}, {**ANSWER, **answer})
    )


def test_the_bare_cell_of_a_target_is_what_the_interpreter_is() -> None:
    found = cell_of(WASI, described(pydebug=True))
    assert (found.id, found.toolchain, found.pydebug, found.libraries) == ("wasi", "25", True, (Library.ZLIB,))
    assert cell_of(WASI, described(sysconfig={"CC": "clang", "CONFIG_ARGS": ""})).toolchain == ""
    info = {"version": "4.0.9", "pthreads": True}
    bare = dataclasses.replace(EMSCRIPTEN, id="emscripten", toolchain="")
    threads = cell_of(bare, described(emscripten=info, dynamic_loading=True))
    assert (threads.toolchain, threads.pthreads, threads.dynamic_linking) == ("4.0.9", True, True)


def test_a_cell_for_one_series_takes_no_other(tmp_path: Path) -> None:
    found = read_interpreter(Target.WASI, build_folder(tmp_path))
    check_series(WASI, found)
    check_series(dataclasses.replace(WASI, id="wasi-py3.13"), found)
    with pytest.raises(BuildError, match=r"asks for CPython 3\.12, and it is 3\.13\.5"):
        check_series(dataclasses.replace(WASI, id="wasi-py3.12"), found)


def test_any_other_cell_keeps_what_it_asks_for() -> None:
    debug = dataclasses.replace(WASI, id="wasi-debug", pydebug=True)
    assert cell_of(debug, described()) == debug
    # A cell that takes whatever Emscripten its tree pins takes that of the interpreter.
    assert (
        cell_of(dataclasses.replace(EMSCRIPTEN, id="emscripten-pthreads", toolchain=""), described()).toolchain == "25"
    )
    with pytest.raises(BuildError, match="asks for WASI SDK 24, and it was built with 25"):
        cell_of(dataclasses.replace(WASI, id="wasi-24", toolchain="24"), described())
