"""Layouts: known by the files that a source tree has; and what its own scripts say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.build.recipes.cpython_tree import Script, Tree, read_tree
from harness.errors import ConfigError
from harness.targets import Target
from tests.unit.sample_trees import EARLY_314, PY311, PY313, PY314, PY315, tree

WASI, EMSCRIPTEN = Target.WASI, Target.EMSCRIPTEN


@pytest.mark.parametrize(
    ("source", "wasi", "emscripten"),
    [
        (PY311, Script.WASM_BUILD, Script.WASM_BUILD),
        (PY313, Script.WASI_PY, Script.WASM_BUILD),
        (EARLY_314, Script.WASI_PY, Script.TOOLS_EMSCRIPTEN),
        (PY314, Script.TOOLS_WASI, Script.TOOLS_EMSCRIPTEN),
        (PY315, Script.PLATFORMS_WASI, Script.PLATFORMS_EMSCRIPTEN),
    ],
)
def test_the_newest_script_of_a_tree_is_its_layout(source: Tree, wasi: Script, emscripten: Script) -> None:
    """Later trees keep the older scripts, as shims or broken."""
    assert source.script(WASI) is wasi
    assert source.script(EMSCRIPTEN) is emscripten


@pytest.mark.parametrize("target", list(Target))
def test_a_tree_without_any_script_is_refused_with_what_is_known(target: Target) -> None:
    with pytest.raises(ConfigError) as caught:
        tree({}).script(target)
    assert f"the tree: the layout is not known: it has none of CPython's build scripts for {target}" in str(
        caught.value
    )
    assert "Tools/wasm/wasm_build.py" in caught.value.hint
    assert "Platforms/" in caught.value.hint


@pytest.mark.parametrize(
    ("source", "wasi", "emscripten"),
    [
        (PY311, "Tools/wasm", "Tools/wasm"),
        (EARLY_314, "Tools/wasm", "Tools/wasm"),
        (PY314, "Tools/wasm/wasi", "Tools/wasm/emscripten"),
        (PY315, "Platforms/WASI", "Platforms/emscripten"),
    ],
)
def test_configure_s_answers_are_next_to_the_script_or_above_it(source: Tree, wasi: str, emscripten: str) -> None:
    assert source.config_site(WASI) == f"{wasi}/config.site-wasm32-wasi"
    assert source.config_site(EMSCRIPTEN) == f"{emscripten}/config.site-wasm32-emscripten"


def test_a_script_without_configure_s_answers_is_not_a_known_layout() -> None:
    half = tree({"Platforms/WASI/__main__.py": ""})
    with pytest.raises(ConfigError, match=r"no Platforms/WASI/config\.site-wasm32-wasi and no Tools/wasm/config\.site"):
        half.config_site(WASI)


@pytest.mark.parametrize(
    ("source", "wasi", "emscripten", "node"),
    [(PY313, "", "", ""), (PY314, "24", "4.0.11", ""), (PY315, "33", "6.0.5", "24")],
)
def test_what_the_tree_pins_is_read_from_it(source: Tree, wasi: str, emscripten: str, node: str) -> None:
    assert source.pinned_toolchain(WASI) == wasi
    assert source.pinned_toolchain(EMSCRIPTEN) == emscripten
    assert source.pinned_node() == node
    assert source.upstream(EMSCRIPTEN) == {
        "script": source.script(EMSCRIPTEN),
        "toolchain": emscripten,
        "node": node,
        "libraries": source.pinned_libraries(),
    }
    assert source.upstream(WASI) == {"script": source.script(WASI), "toolchain": wasi}


def test_the_libraries_of_the_tree_s_settings_are_reported() -> None:
    """They were at the top of the file before they had a table of their own."""
    both = {"libffi": "3.4.6", "mpdec": "4.0.1"}
    libraries = '[libffi]\nversion = "3.4.6"\n[mpdec]\nversion = "4.0.1"\n'
    older = f'emscripten-version = "4.0.12"\ntest-args = ["-m"]\n{libraries}'
    assert PY315.pinned_libraries() == both
    assert tree({**PY314.texts, "Tools/wasm/emscripten/config.toml": older}).pinned_libraries() == both
    assert PY313.pinned_libraries() == {}


@pytest.mark.parametrize(("source", "mebibytes"), [(PY311, 8), (PY313, 8), (EARLY_314, 16), (PY314, 16), (PY315, 32)])
def test_the_stack_is_what_cpython_s_own_runner_asks_for(source: Tree, mebibytes: int) -> None:
    assert source.wasm_stack() == mebibytes << 20


@pytest.mark.parametrize(
    ("source", "triple"), [(PY311, "wasm32-unknown-wasi"), (PY313, "wasm32-wasip1"), (PY315, "wasm32-wasip1")]
)
def test_wasi_is_called_what_the_script_calls_it(source: Tree, triple: str) -> None:
    assert source.wasi_triple() == triple


def test_another_triple_of_the_tree_s_settings_is_taken() -> None:
    settings = '[targets]\nwasi-sdk = 40\nhost-triple = "wasm32-wasip3"\n'
    assert tree({**PY315.texts, "Platforms/WASI/config.toml": settings}).wasi_triple() == "wasm32-wasip3"


def test_settings_that_are_not_toml_are_reported() -> None:
    broken = tree({**PY315.texts, "Platforms/emscripten/config.toml": "emscripten-version = "})
    with pytest.raises(ConfigError, match=r"the tree: Platforms/emscripten/config\.toml is not valid TOML"):
        broken.pinned_toolchain(EMSCRIPTEN)


def test_a_tree_is_read_from_its_folder(tmp_path: Path) -> None:
    for name, text in PY315.texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "Tools/wasm/README.md").write_text("not asked for", encoding="utf-8")
    assert read_tree(tmp_path, "the tree") == PY315
    assert read_tree(tmp_path).name == str(tmp_path)


def test_settings_that_are_not_text_are_named_with_their_file(tmp_path: Path) -> None:
    (tmp_path / "Platforms" / "WASI").mkdir(parents=True)
    (tmp_path / "Platforms" / "WASI" / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"the tree: Platforms/WASI/config\.toml is not text in UTF-8"):
        read_tree(tmp_path, "the tree")


@pytest.mark.parametrize(
    ("file", "text", "ask", "says"),
    [
        (
            "WASI/config.toml",
            "targets = 34",
            lambda source: source.pinned_toolchain(WASI),
            "targets is no table, but 34",
        ),
        ("WASI/config.toml", "targets = 34", lambda source: source.wasi_triple(), "targets is no table, but 34"),
        ("WASI/wasmtime.toml", "wasm = 1", lambda source: source.wasm_stack(), "wasm is no table, but 1"),
        ("WASI/wasmtime.toml", "[wasm]\nmax-wasm-stack = '8M'", lambda source: source.wasm_stack(), "is no number"),
        (
            "WASI/config.toml",
            "[targets]\nwasi-sdk = 33",
            lambda source: source.wasi_triple(),
            "targets has no host-triple",
        ),
        ("WASI/config.toml", "[targets]\nhost-triple = 1", lambda source: source.wasi_triple(), "is no text, but 1"),
        (
            "WASI/config.toml",
            "[targets]\nwasi-sdk = true",
            lambda source: source.pinned_toolchain(WASI),
            "wasi-sdk is no version, but True",
        ),
        (
            "emscripten/config.toml",
            "emscripten-version = 6.0",
            lambda source: source.pinned_toolchain(EMSCRIPTEN),
            "emscripten-version is no version, but 6.0",
        ),
        (
            "emscripten/config.toml",
            "node-version = [24]",
            lambda source: source.pinned_node(),
            r"node-version is no version, but \[24\]",
        ),
        ("emscripten/config.toml", "test-args = 3", lambda source: source.pinned_resources(EMSCRIPTEN), "is no list"),
        ("emscripten/config.toml", "dependencies = 'x'", lambda source: source.pinned_libraries(), "is no table"),
    ],
)
def test_a_setting_of_another_type_is_named_with_its_file(
    file: str, text: str, ask: Callable[[Tree], object], says: str
) -> None:
    source = tree({**PY315.texts, f"Platforms/{file}": text})
    with pytest.raises(ConfigError, match=says) as caught:
        ask(source)
    assert f"Platforms/{file}" in str(caught.value)
