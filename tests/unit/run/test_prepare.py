"""What a user may choose in place of what the cell says."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from harness.build.recipes.cpython_tree import Tree
from harness.build.recipes.emscripten import BROWSER_TARGET
from harness.errors import EXIT_CONFIG, EXIT_UNAVAILABLE, BuildError, ConfigError, HarnessError
from harness.matrix.cells import Cell
from harness.run import prepare as prepare_module
from harness.run.prepare import BuildRequest, _with_toolchain, prepare
from harness.sources import Source
from tests.unit.sample_cells import EMSCRIPTEN
from tests.unit.sample_pins import CELL
from tests.unit.sample_trees import PY313, PY314

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("wish", ["4.0.12", "33"])
def test_a_toolchain_may_be_another_version_and_the_cell_keeps_its_id(wish: str) -> None:
    cell, path = _with_toolchain(EMSCRIPTEN, wish)
    assert (cell.toolchain, cell.id, path) == (wish, EMSCRIPTEN.id, None)


@pytest.mark.parametrize("wish", ["./33", "sdk", "wasi-sdk-25.0"])
def test_a_toolchain_may_be_a_folder(wish: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(wish).mkdir()
    assert _with_toolchain(EMSCRIPTEN, wish) == (EMSCRIPTEN, Path(wish))


@pytest.mark.parametrize("as_stated", [False, True])
def test_a_toolchain_that_is_neither_a_version_nor_there_is_refused(tmp_path: Path, as_stated: bool) -> None:
    with pytest.raises(HarnessError, match="latest is neither a version nor a path where something is") as caught:
        _with_toolchain(CELL, str(tmp_path / "latest"), as_stated=as_stated)
    assert caught.value.exit_code == EXIT_UNAVAILABLE
    assert caught.value.hint == f"give a version, such as {CELL.toolchain}, or where a toolchain is on this machine"


def test_without_an_option_the_toolchain_is_the_cell_s() -> None:
    assert _with_toolchain(EMSCRIPTEN, "") == (EMSCRIPTEN, None)


@pytest.mark.parametrize(
    ("cell", "file", "text", "version"),
    [
        (EMSCRIPTEN, "emscripten-version.txt", '"6.0.11-git"', "6.0.11"),
        (CELL, "VERSION", "35.2g0fd1d10e1c5f\nwasi-libc: 161b319\n", "35"),
    ],
)
def test_the_folder_of_a_toolchain_says_which_version_a_tree_s_cell_gets(
    cell: Cell, file: str, text: str, version: str, tmp_path: Path
) -> None:
    (tmp_path / "emcc.py").touch()
    (tmp_path / file).write_text(text)
    found, path = _with_toolchain(cell, str(tmp_path), as_stated=True)
    assert (found.toolchain, found.id, path) == (version, cell.id, tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(HarnessError, match="that states its version") as caught:
        _with_toolchain(cell, str(tmp_path), as_stated=True)
    assert caught.value.exit_code == EXIT_UNAVAILABLE


def programs(*names: str) -> Callable[..., str | None]:
    """A `shutil.which` for a machine with these programs."""

    def which(name: str, path: str | None = None) -> str | None:
        return f"/usr/bin/{name}" if name in names else None

    return which


@pytest.fixture
def machine(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache, a C compiler and make, on which nothing may be downloaded."""

    def downloaded(*args: Any, **kwargs: Any) -> NoReturn:
        raise AssertionError("nothing is downloaded before all is checked")

    monkeypatch.setattr(prepare_module, "obtain_source", downloaded)
    monkeypatch.setattr(shutil, "which", programs("cc", "make"))
    for name in ("WASI_SDK_PATH", "EMSDK"):
        monkeypatch.delenv(name, raising=False)
    return empty_cache


@pytest.mark.parametrize("character", [" ", "\t", "#", "$", ":", "%", "'"])
def test_a_cache_where_nothing_can_be_built_is_refused_first(
    machine: Path, monkeypatch: pytest.MonkeyPatch, character: str
) -> None:
    monkeypatch.setenv("WASM_HARNESS_CACHE", str(machine / f"my{character}cache"))
    with pytest.raises(HarnessError, match="with which CPython cannot be built") as caught:
        prepare("wasi", BuildRequest())
    assert caught.value.exit_code == EXIT_CONFIG
    assert "WASM_HARNESS_CACHE" in caught.value.hint


@pytest.fixture
def folders_with_sdks(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders with an Emscripten in the current one: `old` is of another version, `my sdk` in a bad place."""
    for name, version in {"old": "3.1.6", "my sdk": "3.1.69-git"}.items():
        folder = machine.parent / name
        folder.mkdir()
        (folder / "emcc.py").touch()
        (folder / "emscripten-version.txt").write_text(f'"{version}"')
    monkeypatch.chdir(machine.parent)
    # It would start a program.
    monkeypatch.setattr("harness.toolchains.emscripten.own.check_agrees", lambda _: None)
    monkeypatch.setattr("harness.matrix.load.project_root", lambda: ROOT)
    monkeypatch.setattr("harness.expectations.files.project_root", lambda: ROOT)


@pytest.mark.parametrize(
    ("cell", "wishes", "status", "says"),
    [
        ("wasi", {"toolchain": "nowhere"}, EXIT_UNAVAILABLE, "--toolchain nowhere is neither a version nor a path"),
        ("wasi", {"toolchain": "old"}, EXIT_UNAVAILABLE, "is no WASI SDK: it has no bin/clang"),
        ("wasi", {"toolchain": "99"}, EXIT_UNAVAILABLE, "WASI SDK 99 is not pinned"),
        ("wasi", {"provider": "apd"}, EXIT_CONFIG, "no toolchain provider 'apd'; did you mean 'apt'?"),
        ("wasi", {"provider": "path"}, EXIT_UNAVAILABLE, "WASI_SDK_PATH is not set"),
        ("wasi", {"cpython": "3.13.99"}, EXIT_UNAVAILABLE, "CPython 3.13.99 is not pinned"),
        ("wasi", {"runtime": "1.0"}, EXIT_UNAVAILABLE, "wasmtime 1.0 is not pinned"),
        ("wasi", {"runtime": "path:/nowhere"}, EXIT_UNAVAILABLE, "has no wasmtime that can be used"),
        ("wasi", {"runtime": "own:/nowhere"}, EXIT_CONFIG, "--runtime own:/nowhere"),
        ("wasi", {"runtime": "path:"}, EXIT_CONFIG, "or path: and where it is on this machine"),
        ("emscripten-3.1.69", {"toolchain": "nowhere"}, EXIT_UNAVAILABLE, "neither a version nor a path"),
        ("emscripten-3.1.69", {"toolchain": "."}, EXIT_UNAVAILABLE, "is no Emscripten"),
        ("emscripten-3.1.69", {"provider": "path"}, EXIT_UNAVAILABLE, "EMSDK is not set and no emcc is on PATH"),
        ("emscripten-3.1.69", {"toolchain": "5.0.99"}, EXIT_UNAVAILABLE, "Emscripten 5.0.99 is not pinned"),
        ("emscripten-3.1.69", {"toolchain": "old"}, EXIT_UNAVAILABLE, "is 3.1.6, the cell wants 3.1.69"),
        ("emscripten-3.1.69", {"toolchain": "my sdk"}, EXIT_CONFIG, "has white space in it"),
    ],
)
def test_what_needs_no_network_to_be_refused_is_refused_first(
    folders_with_sdks: None, cell: str, wishes: dict[str, Any], status: int, says: str
) -> None:
    with pytest.raises(HarnessError) as caught:
        prepare(cell, BuildRequest(**wishes))
    assert says in caught.value.message
    assert caught.value.exit_code == status


def test_a_machine_that_cannot_build_is_refused_first_unless_it_has_builds(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", programs())
    with pytest.raises(HarnessError, match="there is no C compiler and no make on PATH") as caught:
        prepare("wasi", BuildRequest())
    assert caught.value.exit_code == EXIT_UNAVAILABLE
    assert "doctor" in caught.value.hint
    (machine / "builds" / "wasi-1").mkdir(parents=True)
    with pytest.raises(AssertionError, match="nothing is downloaded"):
        prepare("wasi", BuildRequest())


def test_a_word_that_the_source_does_not_know_is_refused_before_anything_is_built(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(root: Path) -> NoReturn:
        raise ConfigError(f"{root} has no such module")

    def built(*args: Any, **kwargs: Any) -> NoReturn:
        raise AssertionError("the toolchain is obtained after the check")

    source = Source(id="s", version="3.13.5", root=machine / "tree", provider="p", origin="o", revision="r")
    monkeypatch.setattr(prepare_module, "obtain_source", lambda *_, **__: source)
    for name in ("tree_of", "obtain_toolchain", "obtain_runtime", "ensure_build"):
        monkeypatch.setattr(prepare_module, name, built)
    with pytest.raises(ConfigError, match="tree has no such module"):
        prepare("wasi", BuildRequest(), unknown)


@pytest.mark.parametrize(
    ("tree", "wishes", "added"),
    [
        (PY313, BuildRequest(web_example=True), (BROWSER_TARGET,)),
        (PY313, BuildRequest(), ()),
        (PY314, BuildRequest(web_example=True), ()),
    ],
)
def test_the_web_example_is_a_build_of_its_own_where_the_tree_has_it_so(
    machine: Path, monkeypatch: pytest.MonkeyPatch, tree: Tree, wishes: BuildRequest, added: tuple[str, ...]
) -> None:
    built = []

    def build(cell: Cell, *_: object, **__: object) -> NoReturn:
        built.append(cell.configure)
        raise BuildError("enough is seen")

    source = Source(id="s", version="3.13.5", root=machine / "tree", provider="p", origin="o", revision="r")
    for name, answer in {"obtain_source": source, "tree_of": tree}.items():
        monkeypatch.setattr(prepare_module, name, lambda *_, answer=answer, **__: answer)
    for name in ("obtain_toolchain", "obtain_runtime", "obtain_libraries"):
        monkeypatch.setattr(prepare_module, name, lambda *_, **__: None)
    monkeypatch.setattr(prepare_module, "ensure_build", build)
    with pytest.raises(BuildError, match="enough is seen"):
        prepare("emscripten-3.1.69", wishes)
    assert built == [added]


@pytest.mark.parametrize("wish", [{"cpython": "3.13.5"}, {"toolchain": "4.0.12"}, {"tree_pins": True}])
def test_an_interpreter_that_is_built_already_is_not_built_otherwise(machine: Path, wish: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="is an interpreter that is built already") as caught:
        prepare("pyodide-0.29.5", BuildRequest(**wish))
    assert "--suite" in caught.value.hint


def test_only_an_interpreter_that_is_built_already_gets_the_tests_of_another_cpython(machine: Path) -> None:
    with pytest.raises(ConfigError, match="wasi is built here") as caught:
        prepare("wasi", BuildRequest(suite="3.13.5"))
    assert "--cpython" in caught.value.hint
