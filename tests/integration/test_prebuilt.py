"""A CPython that somebody else has built, tested from its folder or its archive: as the same build of ours."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from harness.build.artifact import Build
from harness.errors import EXIT_BUILD, EXIT_CONFIG, EXIT_OK, EXIT_UNAVAILABLE, EXIT_UNEXPECTED
from harness.results.cell_results import OtherSuite, load_results
from harness.results.diff import diff_cells
from harness.run.prepared import Prepared
from tests.integration.test_own_tests import harness

pytestmark = pytest.mark.toolchain
MODULES = ("test_bool", "test_platform", "test_sysconfig")
# What cpython-wasi-build takes out of the library.
STRIPPED = {"curses", "ensurepip", "idlelib", "test", "multiprocessing", "tkinter", "turtledemo", "venv", "__pycache__"}


def copied(prepared: Prepared, folder: Path) -> Path:
    """The build folder of a cell as its owner has it, without a source around it."""
    shutil.copytree(prepared.build.root / prepared.build.manifest.layout.build_folder, folder)
    return folder


def release(prepared: Prepared, archive: Path) -> Path:
    """A release of the form of cpython-wasi-build: the interpreter, its library and the sysconfig data."""
    root, library = prepared.build.root, "lib/python3.13"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(prepared.build.wasm, "python.wasm")
        for path in sorted((root / "Lib").rglob("*")):
            name = path.relative_to(root / "Lib")
            if path.is_file() and not STRIPPED & set(name.parts):
                packed.write(path, f"{library}/{name}")
        for path in prepared.build.wasm.parent.glob("build/lib.*/_sysconfigdata_*.py"):
            packed.write(path, f"{library}/{path.name}")
    return archive


@pytest.mark.parametrize("cell", ["wasi", "emscripten"])
def test_a_build_folder_is_tested_as_the_cell_that_it_was_built_for(
    request: pytest.FixtureRequest, tmp_path: Path, cell: str
) -> None:
    prepared: Prepared = request.getfixturevalue(cell)
    folder = copied(prepared, tmp_path / "built")
    for name, words in (("own", (prepared.cell.id,)), ("given", (cell, "--prebuilt", folder))):
        done = harness("test", *words, *MODULES, "--reruns", "0", "--run-dir", tmp_path / name)
        assert done.returncode == EXIT_OK, done.stdout
    own = load_results(tmp_path / "own" / prepared.cell.id / "results.json")
    given = load_results(tmp_path / "given" / cell / "results.json")
    assert given.cell.toolchain == own.cell.toolchain
    assert given.build.wasm == own.build.wasm
    assert given.build.prebuilt == str(folder)
    assert not diff_cells(own, given).changes


def test_a_release_archive_gets_the_tests_of_its_cpython(wasi: Prepared, tmp_path: Path) -> None:
    archive = release(wasi, tmp_path / "python-3.13.5-wasi_sdk-25.zip")
    done = harness("test", "wasi", "test_bool", "test_platform", "--prebuilt", archive, "--run-dir", tmp_path / "run")
    assert done.returncode == EXIT_OK, done.stdout
    results = load_results(tmp_path / "run" / "wasi" / "results.json")
    assert {module.module for module in results.modules} == {"test_bool", "test_platform"}
    assert results.build.layout.library == "lib/python3.13"
    assert (results.build.suite, results.build.toolchain.version) == ("3.13.5", "25")


def test_cases_that_another_version_of_the_suite_has_differently_are_counted_apart(
    wasi: Prepared, tmp_path: Path
) -> None:
    """Two folders: an installed tree with its own tests, and a checkout of a later version."""
    root, prefix, checkout = wasi.build.root, tmp_path / "prefix", tmp_path / "checkout"
    (prefix / "bin").mkdir(parents=True)
    shutil.copyfile(wasi.build.wasm, prefix / "bin" / "python3.13.wasm")
    shutil.copytree(root / "Lib", prefix / "lib" / "python3.13", ignore=shutil.ignore_patterns("__pycache__"))
    for path in wasi.build.wasm.parent.glob("build/lib.*/_sysconfigdata_*.py"):
        shutil.copyfile(path, prefix / "lib" / "python3.13" / path.name)
    shutil.copytree(root, checkout, ignore=shutil.ignore_patterns("__pycache__", "cross-build", "Doc", "*.so"))
    subprocess.run(["chmod", "-R", "u+w", prefix, checkout], check=True)
    edit(checkout / "Include" / "patchlevel.h", '"3.13.5"', '"3.13.6"')
    # One case is another one than before; the other fails in both versions.
    edit(checkout / "Lib" / "test" / "test_bool.py", "self.assertEqual(str(False), 'False')", "self.fail('new')")
    for tests in (checkout / "Lib" / "test", prefix / "lib" / "python3.13" / "test"):
        edit(tests / "test_bool.py", "self.assertEqual(repr(False), 'False')", "self.fail('old')")
    words = ("test", "wasi", "--prebuilt", prefix, "--suite", checkout, "--reruns", "0")
    done = harness(*words, "test_bool", "--run-dir", tmp_path / "run")
    assert done.returncode == EXIT_UNEXPECTED, done.stdout
    assert "1 of another version -> 1 UNEXPECTED (1 regression)" in done.stdout
    found = load_results(tmp_path / "run" / "wasi" / "results.json")
    assert found.other_suite == OtherSuite(differing=("test.test_bool.BoolTest.test_str",), compared="3.13.5")
    note = "1 case of another version, by the tests of 3.13.5, is not unexpected"
    assert note in " ".join(done.stdout.split())
    harness("report", tmp_path / "run")
    assert note in (tmp_path / "run" / "index.html").read_text()
    # Without the case that is wrong in both nothing is unexpected.
    alone = ("--case", "test.test_bool.BoolTest.test_str", "--case", "test.test_bool.BoolTest.test_int")
    done = harness(*words, *alone, "--run-dir", tmp_path / "alone")
    assert done.returncode == EXIT_OK, done.stdout
    assert "1 of another version, 0 unexpected -> as expected" in done.stdout
    # The interpreter's own tests may lie elsewhere.
    done = harness(*words, *alone, "--own-suite", prefix, "--run-dir", tmp_path / "named")
    assert done.returncode == EXIT_CONFIG, done.stdout
    assert "nothing states the version of the tests" in done.stdout + (done.stderr or "")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    # The source of a build is linked into it: another file, and not this one, gets the new text.
    path.unlink()
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_what_is_another_cell_or_no_python_is_refused_and_nothing_stays(wasi: Prepared, tmp_path: Path) -> None:
    folder = copied(wasi, tmp_path / "built")
    (tmp_path / "other" / "lib" / "python3.13").mkdir(parents=True)
    (tmp_path / "other" / "lib" / "python3.13" / "os.py").touch()
    # A valid module that says `3.13.5` in a section of its own and is not an interpreter.
    (tmp_path / "other" / "python.wasm").write_bytes(b"\0asm\1\0\0\0\0\x0b\2vv\x003.13.5\0")
    for cell, path, status, words in (
        ("wasi-debug", folder, EXIT_BUILD, "pydebug: the cell asks for on, the interpreter says off"),
        ("wasi", tmp_path / "other", EXIT_UNAVAILABLE, "engine"),
    ):
        done = harness("test", cell, "test_bool", "--prebuilt", path, "--run-dir", tmp_path / "run")
        said = done.stdout + (done.stderr or "")
        assert (done.returncode, words in said, "Traceback" in said) == (status, True, False), said
    kept = [Build.load(path.parent).manifest.prebuilt for path in (wasi.cache / "builds").glob("*/manifest.json")]
    assert not {str(folder), str(tmp_path / "other")} & set(kept)
