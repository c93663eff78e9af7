"""Emscripten toolchains: an emsdk that is a stand-in, and Debian's real one."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from harness.errors import UnavailableError
from harness.matrix.cells import Cell
from harness.matrix.pins import load_pins
from harness.toolchains import Toolchain, check_toolchain, obtain_toolchain
from harness.toolchains.emscripten.layout import em_cache, emscripten_environment, node_of, without_foreign
from harness.toolchains.runtimes import obtain_runtime
from harness.util.cache import cache_root
from tests.integration.fake_emsdk import REVISION, SAYS, FakeEmsdk, archive_name, emscripten_tree, put_node
from tests.unit.sample_cells import emscripten

pytestmark = pytest.mark.integration


def cell(version: str = "3.1.73") -> Cell:
    return emscripten(version)


@pytest.fixture(autouse=True)
def no_emscripten_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMSDK", raising=False)
    folders = os.environ["PATH"].split(os.pathsep)
    kept = [folder for folder in folders if not (Path(folder) / "emcc").exists()]
    monkeypatch.setenv("PATH", os.pathsep.join(kept))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    put_node(folder)
    return folder


@pytest.fixture
def emsdk(tmp_path: Path) -> FakeEmsdk:
    fake = FakeEmsdk(tmp_path / "emsdk")
    fake.publish("3.1.73")
    return fake


def obtain(emsdk: FakeEmsdk, cache: Path, version: str = "3.1.73") -> Toolchain:
    return obtain_toolchain(cell(version), emsdk.pins, cache, provider="emsdk")


def entries(cache: Path) -> list[Path]:
    return [path for path in (cache / "toolchains").iterdir() if path.suffix != ".lock"]


def test_emsdk_installs_exactly_the_version_and_it_is_tried(emsdk: FakeEmsdk, cache: Path) -> None:
    toolchain = obtain(emsdk, cache)
    assert (toolchain.provider, toolchain.version) == ("emsdk", "3.1.73")
    assert emsdk.pins.emsdk
    facts = {
        name: toolchain.facts[name]
        for name in ("emscripten", "emscripten_revision", "llvm", "binaryen", "emsdk", "node")
    }
    assert facts == {
        "emscripten": "3.1.73",
        "emscripten_revision": REVISION,
        "llvm": "20.0.0",
        "binaryen": "120",
        "emsdk": emsdk.pins.emsdk.commit,
        "node": "24.19.0",
    }
    assert {path.name for path in toolchain.root.parent.iterdir()} == {"emsdk", "sdk", "toolchain.json"}


def test_what_the_cache_has_starts_nothing(emsdk: FakeEmsdk, cache: Path) -> None:
    toolchain = obtain(emsdk, cache)
    shutil.rmtree(emsdk.folder)
    assert obtain_toolchain(cell(), emsdk.pins, cache) == toolchain


def test_its_programs_run_with_their_environment_alone(
    emsdk: FakeEmsdk, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EM_LLVM_ROOT", "/nonexistent")
    monkeypatch.setenv("EMCC_CFLAGS", "-O3")
    toolchain = obtain(emsdk, cache)
    env = without_foreign(os.environ) | emscripten_environment(toolchain, cache)
    subprocess.run(["emcc", "probe.c"], cwd=tmp_path, env=env, check=True)
    assert (tmp_path / "probe.js").read_text() == SAYS
    assert node_of(toolchain).exists()


def test_the_libraries_that_come_with_it_are_taken_over_once(emsdk: FakeEmsdk, cache: Path) -> None:
    toolchain = obtain(emsdk, cache)
    library = em_cache(toolchain, cache) / "sysroot" / "lib.a"
    assert library.read_text() == "a library"
    # Emscripten would take one of another LLVM for a reason to empty the cache; this one is its own.
    assert (em_cache(toolchain, cache) / "sanity.txt").read_text() == ""
    library.unlink()
    (toolchain.root.parent / "toolchain.json").rename(toolchain.root.parent / "untried.json")
    assert obtain(emsdk, cache) == toolchain
    assert not library.exists()


def test_versions_are_installed_side_by_side(emsdk: FakeEmsdk, cache: Path) -> None:
    first = obtain(emsdk, cache)
    emsdk.publish("4.0.12")
    second = obtain(emsdk, cache, "4.0.12")
    assert {first.root.parent, second.root.parent} == set(entries(cache))
    assert em_cache(first, cache) != em_cache(second, cache)
    assert (first.root / "llvm" / "clang").exists()


def test_it_is_installed_again_without_the_network(emsdk: FakeEmsdk, cache: Path) -> None:
    toolchain = obtain(emsdk, cache)
    shutil.rmtree(toolchain.root.parent)
    emsdk.go_offline()
    assert obtain(emsdk, cache) == toolchain


def test_an_archive_that_the_user_put_there_serves_offline(emsdk: FakeEmsdk, cache: Path) -> None:
    downloads = cache / "emsdk-downloads"
    downloads.mkdir()
    shutil.copy(emsdk.folder / "origin" / "archive", downloads / archive_name("3.1.73"))
    emsdk.go_offline()
    assert obtain(emsdk, cache).provider == "emsdk"


def test_without_the_network_every_provider_is_reported(emsdk: FakeEmsdk, cache: Path) -> None:
    emsdk.go_offline()
    with pytest.raises(UnavailableError) as caught:
        obtain_toolchain(cell(), emsdk.pins, cache)
    for word in ("`emsdk install 3.1.73` ended with status 1", "installation failed!", "apt: no suite"):
        assert word in caught.value.message
    assert "--toolchain PATH" in caught.value.hint
    assert not entries(cache)


@pytest.mark.parametrize("lost", ["emsdk/upstream/bin/clang", "emsdk/upstream/bin/wasm-opt", "sdk/bin/emcc"])
def test_a_damaged_installation_is_made_again(emsdk: FakeEmsdk, cache: Path, lost: str, said: list[str]) -> None:
    toolchain = obtain(emsdk, cache)
    (toolchain.root.parent / lost).unlink()
    assert obtain_toolchain(cell(), emsdk.pins, cache) == toolchain
    assert (toolchain.root.parent / lost).exists()
    assert any("is not whole; it is made again" in line for line in said)


def test_an_installation_that_broke_off_leaves_nothing_behind(emsdk: FakeEmsdk, cache: Path) -> None:
    archive = emsdk.folder / "origin" / "archive"
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnavailableError, match="emsdk install"):
        obtain(emsdk, cache)
    assert not entries(cache)
    assert not list((cache / "emsdk-downloads").iterdir())
    archive.write_bytes(whole)
    assert obtain(emsdk, cache).provider == "emsdk"


def test_an_archive_of_another_sha256_is_refused_and_deleted(emsdk: FakeEmsdk, cache: Path) -> None:
    emsdk.publish("3.1.73", sha256="cd" * 32)
    downloads = cache / "emsdk-downloads"
    downloads.mkdir()
    shutil.copy(emsdk.folder / "origin" / "archive", downloads / archive_name("3.1.73"))
    with pytest.raises(UnavailableError, match=f"wanted one of sha256 {'cd' * 32}"):
        obtain(emsdk, cache)
    assert not entries(cache)
    assert not list(downloads.iterdir())


def test_an_emcc_of_another_version_is_refused_with_both(emsdk: FakeEmsdk, cache: Path) -> None:
    emsdk.publish("3.1.73", said="3.1.72")
    with pytest.raises(UnavailableError, match=r"emcc says that it is 3\.1\.72, the cell wants 3\.1\.73"):
        obtain(emsdk, cache)
    assert not entries(cache)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("sys.exit('wasm-ld: error: unable to find library -lc')", "unable to find library -lc"),
        ("sys.exit(open('probe.js', 'w').close())", f"does not say '{SAYS}'"),
    ],
)
def test_a_toolchain_that_does_not_work_is_reported_in_its_own_words_and_removed(
    emsdk: FakeEmsdk, cache: Path, fault: str, words: str
) -> None:
    emsdk.publish("3.1.73", fault=fault)
    with pytest.raises(UnavailableError, match=words):
        obtain(emsdk, cache)
    assert not entries(cache)


def test_a_version_that_the_pinned_emsdk_does_not_know_is_reported(emsdk: FakeEmsdk, cache: Path) -> None:
    known = emsdk.pins
    emsdk.publish("4.0.12")
    pins = dataclasses.replace(known, emsdk=emsdk.pins.emsdk)
    with pytest.raises(UnavailableError, match=r"does not know Emscripten 3\.1\.73; the newest .* 4\.0\.12"):
        obtain_toolchain(cell(), pins, cache, provider="emsdk")


def test_two_at_once_install_it_once(emsdk: FakeEmsdk, cache: Path) -> None:
    found: list[Toolchain] = []
    threads = [threading.Thread(target=lambda: found.append(obtain(emsdk, cache))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert found[0] == found[1]
    assert len(entries(cache)) == 1


def test_an_emsdk_of_the_users_is_taken_as_it_is(emsdk: FakeEmsdk, cache: Path, tmp_path: Path) -> None:
    mine = emscripten_tree(tmp_path / "mine", "3.1.73")
    before = sorted(mine.rglob("*"))
    toolchain = obtain_toolchain(cell(), emsdk.pins, cache, path=mine)
    assert toolchain.provider == "path"
    assert toolchain.facts["path"] == str(mine / "upstream" / "emscripten")
    assert sorted(mine.rglob("*")) == before
    # The libraries are the user's own: what is built must not change them.
    ours, theirs = em_cache(toolchain, cache) / "sysroot" / "lib.a", mine / "upstream/emscripten/cache/sysroot/lib.a"
    assert not ours.samefile(theirs)


def test_a_checkout_of_the_cells_number_is_taken_and_recorded_as_one(
    emsdk: FakeEmsdk, cache: Path, tmp_path: Path
) -> None:
    mine = emscripten_tree(tmp_path / "mine", "3.1.73-git")
    toolchain = obtain_toolchain(cell(), emsdk.pins, cache, path=mine)
    assert (toolchain.provider, toolchain.version, toolchain.facts["emscripten"]) == ("path", "3.1.73", "3.1.73-git")
    release = obtain_toolchain(cell(), emsdk.pins, cache, path=emscripten_tree(tmp_path / "release", "3.1.73"))
    assert release.id != toolchain.id


@pytest.mark.parametrize("version", ["6.0.11", "6.0.11-git"])
def test_an_unreleased_version_needs_no_pin_when_its_path_is_given(
    emsdk: FakeEmsdk, cache: Path, tmp_path: Path, version: str
) -> None:
    mine = emscripten_tree(tmp_path / "mine", "6.0.11-git")
    toolchain = obtain_toolchain(cell(version), emsdk.pins, cache, path=mine)
    assert (toolchain.version, toolchain.facts["emscripten"]) == (version, "6.0.11-git")
    with pytest.raises(UnavailableError, match="is not pinned") as caught:
        obtain_toolchain(cell(version), emsdk.pins, cache)
    assert "--toolchain PATH" in caught.value.hint


@pytest.mark.parametrize("how", ["EMSDK", "PATH"])
def test_a_checkout_is_taken_only_when_it_is_named(
    emsdk: FakeEmsdk, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    set_up(how, emscripten_tree(tmp_path / "mine", "3.1.73-git"), monkeypatch)
    assert obtain_toolchain(cell(), emsdk.pins, cache).provider == "emsdk"
    assert obtain_toolchain(cell(), emsdk.pins, cache, provider="path").provider == "path"


@pytest.mark.parametrize("how", ["EMSDK", "PATH"])
def test_what_the_user_has_set_up_comes_first(
    emsdk: FakeEmsdk, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    set_up(how, emscripten_tree(tmp_path / "mine", "3.1.73"), monkeypatch)
    assert obtain_toolchain(cell(), emsdk.pins, cache).provider == "path"


@pytest.mark.parametrize("how", ["EMSDK", "PATH"])
def test_what_the_user_has_set_up_of_another_version_is_passed_over_or_refused_when_asked_for(
    emsdk: FakeEmsdk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, said: list[str]
) -> None:
    put_node(cache := tmp_path / "cache")
    set_up(how, emscripten_tree(tmp_path / "mine", "4.0.12"), monkeypatch)
    assert obtain_toolchain(cell(), emsdk.pins, cache).provider == "emsdk"
    assert not any("path" in line.split(":")[0] for line in said)
    with pytest.raises(UnavailableError, match=r"is 4\.0\.12, the cell wants 3\.1\.73"):
        obtain_toolchain(cell(), emsdk.pins, cache, provider="path")


def set_up(how: str, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "EMSDK":
        monkeypatch.setenv("EMSDK", str(mine))
        return
    folder = mine / "upstream" / "emscripten"
    (folder / "emcc").write_text("#!/bin/sh\n")
    (folder / "emcc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize("changed", ["bin/clang", "emscripten/tools/shared.py", "emscripten/system/libc.c"])
def test_a_toolchain_that_is_replaced_in_place_has_another_id(
    emsdk: FakeEmsdk, cache: Path, tmp_path: Path, changed: str
) -> None:
    """An update of a git checkout changes this file or that, and hardly ever emcc.py."""
    mine = emscripten_tree(tmp_path / "mine", "3.1.73-git")
    (mine / "upstream" / "emscripten" / "system").mkdir()
    (mine / "upstream" / "emscripten" / "system" / "libc.c").write_text("int x;\n")
    first = obtain_toolchain(cell(), emsdk.pins, cache, path=mine)
    assert obtain_toolchain(cell(), emsdk.pins, cache, path=mine).id == first.id
    os.utime(mine / "upstream" / changed, (1, 1))
    assert obtain_toolchain(cell(), emsdk.pins, cache, path=mine).id != first.id


def test_an_emcc_and_a_clang_that_do_not_belong_together_are_refused_before_anything_is_downloaded(
    emsdk: FakeEmsdk, tmp_path: Path
) -> None:
    mine = emscripten_tree(tmp_path / "mine", "3.1.73")
    (mine / "upstream" / "bin" / "clang").write_text("#!/bin/sh\necho clang version 19.1.7\n")
    # There is no Node in this cache, and none in the pins.
    pins = dataclasses.replace(emsdk.pins, runtime=())
    with pytest.raises(
        UnavailableError, match=r"is made for LLVM 20, and the clang .* is 19\.1\.7: .*/mine/upstream/bin"
    ):
        obtain_toolchain(cell(), pins, tmp_path / "cache", path=mine)
    with pytest.raises(UnavailableError, match="emcc and clang do not belong together") as caught:
        check_toolchain(cell(), emsdk.pins, path=mine)
    assert "LLVM_ROOT" in caught.value.hint


def test_an_emscripten_that_does_not_say_its_llvm_is_taken(emsdk: FakeEmsdk, cache: Path, tmp_path: Path) -> None:
    mine = emscripten_tree(tmp_path / "mine", "3.1.73")
    (mine / "upstream" / "emscripten" / "tools" / "shared.py").unlink()
    assert obtain_toolchain(cell(), emsdk.pins, cache, path=mine).facts["llvm"] == "20.0.0"


def test_a_path_without_configuration_is_reported(emsdk: FakeEmsdk, cache: Path, tmp_path: Path) -> None:
    mine = emscripten_tree(tmp_path / "mine", "3.1.73")
    (mine / "upstream" / "emscripten" / "em-config.py").write_text("print('/nonexistent')")
    with pytest.raises(UnavailableError, match="names no LLVM_ROOT that is there: /nonexistent"):
        obtain_toolchain(cell(), emsdk.pins, cache, path=mine)


@pytest.mark.toolchain
def test_debians_emscripten_compiles_and_runs_under_the_pinned_node(tmp_path: Path) -> None:
    pins = load_pins(Path(__file__).parents[2] / "matrices" / "pins.toml")
    cache = cache_root()  # the user's own: the packages are half a gigabyte
    toolchain = obtain_toolchain(cell("3.1.69"), pins, cache, provider="apt")
    assert (toolchain.facts["emscripten"], toolchain.facts["llvm"].split(".")[0]) == ("3.1.69", "19")
    assert "emscripten=3.1.69" in toolchain.facts["packages"]
    env = without_foreign(os.environ) | emscripten_environment(toolchain, cache)
    (tmp_path / "hello.c").write_text('#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n')
    node = obtain_runtime("node", "24.19.0", pins, cache) / "bin" / "node"
    for flags in ([], ["-pthread"], ["-sMAIN_MODULE"]):
        subprocess.run(["emcc", "hello.c", "-o", "hello.mjs", *flags], cwd=tmp_path, env=env, check=True)
        script = "import('./hello.mjs').then(module => module.default())"
        argv = [str(node), "--input-type=module", "--eval", script]
        done = subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True, text=True)
        assert done.stdout == "hello\n"
    for name in ("em++", "emar", "emranlib", "emconfigure", "emmake", "embuilder", "em-config"):
        assert (toolchain.root / "bin" / name).exists()
    said = subprocess.run(["emconfigure", "sh", "-c", "echo $CC"], env=env, check=True, capture_output=True, text=True)
    assert said.stdout.strip().endswith("emcc")
    record = json.loads((toolchain.root.parent / "toolchain.json").read_text())
    assert record["id"] == toolchain.id
