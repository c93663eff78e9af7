"""`cells`: one line for each, and what keeps one from being built."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.errors import EXIT_CONFIG, EXIT_OK
from harness.project import project_root


@pytest.fixture
def matrices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(project_root() / "matrices", tmp_path / "matrices")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "matrices"


def test_each_cell_is_one_line_unless_every_field_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cells", "wasi", "wasi-threads"]) == EXIT_OK
    short = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in short] == ["wasi", "wasi-threads"]
    assert short[1].endswith("  [broken]")
    assert main(["cells", "--long", "wasi", "wasi-threads"]) == EXIT_OK
    long = capsys.readouterr().out.splitlines()
    assert len(long) == 4
    assert "[broken: configure asks" in long[2]
    assert "toolchain=25" in long[1]


def test_a_cell_says_early_what_of_it_is_not_pinned(matrices: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (matrices / "default.toml").open("a") as stream:
        stream.write('\n[[cell]]\nid = "wasi-99-py3.14"\ntarget = "wasi"\ntoolchain = "99"\npython = "3.14"\n')
        stream.write('description = "d"\n')
    assert main(["cells", "wasi-99-py3.14"]) == EXIT_OK
    said = capsys.readouterr().out
    assert "[CPython 3.14 is not pinned; pinned: " in said
    assert "did you mean 3.14.10?]" in said
    assert "[WASI SDK 99 is not pinned; pinned: " in said
    assert main(["cells", "-l", "wasi-99-py3.14"]) == EXIT_OK
    assert "`python -m harness pins add wasi-sdk 99` pins it" in capsys.readouterr().out


def test_shards_are_those_of_jobs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cells", "--shards", "2"]) == EXIT_CONFIG
    assert "add --github" in capsys.readouterr().err
