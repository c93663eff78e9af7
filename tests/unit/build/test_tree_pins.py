"""The cell that a source tree asks for."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from harness.build.recipes.cpython_tree import Tree
from harness.build.tree_pins import (
    DOCUMENTED,
    Overrides,
    check_fits,
    check_takes_tree_pins,
    newest_of_series,
    pinned_by_tree,
)
from harness.errors import ConfigError, UnavailableError
from harness.matrix.cells import Cell
from harness.matrix.pins import EmscriptenPin, Pins, RuntimePin, WasiSdkPin
from harness.targets import Engine, Target
from tests.unit.sample_cells import EMSCRIPTEN
from tests.unit.sample_pins import CELL
from tests.unit.sample_trees import EARLY_314, PY311, PY313, PY314, PY315, tree

OF_TREE = dataclasses.replace(EMSCRIPTEN, id="emscripten", toolchain="", runtime="22.1.0")
PINS = Pins(
    wasi_sdk=tuple(WasiSdkPin(version=version, llvm="", wasi_libc="", evidence="") for version in ("24", "25", "33")),
    emscripten=tuple(EmscriptenPin(version=version, node="24.9.0") for version in ("3.1.69", "4.0.12", "6.0.5")),
    runtime=tuple(
        RuntimePin(name="node", version=version, sha256=("ab" * 32,)) for version in ("22.1.0", "24.9.0", "24.19.0")
    ),
)


def test_the_tree_s_settings_decide_toolchain_and_node() -> None:
    cell = pinned_by_tree(OF_TREE, PY315, "3.15.0", PINS)
    assert (cell.id, cell.toolchain, cell.runtime) == ("emscripten", "6.0.5", "24.19.0")
    assert cell.resources == OF_TREE.resources
    cell = pinned_by_tree(CELL, PY315, "3.15.0", PINS)
    assert (cell.id, cell.toolchain, cell.runtime) == ("wasi", "33", CELL.runtime)


@pytest.mark.parametrize(
    ("source", "version", "toolchain"),
    [(PY313, "3.13.5", "24"), (PY314, "3.14.2", "24"), (EARLY_314, "3.14.0a2+", "24")],
)
def test_cpython_s_documents_name_the_wasi_sdk_of_an_older_tree(source: Tree, version: str, toolchain: str) -> None:
    assert pinned_by_tree(CELL, source, version, PINS).toolchain == toolchain


def test_the_table_of_the_documents_is_what_is_taken() -> None:
    text = (Path(__file__).parents[3] / "docs" / "cells.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:3\.\d+(?:, )?)+) \| (\d*) ?\| ([\d.]*) ?\|", text, re.MULTILINE)
    stated = {
        (target, series): version
        for names, *versions in rows
        for series in names.split(", ")
        for target, version in zip((Target.WASI, Target.EMSCRIPTEN), versions, strict=True)
        if version
    }
    assert stated == DOCUMENTED


def test_cpython_s_documents_name_the_emscripten_of_an_early_3_14() -> None:
    cell = pinned_by_tree(OF_TREE, EARLY_314, "3.14.0a2+", PINS)
    assert (cell.toolchain, cell.runtime) == ("4.0.12", OF_TREE.runtime)


@pytest.mark.parametrize(
    ("cell", "source", "chosen", "said"),
    [
        (
            OF_TREE,
            PY315,
            Overrides(),
            "CPython 3.15.0: Emscripten 6.0.5, Node 24.19.0 by its tree; -u all by the cell",
        ),
        (
            OF_TREE,
            EARLY_314,
            Overrides(),
            "CPython 3.14.0a2+: Emscripten 4.0.12 by the documents of CPython 3.14; Node 22.1.0, -u all by the cell",
        ),
        (
            dataclasses.replace(OF_TREE, toolchain="3.1.69"),
            PY315,
            Overrides(toolchain=True, runtime=True),
            "CPython 3.15.0: Emscripten 3.1.69, Node 22.1.0 by the command line; -u all by the cell",
        ),
    ],
)
def test_it_is_said_what_the_tree_itself_names_and_what_not(
    caplog: pytest.LogCaptureFixture, cell: Cell, source: Tree, chosen: Overrides, said: str
) -> None:
    caplog.set_level("INFO")
    version = said.removeprefix("CPython ").partition(":")[0]
    pinned_by_tree(dataclasses.replace(cell, resources="all"), source, version, PINS, chosen)
    assert caplog.messages == [said]


def test_the_resources_are_those_of_the_tree_s_own_test_arguments() -> None:
    settings = 'emscripten-version = "6.0.5"\nnode-version = "24"\ntest-args = ["-m", "test", "-uall", "--use=-gui"]\n'
    source = tree({**PY315.texts, "Platforms/emscripten/config.toml": settings})
    assert pinned_by_tree(OF_TREE, source, "3.15.0", PINS).resources == "all,-gui"


def test_a_tree_that_pins_no_toolchain_leaves_a_cell_that_has_one_and_refuses_one_that_has_none() -> None:
    assert pinned_by_tree(CELL, PY311, "3.16.0", PINS).toolchain == CELL.toolchain
    with pytest.raises(
        ConfigError, match="emscripten takes the Emscripten that the tree of its CPython pins"
    ) as caught:
        pinned_by_tree(OF_TREE, PY313, "3.13.5", PINS)
    assert "--toolchain VERSION-OR-PATH" in caught.value.hint


def test_everything_that_is_not_pinned_is_named_with_what_to_do() -> None:
    settings = 'emscripten-version = "6.0.10"\nnode-version = "26"\n'
    source = tree({**PY315.texts, "Platforms/emscripten/config.toml": settings})
    with pytest.raises(UnavailableError) as caught:
        pinned_by_tree(OF_TREE, source, "3.16.0a1+", PINS)
    assert "Emscripten 6.0.10: `python -m harness pins add emscripten 6.0.10`, or another: --toolchain" in str(
        caught.value
    )
    assert "Node 26: `python -m harness pins add node VERSION`, or another: --runtime 22.1.0" in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "chosen", "lacks", "option"),
    [
        ('node-version = "24"', Overrides(), "has no emscripten-version", "--toolchain VERSION"),
        ('emscripten-version = "6.0.5"', Overrides(), "has no node-version", "--runtime VERSION"),
        ("", Overrides(toolchain=True), "has no node-version", "--runtime VERSION"),
        ("", Overrides(), "has no emscripten-version and no node-version", "--toolchain VERSION and --runtime VERSION"),
    ],
)
def test_a_key_that_the_tree_s_settings_lack_is_an_error_and_not_taken_from_elsewhere(
    settings: str, chosen: Overrides, lacks: str, option: str
) -> None:
    """CPython's documents name an Emscripten for 3.14, and the cell a Node: this tree was written for another one."""
    source = tree({**PY315.texts, "Platforms/emscripten/config.toml": settings})
    with pytest.raises(ConfigError, match=rf"Platforms/emscripten/config\.toml {lacks}\n") as caught:
        pinned_by_tree(OF_TREE, source, "3.14.10", PINS, chosen)
    assert caught.value.hint.endswith(f"choose it with {option}")


def test_keys_that_the_user_has_chosen_need_not_be_there() -> None:
    source = tree({**PY315.texts, "Platforms/emscripten/config.toml": ""})
    mine = dataclasses.replace(OF_TREE, toolchain="6.0.11", runtime="25.0.0")
    assert pinned_by_tree(mine, source, "3.15.0", PINS, Overrides(toolchain=True, runtime=True)) == mine
    browser = dataclasses.replace(mine, engine=Engine.CHROMIUM)
    assert pinned_by_tree(browser, source, "3.15.0", PINS, Overrides(toolchain=True)) == browser
    with pytest.raises(ConfigError, match=r"Platforms/WASI/config\.toml has no wasi-sdk\n"):
        pinned_by_tree(CELL, tree({**PY315.texts, "Platforms/WASI/config.toml": "[targets]\n"}), "3.15.0", PINS)


def test_what_is_not_a_version_is_not_proposed_as_a_pin() -> None:
    settings = 'emscripten-version = "latest"\nnode-version = "24"\n'
    source = tree({**PY315.texts, "Platforms/emscripten/config.toml": settings})
    with pytest.raises(UnavailableError, match="Emscripten latest, which is no version: name another") as caught:
        pinned_by_tree(OF_TREE, source, "3.15.0", PINS)
    assert "pins add" not in str(caught.value)


def test_what_the_user_has_chosen_stays() -> None:
    mine = dataclasses.replace(OF_TREE, toolchain="6.0.11", runtime="25.0.0")
    cell = pinned_by_tree(mine, PY315, "3.15.0", PINS, Overrides(toolchain=True, runtime=True))
    assert (cell.toolchain, cell.runtime) == ("6.0.11", "25.0.0")
    assert pinned_by_tree(mine, PY315, "3.15.0", PINS, Overrides(toolchain=True)).runtime == "24.19.0"


def test_a_cell_that_names_its_toolchain_does_not_take_that_of_a_tree() -> None:
    check_takes_tree_pins(OF_TREE)
    check_takes_tree_pins(CELL)
    with pytest.raises(ConfigError, match=rf"{EMSCRIPTEN.id} names its own") as caught:
        check_takes_tree_pins(EMSCRIPTEN)
    assert "`emscripten` is the cell without one" in caught.value.hint


@pytest.mark.parametrize("version", ["3.14.0", "3.14.3", "3.14.3+"])
@pytest.mark.parametrize("toolchain", ["4.0.19", "4.0.20", "6.0.5"])
def test_a_release_that_is_known_not_to_build_with_an_emscripten_is_refused(version: str, toolchain: str) -> None:
    cell = dataclasses.replace(OF_TREE, toolchain=toolchain)
    with pytest.raises(ConfigError, match=rf"does not build with Emscripten {toolchain}.*#145037") as caught:
        check_fits(cell, PY314, version)
    assert "4.0.12" in caught.value.hint


def test_settings_without_what_the_script_reads_are_refused_for_any_toolchain() -> None:
    lacking = tree({**PY315.texts, "Platforms/WASI/config.toml": "[targets]\nwasi-sdk = 33\n"})
    with pytest.raises(ConfigError, match="targets has no host-triple"):
        check_fits(CELL, lacking, "3.15.0")


@pytest.mark.parametrize(
    ("toolchain", "version"), [("4.0.18", "3.14.3"), ("6.0.5", "3.14.4"), ("6.0.5", "3.14.0a2+"), ("6.0.5", "3.13.5")]
)
def test_others_are_tried(toolchain: str, version: str) -> None:
    check_fits(dataclasses.replace(OF_TREE, toolchain=toolchain), PY314, version)


def test_a_wasi_sdk_is_not_an_emscripten() -> None:
    check_fits(CELL, PY314, "3.14.2")
    assert CELL.target is Target.WASI


@pytest.mark.parametrize(
    ("series", "newest"), [("24", "24.19.0"), ("24.9", "24.9.0"), ("24.19.0", "24.19.0"), ("2", ""), ("26", "")]
)
def test_the_newest_of_a_series(series: str, newest: str) -> None:
    assert newest_of_series(["24.9.0", "24.19.0", "22.1.0", "24.2.0"], series) == newest
