"""Builds of a small false CPython: what is kept, what is resumed, and what the user reads."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness.build.artifact import Build
from harness.build.cross_build import ensure_build
from harness.build.libraries import BuiltLibrary, Libraries
from harness.errors import BuildError, ConfigError, UnavailableError
from harness.matrix.cells import Cell, Library
from harness.matrix.python_source import PythonSource
from harness.sources import Source
from harness.targets import Engine, Target
from harness.toolchains import Toolchain
from tests.integration.fake_cpython import add_script, set_fault, write_tree
from tests.processes import is_running, wait_for

pytestmark = pytest.mark.integration

CELL = Cell(
    id="wasi",
    target=Target.WASI,
    engine=Engine.WASMTIME,
    toolchain="25",
    python=PythonSource.parse("3.13.5"),
    runtime="50.0.1",
    description="for a test",
)

DEBUG = dataclasses.replace(CELL, id="wasi-debug", pydebug=True)


class Bench:
    """A cache with a false source and a false toolchain in it."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.root = self.cache / "sources" / "false"
        self.log = folder / "log"
        write_tree(self.root, self.log)
        self.source = Source(id="false", version="3.13.5", root=self.root, provider="test", origin="here", revision="1")
        self.toolchain = Toolchain(
            id="sdk",
            kind="wasi-sdk",
            version="25",
            provider="test",
            root=folder / "sdk",
            facts={"llvm": "19.1"},
        )

    def build(self, cell: Cell = CELL) -> Build:
        return ensure_build(cell, self.source, self.toolchain, self.cache, jobs=2)

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_build_is_staged_with_a_manifest(bench: Bench) -> None:
    build = bench.build()
    built = build.root / "cross-build" / "wasm32-wasip1"
    assert build.wasm.read_text() == "wasm\n"
    assert (build.root / "Lib" / "os.py").exists()
    assert not (built / "x.o").exists()
    assert build.modules() == ("test_a", "test_b")
    manifest = build.manifest.record
    assert manifest["python"] == "3.13.5"
    assert manifest["source"]["revision"] == "1"
    assert manifest["toolchain"] == {"version": "25", "provider": "test", "id": "sdk", "llvm": "19.1"}
    assert [step["name"] for step in manifest["steps"]][:2] == ["configure-host", "make-host"]
    assert (build.folder / "logs" / "make-host.log").read_text().startswith("+ cd ")


@pytest.mark.parametrize("name", ["test/badsyntax_a.py", "test/test_lib2to3/data/a.py", "lib2to3/tests/data/a.py"])
def test_what_no_python_3_can_compile_is_left_out(bench: Bench, name: str) -> None:
    """As CPython's own `make install` does: in 3.13, 3.12 and 3.11."""
    (bench.root / "Lib" / name).parent.mkdir(parents=True, exist_ok=True)
    (bench.root / "Lib" / name).write_text("print 'spam'\n")
    assert (bench.build().root / "Lib" / name).exists()


def test_cells_with_the_same_inputs_share_a_build(bench: Bench) -> None:
    """This is what a cell with a toolchain chosen by --toolchain needs."""
    first = bench.build()
    assert bench.build(dataclasses.replace(CELL, id="wasi-24")).folder == first.folder
    assert len([line for line in bench.lines() if line == "made"]) == 2


def test_the_staged_tree_cannot_be_written(bench: Bench) -> None:
    root = bench.build().root
    for path in (root, root / "Lib", root / "Lib" / "os.py"):
        assert path.stat().st_mode & 0o222 == 0


def test_the_source_is_not_written_to(bench: Bench) -> None:
    def snapshot() -> dict[str, bytes]:
        return {
            str(path): path.read_bytes()
            for path in bench.root.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    before = snapshot()
    bench.build()
    assert snapshot() == before


def test_configure_is_what_wasi_py_gives_it(bench: Bench) -> None:
    bench.build()
    host = next(line for line in bench.lines() if "--host" in line)
    assert "--host=wasm32-wasip1" in host
    assert "--with-build-python=" in host
    assert "--with-pydebug" not in host


def test_a_tree_s_own_script_takes_the_view_for_the_checkout(bench: Bench) -> None:
    add_script(bench.root)
    before = {path for path in bench.root.rglob("*") if "__pycache__" not in path.parts}
    build = bench.build(DEBUG)
    assert {path for path in bench.root.rglob("*") if "__pycache__" not in path.parts} == before
    host = next(line for line in bench.lines() if "--host" in line)
    assert host.startswith("--script=configure-host --options=--wasi-sdk,")
    assert "/view/cross-build/build/python --cache-file=" in host
    assert host.endswith(" --with-pydebug")
    assert build.manifest.record["upstream"] == {"script": "Platforms/WASI/__main__.py", "toolchain": "33"}
    assert any("Platforms/WASI pins 33" in line for line in build.manifest.record["recipe"]["departures"])


def test_a_tree_of_no_known_layout_is_reported_before_anything_is_built(bench: Bench) -> None:
    (bench.root / "Tools" / "wasm" / "wasi.py").unlink()
    with pytest.raises(ConfigError, match=r"CPython 3\.13\.5 from here: the layout is not known"):
        bench.build()
    assert bench.lines() == []


def test_an_argument_that_configure_refuses_is_reported_in_the_words_of_configure(bench: Bench) -> None:
    configure = bench.root / "configure"
    refuse = 'case "$*" in *fatal*--with-x*) echo "configure: error: unrecognized options: --with-x"; exit 1;; esac\n'
    configure.write_text(configure.read_text().replace("for argument", f"{refuse}for argument", 1))
    with pytest.raises(BuildError, match=r"ended with status 1: unrecognized options: --with-x \(a cell's"):
        bench.build(dataclasses.replace(CELL, configure=("--with-x",)))
    bench.build()


def test_cells_that_differ_in_the_runtime_share_a_build(bench: Bench) -> None:
    build = bench.build()
    lines = bench.lines()
    other = dataclasses.replace(CELL, id="wasi-wasmtime47", runtime="47.0.1")
    assert bench.build(other).folder == build.folder
    assert bench.lines() == lines
    assert build.manifest.cell == "wasi"


def test_configure_s_answers_are_shared_without_its_environment(bench: Bench) -> None:
    """Another build's work folder, which may be in the environment, has another path."""
    configure = bench.root / "configure"
    answers = "printf 'ac_cv_func_x=yes\\nac_cv_env_CC_value=clang\\n'"
    configure.write_text(configure.read_text().replace("echo cached", answers))
    bench.build()
    (shared,) = (bench.cache / "configure").iterdir()
    assert shared.read_text() == "ac_cv_func_x=yes\n"


def test_answers_of_configure_are_not_shared_between_different_config_sites(bench: Bench) -> None:
    bench.build()
    (bench.root / "Tools" / "wasm" / "config.site-wasm32-wasi").write_text("ac_cv_func_eventfd=no\n")
    bench.source = dataclasses.replace(bench.source, id="another")
    bench.build()
    assert len(list((bench.cache / "configure").iterdir())) == 2


def test_a_build_python_that_does_not_know_its_machine_is_reported(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.build.cross_build.capture", lambda *_, **__: "")
    with pytest.raises(BuildError, match="does not say for which machine"):
        bench.build()


def test_a_place_with_white_space_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "my cache")
    with pytest.raises(ConfigError, match="has white space in it"):
        bench.build()
    assert bench.lines() == []


def test_a_finished_build_is_not_made_again(bench: Bench) -> None:
    bench.build()
    lines = bench.lines()
    bench.build()
    assert bench.lines() == lines


def test_another_flag_is_another_build_with_the_same_native_python(bench: Bench) -> None:
    bench.build()
    before = len(bench.lines())
    assert bench.build(DEBUG).folder != bench.build().folder
    added = bench.lines()[before:]
    assert len(added) == 2
    assert "--with-pydebug" in added[0]


def test_a_build_says_what_it_is_linked_with_and_what_is_missing(bench: Bench) -> None:
    plain = bench.build()
    assert plain.manifest.record["dependencies"] == plain.manifest.record["missing_dependencies"] == {}
    zlib = BuiltLibrary(library=Library.ZLIB, id="zlib-1", root=bench.root, record={"version": "1.3.1"})
    libraries = Libraries(found=(zlib,), missing={Library.LIBFFI: "it is away"})
    build = ensure_build(CELL, bench.source, bench.toolchain, bench.cache, jobs=2, libraries=libraries)
    assert build.folder != plain.folder
    assert build.manifest.record["dependencies"] == {"zlib": {"version": "1.3.1"}}
    assert build.manifest.record["missing_dependencies"] == {"libffi": "it is away"}
    # configure's answers are about the libraries too.
    assert len(list((bench.cache / "configure").glob("*.cache"))) == 2


def test_a_failing_step_is_reported_with_its_log_and_resumed(bench: Bench) -> None:
    set_fault(bench.root, bench.log, 'echo "no such header: spam.h"; exit 3')
    with pytest.raises(BuildError) as caught:
        bench.build()
    assert caught.value.exit_code == 4
    text = str(caught.value)
    assert "make-build-python" in text
    assert "no such header: spam.h" in text
    assert ".log" in text
    assert "run it again by hand: cd " in text
    configured = [line for line in bench.lines() if line != "made"]
    set_fault(bench.root, bench.log, "true")
    bench.build()
    assert [line for line in bench.lines() if "--host" not in line and line != "made"] == configured


@pytest.mark.parametrize("cell", [CELL, DEBUG], ids=lambda cell: cell.id)
def test_a_build_that_was_killed_is_continued(bench: Bench, cell: Cell) -> None:
    """By the same cell, or by another one that needs the same build Python."""
    started = bench.log.with_name("started")
    set_fault(bench.root, bench.log, f"echo $$$$ > {started}.new; mv {started}.new {started}; sleep 600")
    child = subprocess.Popen(
        [sys.executable, "-c", _BUILD_IN_A_CHILD, str(bench.log.parent)], cwd=Path(__file__).parents[2]
    )
    wait_for(started.exists, "the build starts")
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    set_fault(bench.root, bench.log, "true")
    assert bench.build(cell).wasm.exists()
    pid = int(started.read_text())
    wait_for(lambda: not is_running(pid), "the command of the killed run has ended")
    assert sum("--host" not in line and line != "made" for line in bench.lines()) == 1


_BUILD_IN_A_CHILD = """
import shutil
import sys
from pathlib import Path
from harness.build.cross_build import ensure_build
from harness.sources import Source
from harness.toolchains import Toolchain
from tests.integration.test_build import CELL
folder = Path(sys.argv[1])
root = folder / "cache" / "sources" / "false"
source = Source(id="false", version="3.13.5", root=root, provider="test", origin="here", revision="1")
toolchain = Toolchain(id="sdk", kind="wasi-sdk", version="25", provider="test", root=folder / "sdk", facts={})
ensure_build(CELL, source, toolchain, folder / "cache", jobs=2)
"""


def test_two_runs_at_once_build_once(bench: Bench) -> None:
    set_fault(bench.root, bench.log, "sleep 0.5")
    builds: list[Build] = []
    threads = [threading.Thread(target=lambda: builds.append(bench.build())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({build.folder for build in builds}) == 1
    assert bench.lines().count("made") == 2  # the native one and the host's, once each


def test_a_missing_tool_is_reported(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(bench.cache))
    with pytest.raises((BuildError, UnavailableError)) as caught:
        bench.build()
    assert "doctor" in str(caught.value) or "log" in str(caught.value)


def test_a_full_disk_is_reported_and_nothing_is_left_half_written(bench: Bench, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    bench.build()
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", str(small)], check=True)
    try:
        crowded = Bench(small)
        (crowded.root / "Lib" / "big.py").write_bytes(b"#" * 60_000)
        set_fault(crowded.root, crowded.log, f"dd if=/dev/zero of={small}/fill bs=1k 2>/dev/null; true")
        with pytest.raises((BuildError, UnavailableError), match="No space left on device"):
            crowded.build()
        assert list((crowded.cache / "builds").glob("wasi-*[!k]")) == []
        (small / "fill").unlink()
        set_fault(crowded.root, crowded.log, "true")
        assert crowded.build().wasm.exists()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_the_manifest_is_json_on_disk(bench: Bench) -> None:
    build = bench.build()
    assert json.loads((build.folder / "manifest.json").read_text())["schema"] == 2


class Checkout(Bench):
    """A checkout in the cache, in one state after the other."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.source = dataclasses.replace(self.source, provider="checkout", origin="/my/cpython")

    def become(self, name: str, changed: str) -> None:
        """The next state: a copy in which one file is another, though it has an old time."""
        root = self.root.with_name(name)
        shutil.copytree(self.source.root, root, symlinks=True)
        (root / changed).write_text(f"# {name}\n")
        os.utime(root / changed, (1, 1))
        self.source = dataclasses.replace(self.source, id=name, root=root)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    checkout = Checkout(tmp_path)
    (checkout.root / "x.c").write_text("/* false */")
    checkout.build()
    return checkout


def test_a_checkout_is_configured_once_and_made_again_when_a_c_file_changes(checkout: Checkout) -> None:
    before = checkout.lines()
    checkout.become("second", "x.c")
    build = checkout.build()
    assert checkout.lines()[len(before) :] == ["made", "made"]  # the build Python and the host, and no configure
    assert (build.root / "x.c").read_text() == "# second\n"
    assert build.manifest.record["source"]["id"] == "second"
    assert [step["name"] for step in build.manifest.record["steps"]][:2] == ["configure-host", "make-host"]


def test_bytecode_of_the_last_build_is_kept_where_its_source_is_the_same(checkout: Checkout) -> None:
    first = checkout.build()
    checkout.become("second", "Lib/os.py")
    second = checkout.build()
    compiled = Path("Lib") / "__pycache__" / f"os.{sys.implementation.cache_tag}.pyc"
    kept = Path("Lib") / "test" / "__pycache__" / f"test_a.{sys.implementation.cache_tag}.pyc"
    assert (second.root / kept).samefile(first.root / kept)
    assert not (second.root / compiled).samefile(first.root / compiled)


def test_what_make_may_miss_is_built_from_the_start(checkout: Checkout, said: list[str]) -> None:
    before = checkout.lines()
    checkout.become("second", "configure.ac")
    checkout.build()
    added = checkout.lines()[len(before) :]
    assert added.count("made") == 2
    assert len(added) == 4
    assert said[0].startswith("everything is built again: configure.ac has changed")


def test_another_flag_has_a_folder_of_its_own_and_the_same_build_python(checkout: Checkout) -> None:
    before = checkout.lines()
    checkout.build(DEBUG)
    assert len(checkout.lines()[len(before) :]) == 2
