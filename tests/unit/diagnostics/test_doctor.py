"""The doctor: what the facts of a machine mean."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import main
from harness.diagnostics import doctor
from harness.diagnostics.doctor import Line, is_usable, judge_cell, judge_machine, render_doctor, render_overview
from harness.diagnostics.machine import Found, Machine
from harness.errors import EXIT_CONFIG, ConfigError
from harness.matrix.cells import MACHINES_OWN, Cell, Distribution, Matrix
from harness.matrix.pins import EmscriptenPin, EmsdkPin, Installer, Pins, RuntimePin
from harness.run.prepare import BuildRequest
from harness.targets import Engine, Target
from tests.trees import cpython_tree
from tests.unit.sample_pins import ARCHIVE, CELL, CPYTHON, PINS

EMSCRIPTEN = dataclasses.replace(CELL, id="emscripten-4.0.10", target=Target.EMSCRIPTEN, toolchain="4.0.10")
PROGRAMS = {name: f"/usr/bin/{name}" for name in ("gcc", "make", "git", "apt-get", "dpkg-deb", "patchelf")}
MACHINE = Machine(
    python="3.12.1",
    cache=Path("/cache"),
    disk_free=80_000_000_000,
    memory=8_000_000_000,
    processors=4,
    programs=PROGRAMS,
    compiler="gcc 12.2.0",
    pip="25.0",
    debian_archive="http://debian.example.org/debian/",
)
NOTHING = Found()
EVERYTHING = Found(source="tarball", toolchain="wasi-sdk", build=True, runtime=True)
UNREACHABLE = {
    "source.example.org": "source.example.org cannot be reached (no route)",
    "sdk.example.org": "sdk.example.org cannot be reached (no route)",
}


def without(*names: str) -> dict[str, str]:
    return {name: path for name, path in PROGRAMS.items() if name not in names}


def judged(part: str, machine: Machine = MACHINE, found: Found = NOTHING, pins: Pins = PINS) -> Line:
    return next(line for line in judge_cell(CELL, pins, machine, found) if line.name == part)


def of_machine(name: str, machine: Machine = MACHINE) -> Line:
    return next(line for line in judge_machine(machine) if line.name == name)


def test_an_empty_cache_is_filled_from_the_first_provider_that_can() -> None:
    lines = judge_cell(CELL, PINS, MACHINE, NOTHING)
    assert is_usable(lines)
    assert [line.text for line in lines] == [
        "CPython 3.13.5: will come from tarball",
        "WASI SDK 25: will come from wasi-sdk",
        "will be made here",
        "wasmtime 50.0.1: will come from pip",
    ]


def test_a_full_cache_needs_nothing_else() -> None:
    bare = Machine(python="3.12.1", cache=Path("/cache"), disk_free=0, memory=1, processors=1, offline=True)
    lines = judge_cell(CELL, PINS, bare, EVERYTHING)
    assert is_usable(lines)
    assert [line.text for line in lines] == [
        "CPython 3.13.5: in the cache, from tarball",
        "WASI SDK 25: in the cache, from wasi-sdk",
        "in the cache",
        "wasmtime 50.0.1: in the cache",
    ]


def test_apt_serves_where_the_origins_do_not_answer() -> None:
    machine = dataclasses.replace(MACHINE, faults=UNREACHABLE)
    assert judged("source", machine) == Line(True, "source", "CPython 3.13.5: will come from apt (listed, not checked)")
    assert judged("toolchain", machine) == Line(
        True, "toolchain", "WASI SDK 25: will come from apt (listed, not checked)"
    )


APT_FILE = "http://debian.example.org/debian/pool/main/p/python3.13/a.tgz"


@pytest.mark.parametrize(
    ("answer", "good", "text"),
    [
        (200, True, "CPython 3.13.5: will come from apt"),
        (404, False, f"apt: debian.example.org answers 404 for {APT_FILE}"),
        (0, True, "CPython 3.13.5: will come from apt (listed, not checked)"),
        (503, True, "CPython 3.13.5: will come from apt (listed, not checked)"),
    ],
)
def test_a_source_package_counts_when_its_archive_has_the_file(answer: int, good: bool, text: str) -> None:
    machine = dataclasses.replace(MACHINE, faults=UNREACHABLE, answers={APT_FILE: answer})
    assert MACHINE.apt_address(CPYTHON) == APT_FILE
    line = judged("source", machine)
    assert line.good == good
    assert text in line.text


def test_a_tarball_that_its_origin_no_longer_has_comes_from_apt() -> None:
    machine = dataclasses.replace(MACHINE, answers={CPYTHON.url: 404, APT_FILE: 200})
    assert judged("source", machine).text == "CPython 3.13.5: will come from apt"


def test_a_cache_in_a_place_where_nothing_can_be_built_is_reported() -> None:
    line = judged("build", dataclasses.replace(MACHINE, cache=Path("/my cache")))
    assert not line.good
    assert "'/my cache' has white space in it" in line.text
    assert "WASM_HARNESS_CACHE=FOLDER" in line.text


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"programs": without("apt-get", "dpkg-deb")}, "apt: there is no apt-get and no dpkg-deb"),
        ({"debian_archive": ""}, "apt: its configuration names no Debian archive"),
        ({"programs": without("patchelf")}, "apt: there is no patchelf"),
    ],
)
def test_a_toolchain_that_nobody_provides_says_why_and_what_to_do(change: dict[str, Any], fault: str) -> None:
    line = judged("toolchain", dataclasses.replace(MACHINE, faults=UNREACHABLE, **change))
    assert not line.good
    assert "wasi-sdk: sdk.example.org cannot be reached (no route); " in line.text
    assert fault in line.text
    assert line.text.endswith("-> one of your own serves: WASI_SDK_PATH=FOLDER")


def test_a_source_without_a_package_is_not_available_from_apt() -> None:
    bare = dataclasses.replace(CPYTHON, apt_suite="", apt_source="", apt_file="")
    machine = dataclasses.replace(MACHINE, faults=UNREACHABLE)
    line = judged("source", machine, pins=dataclasses.replace(PINS, cpython=(bare,)))
    assert not line.good
    assert "apt: no package is pinned" in line.text
    assert line.text.endswith("--cpython PATH")


def test_a_toolchain_needs_a_pinned_archive_for_this_platform() -> None:
    pins = dataclasses.replace(PINS, wasi_sdk_archive=(dataclasses.replace(ARCHIVE, platform="vax-vms"),))
    assert judged("toolchain", pins=pins).text == "WASI SDK 25: will come from apt (listed, not checked)"
    alone = dataclasses.replace(MACHINE, debian_archive="")
    assert "no archive is pinned for this platform" in judged("toolchain", alone, pins=pins).text


def test_what_is_not_pinned_is_reported_in_the_words_of_the_pins() -> None:
    for part, said in (
        ("source", "CPython 3.13.5 is not pinned"),
        ("toolchain", "WASI SDK 25 is not pinned"),
        ("runtime", "wasmtime 50.0.1 is not pinned"),
    ):
        line = judged(part, pins=Pins())
        assert not line.good
        assert said in line.text
        assert "python -m harness pins add" in line.text


def test_offline_nothing_can_be_fetched() -> None:
    lines = judge_cell(CELL, PINS, dataclasses.replace(MACHINE, offline=True), NOTHING)
    assert [line.name for line in lines if not line.good] == ["source", "toolchain", "runtime"]
    assert not is_usable(lines)


def test_offline_the_machine_says_that_the_network_was_not_tried() -> None:
    assert not of_machine("network", dataclasses.replace(MACHINE, offline=True)).good
    assert of_machine("network").good


def test_every_origin_that_does_not_answer_has_a_line() -> None:
    lines = judge_machine(dataclasses.replace(MACHINE, faults=UNREACHABLE))
    network = [line for line in lines if line.name == "network"]
    assert [line.text for line in network] == list(UNREACHABLE.values())
    assert not any(line.good for line in network)


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ({"compiler": ""}, "a C compiler"),
        ({"programs": without("make")}, "make"),
        ({"disk_free": 1_000_000_000}, "2.5 GB of free disk"),
    ],
)
def test_a_build_that_is_not_there_yet_needs_its_tools(change: dict[str, Any], lacks: str) -> None:
    machine = dataclasses.replace(MACHINE, **change)
    line = judged("build", machine)
    assert not line.good
    assert line.text.startswith(f"lacks {lacks} ->")
    assert judged("build", machine, EVERYTHING).good


def test_a_runtime_needs_pip() -> None:
    machine = dataclasses.replace(MACHINE, pip="")
    assert "there is no pip" in judged("runtime", machine).text
    assert not judged("runtime", machine).good
    assert "ensurepip" in of_machine("pip", machine).text


def test_the_user_s_own_sdk_is_used_or_its_fault_is_reported() -> None:
    assert judged("toolchain", found=Found(toolchain="path")).text == "WASI SDK 25: your own, WASI_SDK_PATH"
    line = judged("toolchain", found=Found(own_sdk_fault="it is 24"))
    assert line.good
    assert line.text == "WASI_SDK_PATH is passed over (it is 24); WASI SDK 25: will come from wasi-sdk"


def of_emscripten(machine: Machine, *, apt_suite: str = "", found: Found = NOTHING) -> Line:
    pins = dataclasses.replace(
        PINS,
        emsdk=EmsdkPin(url="https://emsdk.example.org/emsdk.git", commit="ab" * 20),
        emscripten=(EmscriptenPin(version="4.0.10", node="24.19.0", apt_suite=apt_suite),),
    )
    return next(line for line in judge_cell(EMSCRIPTEN, pins, machine, found) if line.name == "toolchain")


def test_who_provides_emscripten() -> None:
    away = dataclasses.replace(MACHINE, faults={"emsdk.example.org": "emsdk.example.org cannot be reached (no route)"})
    assert of_emscripten(MACHINE, found=EVERYTHING).text == "Emscripten 4.0.10: in the cache, from wasi-sdk"
    assert of_emscripten(MACHINE).text == "Emscripten 4.0.10: will come from emsdk"
    assert of_emscripten(dataclasses.replace(MACHINE, programs=without("git"))).good is False
    assert of_emscripten(away, apt_suite="trixie").text == "Emscripten 4.0.10: will come from apt (listed, not checked)"
    nobody = of_emscripten(away)
    assert not nobody.good
    assert "no Debian suite is pinned" in nobody.text
    assert "--toolchain PATH" in nobody.text


def test_programs_are_shown_with_their_paths_and_missing_ones_with_their_use() -> None:
    assert of_machine("git") == Line(True, "git", "/usr/bin/git")
    assert of_machine("ccache").text == "would make a second Emscripten build of the same source faster"
    assert "gcc or clang" in of_machine("C compiler", dataclasses.replace(MACHINE, compiler="")).text


def test_a_disk_that_is_too_small_is_missing() -> None:
    line = of_machine("disk", dataclasses.replace(MACHINE, disk_free=1_000_000_000))
    assert line == Line(False, "disk", "1.0 GB free for /cache; a first build takes about 2.5 GB")


def test_cells_with_the_same_lines_are_shown_together() -> None:
    """Variants of one toolchain and CPython are many, and mostly need the same."""
    debug = dataclasses.replace(CELL, id="wasi-debug", broken="it overflows")
    other = [Line(True, "build", "will be made here")]
    page = render_doctor([], {CELL: [Line(True, "build", "in the cache")], EMSCRIPTEN: other, debug: [*other]})
    assert page.split("\n\n")[2].splitlines() == [
        "emscripten-4.0.10: for tests",
        "wasi-debug: for tests (known to be broken: it overflows)",
        "  ok       build       will be made here",
    ]
    assert page.endswith("3 of 3 cells can be built and tested here")


def test_the_page_is_aligned_and_counts_the_cells() -> None:
    broken = dataclasses.replace(EMSCRIPTEN, broken="it does not link")
    page = render_doctor(
        [Line(True, "Python", "3.12.1"), Line(False, "make", "install it")],
        {CELL: [Line(True, "build", "in the cache")], broken: [Line(False, "recipe", "none")]},
    )
    assert page == "\n".join(
        [
            "this machine",
            "  ok       Python      3.12.1",
            "  missing  make        install it",
            "",
            "wasi: for tests",
            "  ok       build       in the cache",
            "",
            "emscripten-4.0.10: for tests (known to be broken: it does not link)",
            "  missing  recipe      none",
            "",
            "1 of 2 cells can be built and tested here",
        ]
    )


def test_one_usable_cell_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {CELL: EVERYTHING, EMSCRIPTEN: NOTHING}
    monkeypatch.setattr(doctor, "load_configuration", lambda: (Matrix(tuple(found)), PINS))
    monkeypatch.setattr(doctor, "look_at_machine", lambda *_, **__: MACHINE)
    monkeypatch.setattr(doctor, "look_for", lambda cell, *_: found[cell])
    page, good = doctor.doctor_report(offline=False)
    assert good
    assert "1 of 2 cells can be built and tested here" in page
    of_one, good = doctor.doctor_report(offline=False, ids=[EMSCRIPTEN.id])
    assert not good
    assert "\n  ok       build       will be made here" in of_one
    assert of_one.endswith("0 of 1 cell can be built and tested here")
    assert CELL.id not in of_one
    assert not doctor.doctor_report(offline=False, ids=[CELL.id, EMSCRIPTEN.id])[1]
    assert doctor.doctor_report(offline=False, ids=[CELL.id])[1]
    with pytest.raises(ConfigError, match=r"there is no cell 'wasj'; did you mean 'wasi'"):
        doctor.doctor_report(offline=False, ids=["wasj"])
    del found[CELL]
    assert not doctor.doctor_report(offline=False)[1]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"target": Target.EMSCRIPTEN, "toolchain": ""}, "toolchain"),
        ({"target": Target.EMSCRIPTEN, "distribution": Distribution.PYODIDE}, "package"),
    ],
)
def test_what_only_the_users_tree_or_interpreter_decides_is_neither_there_nor_missing(
    change: dict[str, Any], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = dataclasses.replace(CELL, id="emscripten", **change)
    monkeypatch.setattr(doctor, "load_configuration", lambda: (Matrix((CELL,), (cell,)), PINS))
    monkeypatch.setattr(doctor, "look_at_machine", lambda *_, **__: MACHINE)
    monkeypatch.setattr(doctor, "look_for", lambda *_: EVERYTHING)
    page, good = doctor.doctor_report(offline=False, ids=[cell.id])
    assert good
    assert f"\n  depends  {part}" in page
    assert page.endswith("0 of 1 cell can be built and tested here, 1 depends on what you name")
    assert "1 of 2 cells can be built and tested here, 1 depends on" in doctor.doctor_report(offline=False)[0]
    assert is_usable([Line(None, "package", ""), Line(False, "runtime", "")]) is False


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell for WASI and one that takes the Emscripten of a tree, on a machine with an empty cache."""
    of_tree = dataclasses.replace(EMSCRIPTEN, id="emscripten", toolchain="")
    pins = dataclasses.replace(PINS, emscripten=(EmscriptenPin(version="4.0.12", node="24.19.0"),))
    monkeypatch.setattr(doctor, "load_configuration", lambda: (Matrix((CELL, EMSCRIPTEN), (of_tree,)), pins))
    monkeypatch.setattr(doctor, "look_at_machine", lambda *_, **__: MACHINE)


def checkout_of(root: Path, version: str) -> str:
    cpython_tree(root, version)
    for script in ("Tools/wasm/wasi.py", "Tools/wasm/emscripten/__main__.py"):
        (root / script).parent.mkdir(parents=True, exist_ok=True)
        (root / script).touch()
    return str(root)


@pytest.mark.usefixtures("declared", "empty_cache")
def test_a_cell_is_looked_at_with_a_checkout_and_what_its_tree_pins(tmp_path: Path) -> None:
    checkout = checkout_of(tmp_path / "cpython", "3.14.0a2+")
    page, good = doctor.doctor_report(offline=False, ids=["wasi"], request=BuildRequest(cpython=checkout))
    assert good
    assert f"\n  ok       source      CPython 3.14.0a2+: your own, {checkout}\n" in page
    page, _ = doctor.doctor_report(offline=False, ids=["emscripten"], request=BuildRequest(cpython=checkout))
    assert "toolchain   Emscripten 4.0.12: " in page
    assert not list(tmp_path.rglob("sources"))


@pytest.mark.usefixtures("declared", "empty_cache")
def test_what_nobody_can_build_of_a_checkout_is_an_error(tmp_path: Path) -> None:
    newer = checkout_of(tmp_path / "cpython", "3.15.0a1")
    for words, ids, says in (
        ({"cpython": newer}, ["emscripten"], "and CPython 3.15.0a1 from .* pins none"),
        ({"cpython": str(tmp_path)}, ["wasi"], "is not a CPython source tree"),
        ({"cpython": newer}, [], "no cell is named"),
        ({"tree_pins": True}, ["wasi"], "--tree-pins is about a tree that is there"),
        ({"cpython": newer, "tree_pins": True}, [EMSCRIPTEN.id], "emscripten-4.0.10 names its own"),
    ):
        with pytest.raises(ConfigError, match=says):
            doctor.doctor_report(offline=False, ids=ids, request=BuildRequest(**words))


def test_the_command_takes_a_checkout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "wasi", "--cpython", str(tmp_path)]) == EXIT_CONFIG
    assert f"error: {tmp_path} is not a CPython source tree" in capsys.readouterr().err


@pytest.mark.usefixtures("declared", "empty_cache")
def test_a_commit_is_known_when_it_is_fetched() -> None:
    page, good = doctor.doctor_report(
        offline=False, ids=["wasi"], request=BuildRequest(cpython="git:https://x.org/a@b")
    )
    assert good
    assert "\n  depends  source      git:https://x.org/a@b, which a build fetches\n" in page


def test_the_page_over_all_cells_names_only_what_is_missing() -> None:
    usable = [dataclasses.replace(CELL, id=f"wasi-{number}") for number in range(20)]
    lack = [Line(True, "build", "in the cache"), Line(False, "source", "CPython 3.15: none -> get it")]
    lacking = [dataclasses.replace(CELL, id=f"wasi-{letter}") for letter in "ab"]
    cells = dict.fromkeys(usable, lack[:1]) | dict.fromkeys(lacking, lack)
    assert render_overview([Line(True, "Python", "3.12.1")], cells).splitlines() == [
        "this machine",
        "  ok       Python      3.12.1",
        "",
        "can be built and tested here: wasi-0, wasi-1, wasi-2, wasi-3, wasi-4, wasi-5, wasi-6, wasi-7, wasi-8, wasi-9,",
        "  wasi-10, wasi-11, wasi-12, wasi-13, wasi-14, wasi-15, wasi-16, wasi-17, wasi-18, wasi-19",
        "",
        "wasi-a, wasi-b",
        "  missing  source      CPython 3.15: none -> get it",
        "",
        "20 of 22 cells can be built and tested here; `doctor CELL` says more of one",
    ]


BROWSER = dataclasses.replace(CELL, target=Target.EMSCRIPTEN, engine=Engine.CHROMIUM, runtime="153.0.0")
CHROMIUM_PIN = RuntimePin(name="chromium", version="153.0.0", sha256=("ab" * 32,), installer=Installer.NPM)


def browser_line(cell: Cell, found: Found = NOTHING, **programs: str) -> Line:
    machine = dataclasses.replace(MACHINE, programs=programs)
    lines = judge_cell(cell, dataclasses.replace(PINS, runtime=(CHROMIUM_PIN,)), machine, found)
    return next(line for line in lines if line.name == "runtime")


def test_a_pinned_browser_needs_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.diagnostics.doctor.npm_package", lambda pin: pin.package_name)
    assert browser_line(BROWSER, npm="/bin/npm").text == "chromium 153.0.0: will come from npm"
    assert "there is no npm" in browser_line(BROWSER).text


def test_the_machine_s_own_browser_is_named_or_what_it_lacks() -> None:
    own = dataclasses.replace(BROWSER, runtime=MACHINES_OWN)
    found = Found(own_runtime="150.0, the machine's own /usr/bin/chromium")
    assert browser_line(own, found).text == "chromium 150.0, the machine's own /usr/bin/chromium"
    lacks = browser_line(own, Found(own_runtime_fault="this machine has no Chromium on PATH"))
    assert not lacks.good
    assert "no Chromium on PATH" in lacks.text
