"""What is obtained for a CPython that somebody else has built, and what is refused before it is started."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from harness.errors import ConfigError, UnavailableError
from harness.matrix.load import load_configuration
from harness.matrix.python_source import PythonSource
from harness.run import prebuilt_cpython as module
from harness.run.prebuilt import Named
from harness.run.prebuilt_cpython import open_interpreter, prepare_cpython
from harness.run.prepare import BuildRequest
from harness.sources.base import LANDMARKS
from harness.targets import Target
from tests.unit.build.test_prebuilt_cpython import LIBRARY, build_folder, files, release, source


class Refused(Exception):  # noqa: N818 - it only ends the preparation
    pass


def asked(cache: Path, folder: Path, check: Callable[[Path], None], suite: str = "") -> None:
    matrix, pins = load_configuration()
    prepare_cpython(matrix.cell("wasi"), pins, cache, Named(runtime=cache, folder=str(folder), suite=suite), check)


def source_taken(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, suite: str = "") -> str:
    """The name of the source whose tests the interpreter in the folder gets."""

    def obtain(python: PythonSource, *_: Any) -> Any:
        if python.version:
            return source(tmp_path, python.version)
        return source(tmp_path, f"checkout-{Path(python.checkout).name}")

    def refuse(root: Path) -> NoReturn:
        raise Refused(root.name)

    monkeypatch.setattr(module, "obtain_source", obtain)
    monkeypatch.setattr("harness.sources.obtain_source", obtain)
    with pytest.raises(Refused) as caught:
        asked(tmp_path, folder, refuse, suite)
    return str(caught.value)


def test_the_tests_are_those_of_its_own_version_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (release(tmp_path / "zip"), build_folder(tmp_path / "built")):
        assert source_taken(folder, tmp_path, monkeypatch) == "source-3.13.5"
        assert source_taken(folder, tmp_path, monkeypatch, suite="3.13.2") == "source-3.13.2"


def test_the_library_of_a_build_folder_is_that_of_the_tree_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = '#define PY_VERSION "3.13.5"\n'
    tree = files(tmp_path / "tree", dict.fromkeys(LANDMARKS, "") | {"Include/patchlevel.h": version})
    built = build_folder(tree / "cross-build" / "wasm32-wasip1")
    assert source_taken(built, tmp_path, monkeypatch) == "source-checkout-tree"
    files(tree, {"Include/patchlevel.h": version.replace("3.13.5", "3.13.6")})
    with pytest.raises(UnavailableError, match=r"is CPython 3\.13\.5, and the source tree around it is 3\.13\.6"):
        asked(tmp_path, built, lambda _: None)


def test_a_version_that_is_not_available_or_no_release_names_the_way_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(python: PythonSource, *_: Any) -> NoReturn:
        raise UnavailableError(f"CPython {python} cannot be downloaded")

    monkeypatch.setattr(module, "obtain_source", unreachable)
    with pytest.raises(UnavailableError, match=r"has no tests of its own.*CPython 3\.13\.5 cannot be down") as caught:
        asked(tmp_path, release(tmp_path / "zip"), lambda _: None)
    assert "--suite VERSION" in caught.value.hint
    given = {
        "python.wasm": b"\0asm\x003.14.0a2+\0",
        "pybuilddir.txt": "build/lib.wasi-wasm32-3.14",
    }
    with pytest.raises(UnavailableError, match=r"has no library of its own.*3\.14\.0a2\+ is not available: it is no"):
        asked(tmp_path, files(tmp_path / "late", given), lambda _: None)


def test_the_program_itself_names_its_folder(tmp_path: Path) -> None:
    folder = release(tmp_path / "zip")
    assert open_interpreter(Target.WASI, folder / "python.wasm", tmp_path).folder == folder
    program = {
        "bin/python3.13.wasm": (folder / "python.wasm").read_bytes(),
        f"{LIBRARY}/os.py": "",
    }
    prefix = files(tmp_path / "prefix", program)
    assert open_interpreter(Target.WASI, prefix / "bin" / "python3.13.wasm", tmp_path).folder == prefix


def zipped(folder: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(folder.rglob("*")):
            packed.write(path, path.relative_to(folder))
    return archive


def test_an_archive_is_unpacked_once_and_what_is_wrong_with_it_leaves_nothing(tmp_path: Path) -> None:
    cache, archive = tmp_path / "cache", zipped(release(tmp_path / "given"), tmp_path / "python.zip")
    found = open_interpreter(Target.WASI, archive, cache)
    assert found.name == str(archive)
    assert (found.folder / LIBRARY / "os.py").is_file()
    assert open_interpreter(Target.WASI, archive, cache) == found
    whole = archive.read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    none = zipped(files(tmp_path / "none", {"readme": "nothing"}), tmp_path / "none.zip")
    for bad, why in ((tmp_path / "cut.zip", "cannot be unpacked"), (none, "it has no python.wasm")):
        with pytest.raises(UnavailableError, match=why) as caught:
            open_interpreter(Target.WASI, bad, cache)
        assert str(bad) in caught.value.message
    assert [path for path in (cache / "prebuilt").iterdir() if path.suffix != ".lock"] == [found.folder]


def test_options_of_a_build_are_refused_for_an_interpreter_that_is_there() -> None:
    cell = load_configuration()[0].cell("wasi")
    with pytest.raises(ConfigError, match="--cpython says how to build"):
        BuildRequest(prebuilt="/given", cpython="3.13.5").check_for(cell)
    with pytest.raises(ConfigError, match="--suite is for an interpreter that is built already"):
        BuildRequest(suite="3.13.5").check_for(cell)
    BuildRequest(prebuilt="/given", suite="3.13.5").check_for(cell)
    with pytest.raises(ConfigError, match="and --prebuilt says how to make one"):
        BuildRequest(prebuilt="/given", bundle="b.tar.gz").check()
