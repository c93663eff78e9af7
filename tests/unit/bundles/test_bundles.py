"""Bundles: the same build gives the same bytes, and a bundle that is not what it says is refused."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.build.artifact import Build
from harness.build.identity import Identity
from harness.bundles import index as heads
from harness.bundles.index import NAME, BundleIndex, check_is_build_of, check_is_for, portable_manifest
from harness.bundles.pack import pack
from harness.bundles.unpack import open_bundle
from harness.errors import ConfigError, HarnessError, UnavailableError
from harness.manifest import Manifest
from harness.run.prepare import BuildRequest
from harness.run.prepared import Prepared
from tests.unit.sample_cells import WASI

FILES = {
    "root/Lib/os.py": b"import sys\n",
    "root/Lib/test/config.log": b"a file of the suite\n",
    "root/cross-build/wasi/python.wasm": b"\0asm" + bytes(range(256)) * 20,
    "root/cross-build/wasi/config.log": b"hostname = box\n",
    "root/cross-build/wasi/.make-host.done": b"{}",
}
KEPT = {name for name in FILES if "cross-build" not in name or name.endswith("wasm")}


def manifest(cache: Path) -> dict[str, Any]:
    return {
        "inputs": WASI.build_flags,
        "toolchain": {"version": WASI.toolchain},
        "layout": {"build_folder": "cross-build/wasi", "wasm": "", "program": ""},
        "native": f"{cache}/natives/x/python",
        "steps": [{"command": ["configure", f"--cache-file={cache}/configure/x.cache"]}],
        "source": {"origin": "/home/someone/cpython"},
        "python": "3.13.5",
    }


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    """A build of few files, in a cache of its own."""
    cache = tmp_path / "made"
    build = cache / "builds" / "wasi-0123456789abcdef"
    for name, content in FILES.items():
        (build / name).parent.mkdir(parents=True, exist_ok=True)
        (build / name).write_bytes(content)
        os.utime(build / name, (1_700_000_000.5, 1_700_000_000.5))
    (build / "root" / "tmp").mkdir()
    (build / "root" / "link").symlink_to("Lib/os.py")
    (build / "root/cross-build/wasi/python.wasm").chmod(0o755)
    (build / "modules.json").write_text('["test_json"]')
    (build / "manifest.json").write_text(json.dumps(manifest(cache)))
    identity = Identity(interpreter={}, compiler={"__wasi__": "1"})
    return Prepared(cell=WASI, build=Build.load(build), runtime=tmp_path, cache=cache, identity=identity)


@pytest.fixture
def bundle(prepared: Prepared, tmp_path: Path) -> Path:
    pack(prepared, tmp_path / "b.tar.gz")
    return tmp_path / "b.tar.gz"


def _any(head: BundleIndex) -> None:
    """Accepts every bundle."""


def _quiet(line: str) -> None:
    """Drops the message."""


def opened(bundle: Path, tmp_path: Path) -> tuple[BundleIndex, Build]:
    return open_bundle(bundle, tmp_path / "cache", _any)


def test_the_same_build_gives_the_same_bytes(prepared: Prepared, bundle: Path, tmp_path: Path) -> None:
    pack(prepared, tmp_path / "elsewhere" / "c.tar.gz")
    assert (tmp_path / "elsewhere" / "c.tar.gz").read_bytes() == bundle.read_bytes()
    with tarfile.open(bundle) as tar:
        members = tar.getmembers()
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}
    assert str(tmp_path).encode() not in gzip.decompress(bundle.read_bytes())


@pytest.mark.parametrize("goal", ["/etc/hostname", "../../../other", "{}/root/Lib/os.py"])
def test_a_build_with_a_link_that_leads_outside_is_not_packed(prepared: Prepared, tmp_path: Path, goal: str) -> None:
    """An absolute link would lead somewhere else on another machine."""
    folder = prepared.build.folder
    (folder / "root" / "Lib" / "site.cfg").symlink_to(goal.format(folder))
    with pytest.raises(ConfigError, match=r"root/Lib/site\.cfg is a link to .*, outside the build"):
        pack(prepared, tmp_path / "b.tar.gz")
    assert not list(tmp_path.glob("*b.tar.gz*"))


def test_what_was_packed_is_opened_and_cannot_be_written_to(bundle: Path, tmp_path: Path) -> None:
    head, build = opened(bundle, tmp_path)
    found = {path.relative_to(build.folder).as_posix(): path for path in build.folder.rglob("*") if path.is_file()}
    assert {name: found[name].read_bytes() for name in KEPT} == {name: FILES[name] for name in KEPT}
    assert found.keys() == KEPT | {"root/link", "manifest.json", "modules.json", NAME}
    assert (build.root / "link").readlink() == Path("Lib/os.py")
    assert (build.root / "tmp").is_dir()
    assert {stat.S_IMODE(found[name].stat().st_mode) for name in KEPT} == {0o444, 0o555}
    assert {found[name].stat().st_mtime for name in KEPT} == {1_700_000_000}
    assert stat.S_IMODE(build.root.stat().st_mode) == 0o555
    assert build.modules() == ("test_json",)
    assert (head.cell, head.python, head.compiler) == ("wasi", "3.13.5", {"__wasi__": "1"})


def test_a_bundle_is_opened_once(bundle: Path, tmp_path: Path, said: list[str]) -> None:
    _, build = opened(bundle, tmp_path)
    said.clear()
    assert open_bundle(bundle, tmp_path / "cache", _any)[1].folder == build.folder
    assert not said
    # Once it is opened, the file is no longer needed.
    assert open_bundle(build.folder, tmp_path / "elsewhere", _any)[1].folder == build.folder


def test_the_manifest_names_no_folder_of_the_machine(tmp_path: Path) -> None:
    portable = portable_manifest(Manifest.from_json(manifest(tmp_path)), str(tmp_path))
    assert portable["native"] == "$WASM_HARNESS_CACHE/natives/x/python"
    assert portable["steps"][0]["command"] == ["configure", "--cache-file=$WASM_HARNESS_CACHE/configure/x.cache"]
    assert portable["source"]["origin"] == "cpython"


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(info) if info.isreg() else None
    return stream.read() if stream else b""


def repacked(bundle: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]) -> Path:
    """The bundle with other members, as a forger makes it: its checksums are right."""
    with tarfile.open(bundle) as tar:
        members = [(info, _content(tar, info)) for info in tar.getmembers()]
    change(members)
    with tarfile.open(bundle, "w:gz") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return bundle


def with_head(bundle: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    def changed(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        data = json.loads(members[0][1])
        change(data)
        members[0] = (members[0][0], json.dumps(data).encode())

    return repacked(bundle, changed)


def refused(bundle: Path, tmp_path: Path) -> HarnessError:
    with pytest.raises(HarnessError) as caught:
        opened(bundle, tmp_path)
    left = tmp_path / "cache" / "bundles"
    assert not left.exists() or {path.suffix for path in left.iterdir()} <= {".lock"}
    assert str(bundle) in caught.value.message
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("part", [0.01, 0.3, 0.6, 0.999])
def test_a_bundle_that_was_cut_short_is_damaged(bundle: Path, tmp_path: Path, part: float) -> None:
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[: int(len(whole) * part)])
    assert isinstance(refused(bundle, tmp_path), UnavailableError)


def test_every_altered_byte_is_noticed(bundle: Path, tmp_path: Path) -> None:
    """Every 37th byte of the file, except those of gzip's header that do not concern the contents."""
    whole = bundle.read_bytes()
    for place in [0, 1, 2, *range(10, len(whole), 37), len(whole) - 5]:
        bundle.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        assert isinstance(refused(bundle, tmp_path), UnavailableError), place


@pytest.mark.parametrize(
    "content",
    [b"", b"nothing", gzip.compress(b"nothing"), gzip.compress(bytes(2048))],
    ids=["empty", "text", "packed text", "packed zeros"],
)
def test_a_file_that_is_not_a_bundle_is_reported(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar.gz").write_bytes(content)
    assert "is not a bundle of this harness" in refused(tmp_path / "x.tar.gz", tmp_path).message


def test_another_archive_is_not_a_bundle(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("Python-3.13.5/configure"))
    assert "is not a bundle of this harness" in refused(tmp_path / "x.tar.gz", tmp_path).message


def test_a_bundle_that_is_not_there_is_a_mistake_of_the_command_line(tmp_path: Path) -> None:
    assert isinstance(refused(tmp_path / "x.tar.gz", tmp_path), ConfigError)


def test_a_newer_format_is_reported_with_both_versions(bundle: Path, tmp_path: Path) -> None:
    with_head(bundle, lambda data: data.update(format=heads.FORMAT + 1))
    message = refused(bundle, tmp_path).message
    assert f"has the format {heads.FORMAT + 1} of bundles, and this harness reads format {heads.FORMAT}" in message


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.pop("files"),
        lambda data: data.update(cell="../x"),
        lambda data: data.update(build=".."),
        lambda data: data.update(compiler=3),
        lambda data: data["files"].update(x={"sha256": ""}),
        lambda data: data["files"]["modules.json"].update(mtime=1 << 60),
        lambda data: data["files"].update({"../../x": data["files"]["modules.json"]}),
        lambda data: data["folders"].append("/tmp/x"),
        lambda data: data["folders"].append("root/../../x"),
        lambda data: data["files"]["modules.json"].update(size=float("inf")),
        lambda data: data["links"].update({"root/link": "a\0b"}),
        lambda data: data["folders"].remove("root"),
        lambda data: data["folders"].append("logs"),
        lambda data: data["folders"].append("root/link"),
        lambda data: data["links"].update({"bundle.json": "root/link"}),
        lambda data: data["links"].update({"modules.json": data["files"].pop("modules.json") and "root/link"}),
        lambda data: data["files"].pop("manifest.json"),
    ],
)
def test_a_malformed_head_is_reported(bundle: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    assert "cannot be opened: its bundle.json" in refused(with_head(bundle, change), tmp_path).message


def member(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


@pytest.mark.parametrize(
    ("added", "reason"),
    [
        (member("root/more", b"x"), "does not name"),
        (member("../more", b"x"), "does not name"),
        (member("root/Lib/os.py", b"x"), "or names once"),
    ],
)
def test_a_member_that_the_head_does_not_name_is_refused(
    bundle: Path, tmp_path: Path, added: tuple[tarfile.TarInfo, bytes], reason: str
) -> None:
    assert reason in refused(repacked(bundle, lambda members: members.append(added)), tmp_path).message
    assert not (tmp_path / "cache" / "more").exists()


def test_a_file_of_another_content_is_refused(bundle: Path, tmp_path: Path) -> None:
    def forge(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        place = next(index for index, (info, _) in enumerate(members) if info.name == "root/Lib/os.py")
        members[place] = (members[place][0], b"import xyz\n")

    assert f"has the sha256 {hashlib.sha256(b'import xyz' + bytes([10])).hexdigest()}" in (
        refused(repacked(bundle, forge), tmp_path).message
    )


def test_a_link_that_leads_outside_is_refused(bundle: Path, tmp_path: Path) -> None:
    """Also one that the head names."""
    with_head(bundle, lambda data: data["links"].update({"root/out": "../../../.."}))
    repacked(bundle, lambda members: members.append(member("root/out", type=tarfile.SYMTYPE, linkname="../../../..")))
    assert "outside its folder" in refused(bundle, tmp_path).message


def with_links(bundle: Path, links: dict[str, str], files: dict[str, bytes] | None = None) -> Path:
    """The bundle with further members, links first; its head names all."""

    def file(content: bytes) -> dict[str, Any]:
        return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "mtime": 0, "executable": False}

    def name(data: dict[str, Any]) -> None:
        data["links"].update(links)
        data["files"].update({name: file(content) for name, content in (files or {}).items()})

    with_head(bundle, name)
    added = [member(name, type=tarfile.SYMTYPE, linkname=goal) for name, goal in links.items()]
    added += [member(name, content) for name, content in (files or {}).items()]
    return repacked(bundle, lambda members: members.extend(added))


# The first leads outside as soon as the second is there: as long as `s` is missing, each `..` takes back one name.
LATER_OUTSIDE = {"root/Lib/out": "test/s/../../../victim", "root/Lib/test/s": "../.."}


def test_a_link_that_another_link_sends_outside_is_refused(bundle: Path, tmp_path: Path) -> None:
    assert "the link 'root/Lib/out' leads outside" in refused(with_links(bundle, LATER_OUTSIDE), tmp_path).message


def test_no_file_is_written_through_a_link_that_leads_outside(bundle: Path, tmp_path: Path) -> None:
    (victim := tmp_path / "cache" / "victim").mkdir(parents=True)
    with_links(bundle, LATER_OUTSIDE, {"root/Lib/out/precious": b"bad"})
    assert "'root/Lib/out/precious' lies outside its folder" in refused(bundle, tmp_path).message
    assert not list(victim.iterdir())


def test_a_file_below_a_loop_of_links_is_refused(bundle: Path, tmp_path: Path) -> None:
    with_links(bundle, {"root/Lib/a": "b", "root/Lib/b": "a"}, {"root/Lib/a/x": b"x"})
    assert "the member 'root/Lib/a/x' cannot stand where it says" in refused(bundle, tmp_path).message


def test_a_head_without_end_is_reported(bundle: Path, tmp_path: Path) -> None:
    repacked(bundle, lambda members: members.__setitem__(0, (members[0][0], b"[" * 200_000)))
    assert "its bundle.json is not JSON" in refused(bundle, tmp_path).message


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("manifest.json", b"not json", "cannot be read: Expecting value"),
        ("manifest.json", b"[" * 200_000, "cannot be read: "),
        ("manifest.json", b"\xff", "cannot be read: 'utf-8' codec"),
        ("manifest.json", b"[]", "cannot be read: a manifest is a JSON object"),
        ("manifest.json", b'{"inputs": {}, "layout": {}, "toolchain": ""}', "its manifest is not one"),
        ("modules.json", b"3", "cannot be read: 'int' object"),
        ("modules.json", b'["test_bool", "../../x"]', "its list of modules names '../../x'"),
        ("modules.json", b"[3]", "its list of modules names 3"),
    ],
)
def test_a_bundle_without_a_build_is_reported_and_not_kept(
    bundle: Path, tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    """Also when its checksums are right."""
    digest = hashlib.sha256(content).hexdigest()
    with_head(bundle, lambda data: data["files"][name].update(sha256=digest, size=len(content)))

    def forge(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        members[:] = [(info, content if info.name == name else old) for info, old in members]

    assert reason in refused(repacked(bundle, forge), tmp_path).message


def test_an_opened_bundle_that_was_damaged_is_reported(bundle: Path, tmp_path: Path) -> None:
    _, build = opened(bundle, tmp_path)
    (build.folder / "manifest.json").unlink()
    for what in (bundle, build.folder):
        with pytest.raises(UnavailableError, match=r"cannot be read: .*No such file"):
            opened(what, tmp_path)


@pytest.mark.parametrize(
    "headers",
    [
        {"GNU.sparse.map": "a,b"},
        {"GNU.sparse.major": "0", "GNU.sparse.name": "root/x", "GNU.sparse.size": "abc"},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"},
        {"size": "-512"},
        {"comment": "x" * 100_000},
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("place", [0, 3])
def test_a_header_that_is_malformed_is_reported(
    bundle: Path, tmp_path: Path, headers: dict[str, str], place: int
) -> None:
    forged = member("root/x", b"xy", pax_headers=headers)
    refused(repacked(bundle, lambda members: members.insert(place, forged)), tmp_path)


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("count", [1, 1000])
def test_a_header_takes_no_more_memory_than_it_needs(bundle: Path, tmp_path: Path, count: int, is_first: bool) -> None:
    """One of zeros, which gzip packs into a thousandth, or many before one member."""
    size = (32 << 20) // count
    headers = (member("x", type=tarfile.XHDTYPE, size=size)[0].tobuf() + bytes(size)) * count
    whole = gzip.decompress(bundle.read_bytes())
    after = 0 if is_first else 512 + -(-tarfile.TarInfo.frombuf(whole[:512], "utf-8", "strict").size // 512) * 512
    bundle.write_bytes(gzip.compress(whole[:after] + headers + whole[after:], compresslevel=1))
    tracemalloc.start()
    refused(bundle, tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_a_file_in_place_of_a_folder_is_refused(bundle: Path, tmp_path: Path) -> None:
    with_head(bundle, lambda data: data["files"].update({"root/Lib/os.py/x": data["files"]["root/Lib/os.py"]}))
    repacked(bundle, lambda members: members.append(member("root/Lib/os.py/x", FILES["root/Lib/os.py"])))
    assert "cannot stand where it says" in refused(bundle, tmp_path).message


def test_a_missing_member_is_reported(bundle: Path, tmp_path: Path) -> None:
    def shorten(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        members[:] = [(info, content) for info, content in members if info.name != "root/Lib/os.py"]

    repacked(bundle, shorten)
    assert "it lacks 1 of its files, among them 'root/Lib/os.py'" in refused(bundle, tmp_path).message


def test_what_is_larger_than_the_disk_is_reported_before_it_is_unpacked(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=3))
    error = refused(bundle, tmp_path)
    assert "has 0 MiB free" in error.message
    assert "WASM_HARNESS_CACHE" in error.hint


def test_a_bundle_of_another_cell_is_reported_with_both_names(bundle: Path, tmp_path: Path) -> None:
    head, build = opened(bundle, tmp_path)
    check_is_for(head, WASI, "b")
    check_is_for(head, dataclasses.replace(WASI, id="wasi-wasmtime49"), "b")  # another runtime, the same build
    with pytest.raises(ConfigError, match="b is a bundle of wasi, and the cell to be tested is wasi-debug"):
        check_is_for(head, dataclasses.replace(WASI, id="wasi-debug"), "b")
    check_is_build_of(build.manifest, WASI, "b")
    with pytest.raises(ConfigError, match=r"toolchain = '25\.0'; in this matrix it is '33'"):
        check_is_build_of(build.manifest, dataclasses.replace(WASI, toolchain="33"), "b")


@pytest.mark.parametrize("other", [{"cpython": "3.14.6"}, {"toolchain": "/sdk"}, {"provider": "apt"}])
def test_a_bundle_and_an_option_of_the_build_contradict_each_other(other: dict[str, Any]) -> None:
    BuildRequest(**other).check()
    with pytest.raises(ConfigError, match=f"--{next(iter(other))} says how to make one"):
        BuildRequest(bundle="b", **other).check()


def test_the_head_comes_first(bundle: Path) -> None:
    with tarfile.open(bundle) as tar:
        first = tar.next()
    assert first
    assert first.name == NAME
