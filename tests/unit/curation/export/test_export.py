"""The lists in the words of others."""

from __future__ import annotations

import fnmatch
from pathlib import Path

import pytest

from harness.cli import main as cli
from harness.curation.export.formats import limitations_page, pyodide_entries, regrtest_patterns
from harness.curation.export.skip_patch import condition_in_python, skip_patch
from harness.errors import EXIT_CONFIG, EXIT_OK
from harness.expectations.entries import CellExpectations, Expectation, Expectations
from harness.expectations.files import read_lists
from harness.matrix.conditions import read_condition
from tests.unit.sample_lists import REGISTRY, entry
from tests.unit.sample_results import usual

WASI = '{ target = "wasi" }'
MODULES = ("test_os", "test_json", "test.test_asyncio.test_tasks")


def entries(text: str) -> tuple[Expectation, ...]:
    found = read_lists({"fs.toml": text}, REGISTRY)
    assert not found.problems
    return found.entries


def expected(*tests: str) -> CellExpectations:
    return CellExpectations({test: entries(entry(tests=f'["{test}"]'))[0] for test in tests})


def test_a_pattern_for_regrtest_stands_for_all_that_the_id_stands_for() -> None:
    text = regrtest_patterns(
        expected(
            "test.test_os.LinkTests.test_link",
            "test.test_os.X.*",
            "setUpClass (test.test_os.Y)",
            "tearDownModule (test.test_json)",
            "test.test_json",
            "after (test.test_os.Z.test_a)",
            "test.test_os.P.test_[a]",
        ),
        MODULES,
    )
    assert text.splitlines() == [
        "test.test_json.*",
        "test.test_os.LinkTests.test_link",
        "test.test_os.P.test_[[]a]",
        "test.test_os.X.*",
        "test.test_os.Y.*",
        "test.test_os.Z.test_a",
    ]
    assert fnmatch.fnmatchcase("test.test_os.P.test_[a]", text.splitlines()[2])


def test_pyodide_skips_cases_and_leaves_out_modules_each_with_its_reason() -> None:
    text, homeless = pyodide_entries(
        expected(
            "test.test_os.LinkTests.test_link",
            "test.test_os.LinkTests.*",
            "setUpModule (test.test_json)",
            "test.test_asyncio.test_tasks.T.test_a",
            "test.datetimetester.T.test_a",
        ),
        MODULES,
    )
    assert text == (
        "- test_asyncio.test_tasks:\n"
        "    skip:\n"
        "      # os.link() fails with ENOSYS (fs-hard-links)\n"
        "      - test.test_asyncio.test_tasks.T.test_a\n"
        "- test_json:\n"
        '    xfail: "os.link() fails with ENOSYS (fs-hard-links)"\n'
        "- test_os:\n"
        "    skip:\n"
        "      # os.link() fails with ENOSYS (fs-hard-links)\n"
        '      - "test.test_os.LinkTests.*"\n'
        "      - test.test_os.LinkTests.test_link\n"
    )
    assert homeless == ("test.datetimetester.T.test_a",)


def test_an_entry_with_both_causes_is_told_with_both() -> None:
    (both,) = entries(entry(issue='"https://x.org/1"'))
    text, _ = pyodide_entries(CellExpectations(dict.fromkeys(both.tests, both)), MODULES)
    assert "      # os.link() fails with ENOSYS (fs-hard-links, https://x.org/1)\n" in text


def test_the_page_counts_what_is_listed_or_what_runs_knew() -> None:
    listed = Expectations(
        entries(
            entry(tests='["test.test_os.A.test_a", "test.test_os.A.*"]')
            + entry(tests='["test.test_os.B.test_b"]', limitation="", issue='"https://x.org/1"')
            + entry(tests='["test.test_os.C.test_c"]', limitation='"wasi-no-dup"', issue='"https://x.org/1"', when=WASI)
        )
    )
    page = limitations_page(REGISTRY, listed, [])
    assert "## File system" in page
    assert "| [fs-hard-links](https://x.org/#fs-hard-links) `fs-hard-links` | emscripten, wasi | 2 |" in page
    assert "| [wasi-no-dup](https://x.org/#wasi-no-dup) `wasi-no-dup` | wasi | 1 |" in page
    assert "| <https://x.org/1> | 2 |" in page
    page = limitations_page(REGISTRY, listed, [usual()])
    assert "| statement | on | wasi |" in page
    assert "`fs-hard-links` | emscripten, wasi | 1 |" in page


@pytest.mark.parametrize(
    ("when", "expression", "left_out"),
    [
        ({}, "support.is_emscripten or support.is_wasi", ()),
        ({"target": "wasi"}, "support.is_wasi", ()),
        ({"engine": "node", "python": "<3.14"}, "support.is_emscripten", ()),
        ({"pydebug": True}, "(support.is_emscripten or support.is_wasi) and support.Py_DEBUG", ()),
        (
            {"emscripten": ">=3.1.69,<4", "pthreads": False},
            (
                "support.is_emscripten and sys._emscripten_info.emscripten_version >= (3, 1, 69)"
                " and sys._emscripten_info.emscripten_version < (4,) and not support.can_start_thread"
            ),
            (),
        ),
        ({"emscripten": "4", "node": "<26"}, "support.is_emscripten", ("emscripten", "node")),
    ],
)
def test_a_condition_in_the_words_of_the_test_suite(
    when: dict[str, object], expression: str, left_out: tuple[str, ...]
) -> None:
    condition, mistakes = read_condition(when)
    assert not mistakes
    assert condition_in_python(condition) == (expression, left_out)


SOURCE = '''\
"""Tests of os."""
import os
from test import support


class Base:
    def test_shared(self):
        pass


class LinkTests(Base, os.PathLike):
    if True:
        @support.cpython_only
        def test_link(self):
            pass

    def test_other(self):
        pass


class Whole:
    pass
'''


def patched(text: str, *tests: str) -> tuple[str, dict[str, str], list[str]]:
    """The source with the skips, the remarks, and the lines that were added."""
    (one,) = entries(entry(tests=str(list(tests)).replace("'", '"'), when='{ target = "wasi" }'))
    found = skip_patch(one, lambda name: text if name == "Lib/test/test_os.py" else None)
    added = [line[1:] for line in found.text.splitlines() if line.startswith("+") and not line.startswith("+++")]
    removed = [line for line in found.text.splitlines() if line.startswith("-") and not line.startswith("---")]
    assert removed == []
    return found.text, found.remarks, added


def test_a_skip_stands_above_the_other_decorators_and_brings_its_import() -> None:
    text, remarks, added = patched(SOURCE, "test.test_os.LinkTests.test_link", "test.test_os.Whole.*")
    assert text.startswith("--- a/Lib/test/test_os.py\n+++ b/Lib/test/test_os.py\n")
    assert remarks == {}
    assert added == [
        "import unittest",
        "        @unittest.skipIf(support.is_wasi,",
        '                         "os.link() fails with ENOSYS")',
        "@unittest.skipIf(support.is_wasi,",
        '                 "os.link() fails with ENOSYS")',
    ]


def test_a_module_is_skipped_by_raising_at_its_top() -> None:
    _, _, added = patched(SOURCE, "setUpModule (test.test_os)")
    assert added == [
        "import unittest",
        "",
        "if support.is_wasi:",
        '    raise unittest.SkipTest("os.link() fails with ENOSYS")',
    ]


def test_what_is_inherited_or_not_there_is_told() -> None:
    _, remarks, added = patched(
        SOURCE, "test.test_os.LinkTests.test_shared", "test.test_os.LinkTests.test_gone", "test.test_so.X.test_a"
    )
    assert added[1] == "    @unittest.skipIf(support.is_wasi,"
    assert remarks == {
        "test.test_os.LinkTests.test_shared": (
            "is inherited: the skip stands where it is defined, for all that inherit it"
        ),
        "test.test_os.LinkTests.test_gone": (
            "is not defined in its file: it comes from another one, or is made while the tests run"
        ),
        "test.test_so.X.test_a": "has no file of that name",
    }


def test_the_command_exports_and_tells_what_it_could_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lists = tmp_path / "expected_failures"
    lists.mkdir()
    (lists / "limitations.toml").write_text("")
    (lists / "a.toml").write_text(
        entry(limitation="", issue='"https://x.org/1"', when='{ target = "wasi", wasmtime = ">=50" }')
    )
    source = tmp_path / "Lib" / "test" / "test_os.py"
    source.parent.mkdir(parents=True)
    source.write_text(SOURCE)
    common = ["--lists", str(lists), "--reports", str(tmp_path)]
    for place in ("a.toml:1", "test.test_os.LinkTests.test_link"):
        assert cli.main(["export", "patch", place, "--source", str(tmp_path), *common]) == EXIT_OK
        out, err = capsys.readouterr()
        assert "+        @unittest.skipIf(support.is_wasi," in out
        assert "note: wasmtime: no test can ask for it" in err
    assert cli.main(["export", "patch", "b.toml:1", "--source", str(tmp_path), *common]) == EXIT_CONFIG
    assert "no entry has the test or the place 'b.toml:1'" in capsys.readouterr().err
    assert cli.main(["export", "patch", "a.toml:1", "--source", str(lists), *common]) == EXIT_CONFIG
    assert "is no source of CPython" in capsys.readouterr().err


@pytest.mark.usefixtures("empty_cache")
def test_the_other_exports_are_commands_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lists = tmp_path / "expected_failures"
    lists.mkdir()
    (lists / "limitations.toml").write_text("")
    (lists / "a.toml").write_text(entry(limitation="", issue='"https://x.org/1"'))
    common = ["--lists", str(lists), "--reports", str(tmp_path)]
    assert cli.main(["export", "regrtest", "wasi", *common]) == EXIT_OK
    out, err = capsys.readouterr()
    assert out == "test.test_os.LinkTests.test_link\n"
    assert "no run and no build of wasi" in err
    assert cli.main(["export", "limitations", *common]) == EXIT_OK
    assert "| <https://x.org/1> | 1 |" in capsys.readouterr().out
    assert cli.main(["export", "pyodide", "emscripten-3.1.69", *common]) == EXIT_CONFIG
    assert "its modules are not known" in capsys.readouterr().err
    assert cli.main(["export", "pyodide", "emscripten-3", *common]) == EXIT_CONFIG
