"""Emscripten toolchains: what is decided before anything runs."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from harness.errors import ConfigError, UnavailableError
from harness.matrix.cells import Cell
from harness.matrix.pins import EmscriptenPin, EmsdkPin, Pins, RuntimePin
from harness.toolchains import obtain_toolchain
from harness.toolchains.emscripten import debian, emsdk, layout, trial
from harness.toolchains.emscripten import own as path
from tests.unit.sample_cells import emscripten

PIN = EmscriptenPin(version="3.1.69", node="24.19.0", apt_suite="trixie")
NODE = RuntimePin(name="node", version="24.19.0", sha256=("ab" * 32,))
PINS = Pins(emsdk=EmsdkPin(url="u", commit="a1" * 20), emscripten=(PIN,), runtime=(NODE,))
CELL = emscripten("3.1.69")
PARTS = layout.Parts(
    emscripten=Path("/e/scripts"), llvm=Path("/e/llvm/bin"), binaryen=Path("/e/binaryen"), node=Path("/n/node")
)
TOOLCHAIN = layout.emscripten_toolchain("apt", "3.1.69", Path("/cache/toolchains/e/sdk"), {"llvm": "19.1.7"})
REVISIONS = """\
EMSCRIPTEN_TAGS = {
    "4.0.12": struct(
        hash = "b1",
        sha_linux = "c1",
        sha_linux_arm64 = "d1",
        sha_mac = "e1",
        sha_mac_arm64 = "f1",
        sha_win = "a1",
    ),
    "3.1.6": struct(
        hash = "b2",
        sha_linux = "c2",
        sha_mac = "e2",
        sha_win = "a2",
    ),
}
"""


@pytest.fixture(autouse=True)
def no_emscripten_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMSDK", raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")


def own_emscripten(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "emcc.py").write_text("")
    (folder / "emcc").write_text("")
    (folder / "emcc").chmod(0o755)
    (folder / "emscripten-version.txt").write_text(version)
    return folder


def test_emccs_configuration_names_its_parts() -> None:
    values: dict[str, object] = {}
    exec(layout.config_text(PARTS), values)  # as Emscripten reads it
    assert {name: values[name] for name in values if name.isupper()} == {
        "EMSCRIPTEN_ROOT": "/e/scripts",
        "LLVM_ROOT": "/e/llvm/bin",
        "BINARYEN_ROOT": "/e/binaryen",
        "NODE_JS": "/n/node",
        "FROZEN_CACHE": False,
    }


def test_the_shape_has_a_launcher_for_each_script_that_is_there(tmp_path: Path) -> None:
    for script in ("emcc.py", "em++.py", "tools/file_packager.py", "tests/emcc.py"):
        (tmp_path / "new" / "scripts" / script).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "new" / "scripts" / script).touch()
    layout.lay_out(tmp_path / "sdk", PARTS, now=lambda it: tmp_path / "new" / it.relative_to("/e"))
    assert {file.name for file in (tmp_path / "sdk" / "bin").iterdir()} == {"emcc", "em++", "file_packager"}
    assert "-E /e/scripts/emcc.py" in (tmp_path / "sdk" / "bin" / "emcc").read_text()
    assert not (tmp_path / "sdk" / "seed").is_symlink()
    found = layout.emscripten_toolchain("apt", "1", tmp_path / "sdk", {})
    assert layout.node_of(found) == Path("/n/node")


def test_a_folder_with_a_space_does_not_break_a_launcher() -> None:
    assert "'/a b/emcc.py'" in layout.launcher_text(Path("/a b/emcc.py"))


def test_the_environment_leads_to_the_toolchain(tmp_path: Path) -> None:
    changed = layout.emscripten_environment(TOOLCHAIN, Path("/cache"), {"PATH": "/usr/bin", "CC": "gcc"})
    em_cache = str(layout.em_cache(TOOLCHAIN, Path("/cache")))
    assert changed == {
        "PATH": "/cache/toolchains/e/sdk/bin:/usr/bin",
        "EM_CONFIG": "/cache/toolchains/e/sdk/emscripten.config",
        "EM_CACHE": em_cache,
        "EMSDK_PYTHON": sys.executable,
    }
    assert TOOLCHAIN.id in em_cache


def test_ccache_is_used_where_it_is(tmp_path: Path) -> None:
    ccache = tmp_path / "ccache"
    ccache.touch()
    ccache.chmod(0o755)
    changed = layout.emscripten_environment(TOOLCHAIN, Path("/cache"), {"PATH": str(tmp_path)})
    assert (changed["EM_COMPILER_WRAPPER"], changed["CCACHE_DIR"]) == (str(ccache), "/cache/ccache")
    own = {"PATH": str(tmp_path), "CCACHE_DIR": "/mine"}
    assert layout.emscripten_environment(TOOLCHAIN, Path("/cache"), own)["CCACHE_DIR"] == "/mine"


def test_the_users_own_settings_of_emscripten_are_left_out() -> None:
    foreign = ("EM_LLVM_ROOT", "EM_CACHE", "EMCC_CFLAGS", "EMSDK", "EMSDK_NODE", "_EMCC_CCACHE", "PYTHON")
    env = {"PATH": "/usr/bin", "EMAIL": "a@example.org", "PYTHONPATH": "/p"}
    assert layout.without_foreign(env | dict.fromkeys(foreign, "x")) == env


def test_a_toolchain_at_another_place_has_another_em_cache() -> None:
    other = layout.emscripten_toolchain("apt", "3.1.69", Path("/elsewhere/sdk"), TOOLCHAIN.facts)
    assert other.id == TOOLCHAIN.id
    assert layout.em_cache(other, Path("/cache")) != layout.em_cache(TOOLCHAIN, Path("/cache"))


@pytest.mark.parametrize(
    ("text", "revision"),
    [
        ("emcc (Emscripten gcc/clang-like replacement) 6.0.11-git (1ff81ab)\nCopyright", "1ff81ab"),
        ("emcc (Emscripten gcc/clang-like replacement) 6.0.11 (" + "ab" * 20 + ")\n", "ab" * 20),
        ("emcc (Emscripten gcc/clang-like replacement) 3.1.69 ()\n", ""),
        ("emcc (Emscripten gcc/clang-like replacement) 3.1.73-git\n", ""),
        ("Debian clang version 19.1.7 (3b1abcd)\n", ""),
    ],
)
def test_the_commit_is_read_from_what_emcc_says(text: str, revision: str) -> None:
    assert trial.revision_in(text) == revision


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("emcc (Emscripten gcc/clang-like replacement + linker emulating GNU ld) 3.1.69 ()\n", "3.1.69"),
        ("shared:INFO: (Emscripten: Running sanity checks)\nemcc (Emscripten) 4.0.12 (abc)", "4.0.12"),
        ("emcc (Emscripten gcc/clang-like replacement) 3.1.73-git (0b1c)\n", "3.1.73-git"),
        ("Debian clang version 19.1.7 (3+b1)\n", "19.1.7"),
        ("clang version 21.0.0git (https://example.org 3f2a)\n", "21.0.0"),
        ("wasm-opt version 120 (version_120)\n", "120"),
        ("emcc: error: 3.1.69 is broken", ""),
        ("", ""),
    ],
)
def test_versions_are_read_from_what_programs_say(text: str, version: str) -> None:
    assert trial.version_in(text) == version


@pytest.mark.parametrize(
    ("version", "system", "machine", "pin"),
    [
        ("4.0.12", "linux", "x86_64", ("b1", "c1")),
        ("4.0.12", "linux", "aarch64", ("b1", "d1")),
        ("4.0.12", "darwin", "arm64", ("b1", "f1")),
        ("3.1.6", "linux", "x86_64", ("b2", "c2")),
    ],
)
def test_emsdks_own_table_pins_each_archive(version: str, system: str, machine: str, pin: tuple[str, str]) -> None:
    assert emsdk.archive_pin(REVISIONS, version, system, machine) == pin


def test_what_emsdks_table_lacks_is_reported() -> None:
    with pytest.raises(UnavailableError, match=r"does not know Emscripten 5\.0\.0; the newest .* 4\.0\.12"):
        emsdk.archive_pin(REVISIONS, "5.0.0", "linux", "x86_64")
    with pytest.raises(UnavailableError, match=r"no archive of Emscripten 3\.1\.6 for linux on aarch64"):
        emsdk.archive_pin(REVISIONS, "3.1.6", "linux", "aarch64")


@pytest.mark.parametrize(
    ("package", "release"),
    [
        ("3.1.69+dfsg-3", "3.1.69"),
        ("3.1.6~dfsg-5", "3.1.6"),
        ("6.0.5+dfsg+~1.41.5-2", "6.0.5"),
        ("1:4.0.12-1", "4.0.12"),
        ("", ""),
    ],
)
def test_the_release_is_read_from_a_packages_version(package: str, release: str) -> None:
    assert debian.release(package) == release


def test_the_manifest_names_the_packages_that_compile() -> None:
    versions = {"emscripten": "3.1.69+dfsg-3", "clang-19": "1:19.1.7-3", "libc6": "2.41", "binaryen": "120-4"}
    assert debian.packages_text(versions) == "binaryen=120-4 clang-19=1:19.1.7-3 emscripten=3.1.69+dfsg-3"


def test_a_release_that_debian_does_not_have_is_reported(tmp_path: Path) -> None:
    pin = EmscriptenPin(version="3.1.73", node="24.19.0")
    with pytest.raises(UnavailableError, match=r"no suite is pinned whose package is Emscripten 3\.1\.73"):
        debian.obtain(pin, PINS, tmp_path)


def test_without_an_emsdk_pin_emsdk_says_so(tmp_path: Path) -> None:
    assert emsdk.entry(PIN, Pins(), tmp_path) is None
    with pytest.raises(UnavailableError, match="none is pinned"):
        emsdk.obtain(PIN, Pins(), tmp_path)


@pytest.mark.parametrize("entry", [debian.entry, emsdk.entry])
def test_the_cache_at_another_path_is_another_entry(entry: object) -> None:
    assert callable(entry)
    assert entry(PIN, PINS, Path("/a")).name != entry(PIN, PINS, Path("/b")).name


@pytest.mark.parametrize("given", ["upstream/emscripten", "upstream/emscripten/emcc", ""])
def test_an_emscripten_is_found_in_what_is_given(tmp_path: Path, given: str) -> None:
    root = own_emscripten(tmp_path / "upstream" / "emscripten", '"3.1.69"\n')
    assert path.find_root(tmp_path / given) == root
    assert path.version_of(root) == "3.1.69"
    assert path.is_of_version(tmp_path / given, "3.1.69")
    assert not path.is_of_version(tmp_path / given, "3.1.6")


def test_a_link_to_an_emcc_leads_to_its_folder(tmp_path: Path) -> None:
    root = own_emscripten(tmp_path / "share" / "emscripten", "3.1.69")
    (tmp_path / "emcc").symlink_to(root / "emcc")
    assert path.from_environment({"PATH": str(tmp_path)}) == tmp_path / "emcc"
    assert path.find_root(tmp_path / "emcc") == root


def test_emsdk_comes_before_path(tmp_path: Path) -> None:
    own_emscripten(tmp_path / "on_path", "3.1.69")
    assert path.from_environment({"PATH": str(tmp_path / "on_path"), "EMSDK": "/emsdk"}) == Path("/emsdk")
    assert path.from_environment({"PATH": ""}) is None


def test_what_the_user_has_of_another_version_is_refused_with_both_when_asked_for(tmp_path: Path) -> None:
    own_emscripten(tmp_path / "mine", "4.0.12")
    with pytest.raises(UnavailableError, match=r"mine is 4\.0\.12, the cell wants 3\.1\.69"):
        obtain_toolchain(CELL, PINS, tmp_path, path=tmp_path / "mine")


def test_a_development_version_is_not_the_release(tmp_path: Path) -> None:
    own_emscripten(tmp_path / "mine", "3.1.69-git")
    assert not path.is_of_version(tmp_path / "mine", "3.1.69")


def test_a_path_without_an_emscripten_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"is no Emscripten: there is no emcc\.py"):
        obtain_toolchain(CELL, PINS, tmp_path, path=tmp_path)


def test_the_provider_path_needs_something_set_up(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"\$EMSDK is not set and no emcc is on PATH"):
        obtain_toolchain(CELL, PINS, tmp_path, provider="path")


def test_an_unknown_provider_is_reported_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'emsdks'; did you mean 'emsdk'"):
        obtain_toolchain(CELL, PINS, tmp_path, provider="emsdks")


def test_where_no_provider_has_the_version_another_version_of_apt_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise UnavailableError("not here")

    monkeypatch.setattr(emsdk, "obtain", refuse)
    monkeypatch.setattr(debian, "obtain", refuse)
    monkeypatch.delenv("EMSDK", raising=False)
    monkeypatch.setenv("PATH", "")
    other = EmscriptenPin(version="6.0.5", node="24.19.0", apt_suite="forky")
    with pytest.raises(UnavailableError) as caught:
        obtain_toolchain(CELL, dataclasses.replace(PINS, emscripten=(*PINS.emscripten, other)), tmp_path)
    assert caught.value.hint.endswith("; another version, which apt has too: --toolchain 6.0.5")
    with pytest.raises(UnavailableError) as caught:
        obtain_toolchain(CELL, PINS, tmp_path)
    assert "another version" not in caught.value.hint


def test_a_version_that_is_not_pinned_is_reported_with_those_that_are(tmp_path: Path) -> None:
    cell = Cell(**{**vars(CELL), "toolchain": "9.9.9"})
    with pytest.raises(UnavailableError, match=r"Emscripten 9\.9\.9 is not pinned; pinned: 3\.1\.69"):
        obtain_toolchain(cell, PINS, tmp_path)
