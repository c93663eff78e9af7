"""The runtimes, installed by pip from wherever pip is configured to look."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import EXIT_BUILD, SettingRefusedError, UnavailableError
from harness.matrix.jspi import node_options
from harness.matrix.pins import Pins, load_pins
from harness.run.prepare import BuildRequest, prepare
from harness.run.prepared import Prepared
from harness.toolchains.runtimes import OLDEST_NODE, obtain_runtime
from harness.util.cache import cache_root

NODE = shutil.which("node") or ""
pytestmark = [pytest.mark.integration, pytest.mark.toolchain]
without_npm = pytest.mark.skipif(not shutil.which("npm"), reason="this Node is from npm, which is not on PATH")
NPMS_NODE = pytest.param("26.10.0", marks=without_npm)


@pytest.fixture(scope="module")
def pins() -> Pins:
    return load_pins(Path(__file__).parents[2] / "matrices" / "pins.toml")


def test_the_pinned_wasmtime_can_be_imported_from_its_folder(tmp_path: Path, pins: Pins) -> None:
    folder = obtain_runtime("wasmtime", "50.0.1", pins, tmp_path)
    made = folder.stat()
    assert obtain_runtime("wasmtime", "50.0.1", pins, tmp_path) == folder
    # The same folder still, not one that was made a second time.
    assert folder.stat() == made
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\nimport wasmtime; wasmtime.Engine(); print(wasmtime.__file__)\n"
    )
    argv = [sys.executable, "-c", program, str(folder)]
    found = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
    assert Path(found).is_relative_to(folder)


@pytest.mark.parametrize("version", ["24.19.0", NPMS_NODE])
def test_the_pinned_node_runs_from_its_folder(tmp_path: Path, pins: Pins, version: str) -> None:
    """24 is a wheel, 26 an npm package."""
    folder = obtain_runtime("node", version, pins, tmp_path)
    argv = [str(folder / "bin" / "node"), "--print", "process.version"]
    assert subprocess.run(argv, check=True, capture_output=True, text=True).stdout == f"v{version}\n"
    assert not list(folder.glob("*.tgz"))


@pytest.mark.skipif(not NODE, reason="there is no node on PATH")
def test_the_node_of_this_machine_runs_the_build_when_asked_for(emscripten: Prepared) -> None:
    said = subprocess.run([NODE, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if int(said.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        with pytest.raises(UnavailableError, match="too old"):
            prepare("emscripten-3.1.69", BuildRequest(runtime=f"path:{NODE}"))
        return
    own = prepare("emscripten-3.1.69", BuildRequest(runtime=f"path:{NODE}"))
    facts = own.engine_facts()
    assert (facts["name"], facts["version"], facts["path"]) == ("node", said.removeprefix("v"), NODE)
    assert own.build == emscripten.build
    assert own.identity is not None
    major = own.cell.runtime.partition(".")[0]
    assert major in own.identity.interpreter["emscripten"]["runtime"]


@pytest.mark.parametrize("version", ["20.18.0", "22.20.0", NPMS_NODE])
def test_a_build_runs_on_every_node_that_is_named(emscripten: Prepared, version: str) -> None:
    other = prepare("emscripten-3.1.69", BuildRequest(runtime=version))
    facts = other.engine_facts()
    assert (facts["name"], facts["version"]) == ("node", version)
    assert "path" not in facts
    assert facts["jspi"] == ("yes" if version.startswith("26.") else "no")
    assert facts["stack"].startswith("32 MiB for the thread of a guest")
    assert other.identity is not None
    assert other.identity.interpreter["platform"] == "emscripten"


def test_a_wasmtime_of_this_machine_is_a_folder_of_its_package(tmp_path: Path, pins: Pins) -> None:
    with pytest.raises(UnavailableError, match="has no wasmtime that can be used"):
        prepare("wasi", BuildRequest(runtime="path:/usr/bin"))
    folder = tmp_path / "packages"
    folder.symlink_to(obtain_runtime("wasmtime", "50.0.1", pins, cache_root()))
    own = prepare("wasi", BuildRequest(runtime=f"path:{folder}"))
    facts = own.engine_facts()
    assert (facts["name"], facts["version"], facts["path"]) == ("wasmtime", "50.0.1", str(folder))
    assert facts["stack"] == "8 MiB of wasm stack, as CPython's own runner asks of wasmtime"
    assert own.identity
    assert own.identity.interpreter["platform"] == "wasi"


def fake_wasmtime(place: Path, text: str) -> None:
    """Bindings of that text, which say that they are of wasmtime 26."""
    (place / "wasmtime").mkdir()
    (place / "wasmtime" / "__init__.py").write_text(text)
    (folder := place / "wasmtime-26.0.0.dist-info").mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: wasmtime\nVersion: 26.0.0\n")


def test_a_wasmtime_that_cannot_give_cpython_s_stack_is_refused_with_status_4(wasi: Prepared, tmp_path: Path) -> None:
    """As the bindings of wasmtime before 27: their class of settings has no way to the C library's."""
    fake_wasmtime(tmp_path, "class WasmtimeError(Exception): ...\nclass Config: ...\n")
    with pytest.raises(SettingRefusedError, match="this runtime refuses a wasm stack of 8 MiB") as caught:
        prepare("wasi", BuildRequest(runtime=f"path:{tmp_path}"))
    assert caught.value.exit_code == EXIT_BUILD


def test_a_wasmtime_that_cannot_protect_a_folder_is_refused_with_status_4(wasi: Prepared, tmp_path: Path) -> None:
    """As the bindings of wasmtime 25, which take the stack: `preopen_dir` has no third argument there."""
    fake_wasmtime(
        tmp_path,
        "import types\n"
        "class WasmtimeError(Exception): ...\n"
        "class Config:\n    def ptr(self): ...\n"
        "class WasiConfig:\n    def preopen_dir(self, path, guest_path): ...\n"
        "def Engine(config): return config\n"
        "_ffi = types.SimpleNamespace(dll=types.SimpleNamespace("
        "wasmtime_config_async_stack_size_set=lambda config, stack: None))\n",
    )
    with pytest.raises(SettingRefusedError, match="refuses a folder that must not be written to") as caught:
        prepare("wasi", BuildRequest(runtime=f"path:{tmp_path}"))
    assert caught.value.exit_code == EXIT_BUILD


def test_a_node_gets_the_option_for_jspi_where_it_needs_one(emscripten: Prepared) -> None:
    ready = prepare("emscripten-3.1.69-jspi", BuildRequest())
    assert ready.build == emscripten.build
    assert ready.engine_facts()["jspi"] == "yes, with --experimental-wasm-jspi"
    node = ready.runtime / "bin" / "node"
    for options, kind in (((), "undefined"), (node_options(ready.cell), "function")):
        argv = [str(node), *options, "--print", "typeof WebAssembly.Suspending"]
        said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
        assert said == kind
