"""The files that are laid out for the guest."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.build.recipes.targets import guest_platform
from harness.build.stage import stage
from harness.targets import Target

NAME = "_sysconfig_vars__emscripten_wasm32-emscripten.json"


def staged(tmp_path: Path, folder: str, platform: str, name: str = NAME) -> Path:
    source, built = tmp_path / "source", tmp_path / "built"
    (source / "Lib").mkdir(parents=True)
    data = built / folder
    data.mkdir(parents=True)
    (data / name).write_text("{}")
    (built / "pybuilddir.txt").write_text(f"{folder}\n")
    stage(source, built, tmp_path / "root", "cross", platform)
    return tmp_path / "root" / "cross" / "build"


@pytest.mark.parametrize(
    ("made", "platform", "looked_in"),
    [
        ("lib.emscripten-wasm32-3.14", "emscripten-3.1.73-wasm32", "lib.emscripten-3.1.73-wasm32-3.14"),
        ("lib.emscripten-wasm32-3.14-pydebug", "emscripten-4.0.12-wasm32", "lib.emscripten-4.0.12-wasm32-3.14-pydebug"),
        ("lib.emscripten-wasm32-3.15t", "emscripten-6.0.5-wasm32", "lib.emscripten-6.0.5-wasm32-3.15t"),
        ("lib.wasi-wasm32-3.14", "wasi-0.0.0-wasm32", "lib.wasi-0.0.0-wasm32-3.14"),
    ],
)
def test_the_sysconfig_variables_are_where_the_guest_looks(
    tmp_path: Path, made: str, platform: str, looked_in: str
) -> None:
    build = staged(tmp_path, f"build/{made}", platform)
    assert {path.name for path in build.iterdir()} == {made, looked_in}
    assert [path.name for path in (build / looked_in).iterdir()] == [NAME]


def test_a_folder_that_has_the_guests_own_name_stays_alone(tmp_path: Path) -> None:
    made = "lib.emscripten-4.0.12-wasm32-3.14"
    build = staged(tmp_path, f"build/{made}", "emscripten-4.0.12-wasm32")
    assert [path.name for path in build.iterdir()] == [made]


def test_a_cpython_without_the_file_gets_no_second_folder(tmp_path: Path) -> None:
    made = "lib.emscripten-wasm32-3.13"
    build = staged(tmp_path, f"build/{made}", "emscripten-3.1.69-wasm32", "_sysconfigdata__emscripten_.py")
    assert [path.name for path in build.iterdir()] == [made]


@pytest.mark.parametrize(
    ("target", "toolchain", "platform"),
    [
        (Target.EMSCRIPTEN, "3.1.73", "emscripten-3.1.73-wasm32"),
        (Target.EMSCRIPTEN, "6.0.11-git", "emscripten-6.0.11-wasm32"),
        (Target.WASI, "25", "wasi-0.0.0-wasm32"),
    ],
)
def test_the_guests_platform_is_that_of_its_uname(target: Target, toolchain: str, platform: str) -> None:
    assert guest_platform(target, toolchain) == platform
