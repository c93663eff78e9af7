"""The pins: the project's own, and mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError, UnavailableError
from harness.matrix.pins import EmsdkPin, Pins, load_pins

OWN = Path(__file__).parents[3] / "matrices" / "pins.toml"
SHA = "ab" * 32


@pytest.fixture(scope="module")
def own() -> Pins:
    return load_pins(OWN)


def pins_of(tmp_path: Path, text: str) -> Pins:
    path = tmp_path / "matrices" / "pins.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return load_pins(path)


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        pins_of(tmp_path, text)
    return [str(problem) for problem in caught.value.problems]


def test_our_own_pins_have_what_the_default_cells_need(own: Pins) -> None:
    assert own.cpython_pin("3.13.5").apt_source == "python3.13"
    assert own.wasi_sdk_pin("25").apt_suite == "trixie"
    assert own.runtime_pin("wasmtime", "50.0.1").sha256


def test_every_wasi_sdk_of_ours_says_where_its_revisions_are_written(own: Pins) -> None:
    assert all(pin.wasi_libc in pin.evidence for pin in own.wasi_sdk)


def test_node_is_pinned_in_each_of_its_kept_releases(own: Pins) -> None:
    assert {pin.version.split(".")[0] for pin in own.runtime if pin.name == "node"} >= {"20", "22", "24", "26"}


def test_debian_has_three_of_our_emscriptens_and_emsdk_is_pinned_for_all(own: Pins) -> None:
    suites = {pin.version: pin.apt_suite for pin in own.emscripten if pin.apt_suite}
    assert suites == {"3.1.6": "bookworm", "3.1.69": "trixie", "6.0.5": "forky"}
    assert own.emsdk


def test_every_archive_of_ours_is_of_the_version_and_platform_it_names(own: Pins) -> None:
    for archive in own.wasi_sdk_archive:
        own.wasi_sdk_pin(archive.version)
        assert archive.url.endswith(f"/wasi-sdk-{archive.version}.0-{archive.platform}.tar.gz")


def test_every_cpython_url_of_ours_is_of_its_version(own: Pins) -> None:
    assert all(f"/{pin.version}/Python-{pin.version}." in pin.url for pin in own.cpython)


def test_no_file_of_ours_is_pinned_twice(own: Pins) -> None:
    hashes = [pin.sha256 for pin in own.cpython] + [pin.sha256 for pin in own.wasi_sdk_archive]
    assert len(set(hashes)) == len(hashes)


def test_a_version_that_is_not_pinned_is_reported_with_those_that_are(own: Pins) -> None:
    with pytest.raises(UnavailableError, match=r"CPython 3\.13\.4 is not pinned; pinned: .*3\.13\.5") as caught:
        own.cpython_pin("3.13.4")
    assert "--cpython PATH" in caught.value.hint


def test_a_runtime_that_is_not_pinned_is_reported_with_its_own_versions(own: Pins) -> None:
    with pytest.raises(UnavailableError, match=r"wasmtime 1 is not pinned; pinned: .*50\.0\.1"):
        own.runtime_pin("wasmtime", "1")
    with pytest.raises(UnavailableError, match=r"node 1 is not pinned; pinned: 20\.\d+\.\d+, "):
        own.runtime_pin("node", "1")


def test_a_url_without_sha256_is_refused(tmp_path: Path) -> None:
    text = '[[cpython]]\nversion = "3.13.5"\nurl = "https://example.org/a"\n'
    assert mistakes(tmp_path, text) == ["matrices/pins.toml:1: cpython: 'sha256' is missing"]


@pytest.mark.parametrize("sha", ["", "abc", SHA.upper(), SHA + "0"])
def test_what_is_not_a_sha256_is_refused(tmp_path: Path, sha: str) -> None:
    text = f'[[cpython]]\nversion = "3.13.5"\nurl = "https://example.org/a"\nsha256 = "{sha}"\n'
    assert mistakes(tmp_path, text) == [
        "matrices/pins.toml:4: cpython.sha256: must be 64 lower-case hex digits",
    ]


def test_what_the_probes_give_to_node_is_pinned(own: Pins) -> None:
    assert own.npm_pin("ws").version
    with pytest.raises(UnavailableError, match="the npm package websocket is not pinned"):
        own.npm_pin("websocket")


def test_an_npm_package_has_one_pin_with_a_sha256(tmp_path: Path) -> None:
    pin = '[[npm]]\nname = "ws"\nversion = "8"\nsha256 = "ab"\n'
    assert mistakes(tmp_path, pin) == ["matrices/pins.toml:4: npm.sha256: must be 64 lower-case hex digits"]
    twice = pin.replace('"ab"', f'"{SHA}"') * 2
    assert mistakes(tmp_path, twice) == ["matrices/pins.toml:6: npm.name: ws is pinned twice"]


def test_a_runtime_without_any_sha256_is_refused(tmp_path: Path) -> None:
    text = '[[runtime]]\nname = "wasmtime"\nversion = "1"\nsha256 = []\n'
    assert mistakes(tmp_path, text) == ["matrices/pins.toml:4: runtime.sha256: must be 64 lower-case hex digits"]


def test_a_plain_http_address_is_refused(tmp_path: Path) -> None:
    text = f'[[cpython]]\nversion = "3.13.5"\nurl = "http://example.org/a"\nsha256 = "{SHA}"\n'
    assert mistakes(tmp_path, text) == ["matrices/pins.toml:3: cpython.url: must be an https address"]


def test_an_emsdk_is_pinned_by_a_whole_commit(tmp_path: Path) -> None:
    text = '[emsdk]\nurl = "https://e.org/a.git"\ncommit = "{}"\n'
    assert pins_of(tmp_path, text.format("a1" * 20)).emsdk
    for commit in ("main", "a1b2c3d", "A1" * 20):
        assert mistakes(tmp_path, text.format(commit)) == [
            "matrices/pins.toml:3: emsdk.commit: must be all 40 digits of a commit"
        ]


def test_the_node_of_an_emscripten_must_be_pinned(tmp_path: Path) -> None:
    node = f'[[runtime]]\nname = "node"\nversion = "24.19.0"\nsha256 = ["{SHA}"]\n'
    emscripten = '[[emscripten]]\nversion = "3.1.69"\nnode = "24.1.0"\n'
    assert mistakes(tmp_path, node + emscripten) == [
        "matrices/pins.toml:7: emscripten.node: is no pinned Node (did you mean '24.19.0'?)"
    ]
    assert pins_of(tmp_path, node + emscripten.replace("24.1.0", "24.19.0")).emscripten


def test_an_unknown_installer_is_refused(tmp_path: Path) -> None:
    text = f'[[runtime]]\nname = "node"\nversion = "1"\nsha256 = ["{SHA}"]\ninstaller = "nmp"\n'
    assert mistakes(tmp_path, text) == [
        "matrices/pins.toml:5: runtime.installer: must be one of pip, npm, not 'nmp' (did you mean 'npm'?)"
    ]


def test_half_an_apt_pin_is_refused(tmp_path: Path) -> None:
    cpython = f'[[cpython]]\nversion = "1"\nurl = "https://e.org/a"\nsha256 = "{SHA}"\napt_suite = "trixie"\n'
    sdk = '[[wasi_sdk]]\nversion = "1"\nllvm = "1"\nwasi_libc = "a"\nevidence = "b"\napt_packages = ["c"]\n'
    found = mistakes(tmp_path, cpython + sdk)
    assert len(found) == 2
    assert "all or none" in found[0]
    assert "both or none" in found[1]


def test_the_same_twice_is_refused(tmp_path: Path) -> None:
    one = f'[[runtime]]\nname = "wasmtime"\nversion = "1"\nsha256 = ["{SHA}"]\n'
    assert mistakes(tmp_path, one * 2) == ["matrices/pins.toml:7: runtime.version: wasmtime 1 is pinned twice"]


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    text = '[[cpyton]]\nversion = "1"\n[[cpython]]\nversion = 3\nurl = "https://e.org/a"\nsha265 = "x"\n'
    found = mistakes(tmp_path, text)
    assert len(found) == 4
    assert any("did you mean 'cpython'?" in line for line in found)
    assert any("did you mean 'sha256'?" in line for line in found)


LIBRARY = f"""[[dependency]]
name = "zlib"
version = "1.3.1"
url = "https://zlib.net/zlib-1.3.1.tar.gz"
sha256 = "{SHA}"
"""


def test_a_library_that_debian_repacks_has_two_hashes(tmp_path: Path) -> None:
    one = pins_of(tmp_path, LIBRARY).library[0]
    two = pins_of(tmp_path, f'{LIBRARY}apt_sha256 = "{"cd" * 32}"\n').library[0]
    assert (one.title, one.sha256_of_apt, two.sha256_of_apt) == ("zlib 1.3.1", SHA, "cd" * 32)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (LIBRARY.replace("zlib", "zilb"), "must be one of zlib, bzip2, sqlite, libffi, mpdecimal, not 'zilb'"),
        (LIBRARY + 'apt_sha256 = "x"', "dependency.apt_sha256: must be 64 lower-case hex digits"),
        (LIBRARY + 'apt_suite = "trixie"', "apt_suite, apt_source and apt_file belong together"),
        (LIBRARY + LIBRARY, "zlib is pinned twice"),
        (LIBRARY.replace("https", "http"), "dependency.url: must be an https address"),
    ],
)
def test_mistakes_in_the_pin_of_a_library_are_reported(tmp_path: Path, text: str, mistake: str) -> None:
    assert any(mistake in found for found in mistakes(tmp_path, text))


def test_further_pins_may_name_a_newer_emsdk(own: Pins) -> None:
    newer = Pins(emsdk=EmsdkPin(url="https://example.org", commit="cd" * 20))
    assert own.and_also(newer).emsdk == newer.emsdk
    assert own.and_also(Pins()).emsdk == own.emsdk


@pytest.mark.parametrize(
    ("name", "version", "whole"),
    [("cpython", "3.14", "3.14."), ("wasmtime", "46", "46.0.1"), ("wasmtime", "45", "50."), ("node", "1", "2")],
)
def test_the_hint_for_a_part_of_a_version_is_one_that_is_pinned(own: Pins, name: str, version: str, whole: str) -> None:
    """`pins add` refuses a part of a version."""
    with pytest.raises(UnavailableError) as caught:
        own.cpython_pin(version) if name == "cpython" else own.runtime_pin(name, version)
    assert f"name a whole version, such as {whole}" in caught.value.hint
    assert "pins add" not in caught.value.hint
    with pytest.raises(UnavailableError) as caught:
        own.runtime_pin("node", "1.2.3")
    assert "pins add node 1.2.3" in caught.value.hint
