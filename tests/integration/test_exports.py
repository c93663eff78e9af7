"""The exports, read by those they are for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.curation.export.formats import regrtest_patterns
from harness.curation.export.skip_patch import skip_patch
from harness.expectations.entries import CellExpectations
from harness.expectations.files import read_lists
from harness.util.process import Command, run
from tests.unit.curation.export.test_export import SOURCE
from tests.unit.sample_lists import REGISTRY, entry

pytestmark = pytest.mark.integration


def test_regrtest_leaves_out_what_the_file_names(tmp_path: Path) -> None:
    for name in ("test.libregrtest", "test.test_bool", "test.test_cmath"):
        pytest.importorskip(name, reason="this Python came without its test suite, or with a part of it")
    tests = ["test.test_bool.BoolTest.test_repr", "setUpClass (test.test_cmath.CMathTests)"]
    entries = read_lists({"a.toml": entry(tests=str(tests).replace("'", '"'))}, REGISTRY).entries
    patterns = regrtest_patterns(CellExpectations(dict.fromkeys(tests, entries[0])), ["test_bool", "test_cmath"])
    (tmp_path / "ignored.txt").write_text(patterns)
    argv = (sys.executable, "-m", "test", "--list-cases", "--ignorefile", "ignored.txt", "test_bool", "test_cmath")
    listed = run(Command(argv=argv, cwd=tmp_path)).output.split()
    assert "test.test_bool.BoolTest.test_str" in listed
    assert "test.test_bool.BoolTest.test_repr" not in listed
    assert not any("CMathTests" in case for case in listed)


def test_git_applies_the_patch_and_the_skip_skips(tmp_path: Path) -> None:
    source = tmp_path / "Lib" / "test" / "test_os.py"
    source.parent.mkdir(parents=True)
    source.write_text(SOURCE)
    (one,) = read_lists({"a.toml": entry(tests='["test.test_os.LinkTests.test_link"]')}, REGISTRY).entries
    patch = skip_patch((one,), lambda name: SOURCE if (tmp_path / name) == source else None).text
    (tmp_path / "skip.patch").write_text(patch)
    done = run(Command(argv=("git", "apply", "skip.patch"), cwd=tmp_path))
    assert done.ok, done.output
    compile(source.read_text(), "test_os.py", "exec")
    assert source.read_text().count("@unittest.skipIf(support.is_emscripten or support.is_wasi,") == 1
