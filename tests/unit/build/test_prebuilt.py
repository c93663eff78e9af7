"""An interpreter that somebody else has built, laid out as a build."""

from __future__ import annotations

import dataclasses
import json
import re
import zipfile
from pathlib import Path

import pytest

from harness.build.artifact import Build
from harness.build.prebuilt import PREBUILT, Release, lay_out_prebuilt, prebuilt_folder, read_release
from harness.errors import UnavailableError
from harness.matrix.cells import Distribution, Library
from harness.matrix.pins import PackagePin
from harness.matrix.python_source import PythonSource
from harness.sources import Source
from tests.unit.sample_cells import EMSCRIPTEN

CELL = dataclasses.replace(
    EMSCRIPTEN,
    id="pyodide-0.29.5",
    toolchain="4.0.9",
    python=PythonSource.parse("3.13.2"),
    distribution=Distribution.PYODIDE,
    release="0.29.5",
    libraries=(Library.ZLIB,),
)
PIN = PackagePin(name="pyodide", version="0.29.5", sha256="ab" * 32)


def suite(folder: Path, version: str) -> Source:
    tests = folder / f"source-{version}" / "Lib" / "test"
    (tests / "__pycache__").mkdir(parents=True)
    (tests / "test_bool.py").write_text("# a test\n")
    return Source(
        id=f"cpython-{version}", version=version, root=tests.parents[1], provider="p", origin="o", revision="r"
    )


def laid_out(folder: Path, version: str = "3.13.2") -> Build:
    package = folder / "package"
    package.mkdir()
    (package / "pyodide.mjs").write_text("// loads it\n")
    (package / "pyodide.asm.wasm").write_bytes(b"\0asm")
    (folder / "build").mkdir()
    lay_out_prebuilt(CELL, PIN, package, suite(folder, version), folder / "build")
    return Build.load(folder / "build")


def test_it_has_what_a_build_has(tmp_path: Path) -> None:
    build = laid_out(tmp_path)
    assert build.program.read_text() == "// loads it\n"
    assert build.wasm.read_bytes() == b"\0asm"
    assert [path.name for path in (build.root / "Lib" / "test").iterdir()] == ["test_bool.py"]
    manifest = build.manifest
    assert (manifest.cell, manifest.python, manifest.suite) == ("pyodide-0.29.5", "3.13.2", "3.13.2")
    assert (manifest.source.origin, manifest.source.revision) == ("pyodide 0.29.5", PIN.sha256)
    assert (manifest.toolchain.version, manifest.libraries) == ("4.0.9", {"zlib": "of pyodide"})
    assert manifest.wasm.bytes == 4
    assert manifest.other_suite == ""


def test_tests_of_another_cpython_are_marked(tmp_path: Path) -> None:
    manifest = laid_out(tmp_path, "3.13.5").manifest
    said = "the tests are those of CPython 3.13.5, the interpreter is 3.13.2: some fail for that alone"
    assert manifest.other_suite == said
    assert said in manifest.recipe.departures


def test_package_tests_and_flags_name_it(tmp_path: Path) -> None:
    one, other = suite(tmp_path, "3.13.2"), suite(tmp_path, "3.13.5")
    folders = {
        prebuilt_folder(CELL, PIN, one, tmp_path),
        prebuilt_folder(CELL, PIN, other, tmp_path),
        prebuilt_folder(CELL, dataclasses.replace(PIN, sha256="cd" * 32), one, tmp_path),
        prebuilt_folder(dataclasses.replace(CELL, pthreads=True), PIN, one, tmp_path),
    }
    assert len(folders) == 4
    assert {folder.name.rpartition("-")[0] for folder in folders} == {"pyodide-0.29.5"}


@pytest.mark.parametrize(
    ("python", "path"),
    [("3.13.2", "/lib/python3.13/site-packages/test"), ("3.14.0rc1", "/lib/python3.14/site-packages/test")],
)
def test_the_tests_are_where_the_distribution_would_install_them(python: str, path: str) -> None:
    assert PREBUILT[Distribution.PYODIDE].tests_of(python) == path


def dist(folder: Path, **texts: str) -> Path:
    """A folder as a build of Pyodide leaves it."""
    folder.mkdir()
    lock = {"info": {"python": "3.14.2", "platform": "emscripten_5_0_3"}}
    files = {"pyodide.mjs": 'var Y="314.0.7";', "pyodide-lock.json": json.dumps(lock), **texts}
    for name, text in files.items():
        (folder / name).write_text(text)
    if "pyodide.asm.wasm" not in texts:
        (folder / "pyodide.asm.wasm").write_bytes(b"\0asm")
    if "python_stdlib.zip" not in texts:
        with zipfile.ZipFile(folder / "python_stdlib.zip", "w") as archive:
            archive.writestr("os.py", "")
    return folder


def test_a_folder_says_which_release_it_is(tmp_path: Path) -> None:
    found = read_release(Distribution.PYODIDE, dist(tmp_path / "dist"))
    assert found == Release(version="314.0.7", python="3.14.2", emscripten="5.0.3")


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("pyodide.asm.wasm", "MZ", "pyodide.asm.wasm is no WebAssembly"),
        ("python_stdlib.zip", "PK", "python_stdlib.zip is no zip, or is cut off"),
        ("pyodide-lock.json", "{}", "names no CPython and no platform"),
        ("pyodide-lock.json", "{", "names no CPython and no platform"),
        ("pyodide.mjs", "// nothing", "pyodide.mjs states no version"),
    ],
)
def test_a_folder_that_cannot_be_tested_says_why(tmp_path: Path, name: str, text: str, why: str) -> None:
    with pytest.raises(UnavailableError, match=re.escape(why)) as caught:
        read_release(Distribution.PYODIDE, dist(tmp_path / "dist", **{name: text}))
    assert "`dist` of a build" in caught.value.hint


def test_a_loader_that_is_not_text_states_no_version(tmp_path: Path) -> None:
    folder = dist(tmp_path / "dist")
    (folder / "pyodide.mjs").write_bytes(b"\xff\xfe")
    with pytest.raises(UnavailableError, match="states no version"):
        read_release(Distribution.PYODIDE, folder)


def test_a_folder_without_its_library_names_what_it_lacks(tmp_path: Path) -> None:
    folder = dist(tmp_path / "dist")
    (folder / "python_stdlib.zip").unlink()
    with pytest.raises(UnavailableError, match=r"it has no python_stdlib\.zip"):
        read_release(Distribution.PYODIDE, folder)


def test_the_user_s_own_files_are_copied_and_its_packages_left_out(tmp_path: Path) -> None:
    folder = dist(tmp_path / "dist", **{"numpy-2.whl": "large"})
    (tmp_path / "build").mkdir()
    lay_out_prebuilt(CELL, PIN, folder, suite(tmp_path, "3.13.2"), tmp_path / "build", provider="path")
    laid = tmp_path / "build" / "root" / "pyodide"
    assert sorted(path.name for path in laid.iterdir()) == [
        "pyodide-lock.json",
        "pyodide.asm.wasm",
        "pyodide.mjs",
        "python_stdlib.zip",
    ]
    assert all(path.stat().st_nlink == 1 for path in laid.iterdir())
    assert Build.load(tmp_path / "build").manifest.source.provider == "path"
