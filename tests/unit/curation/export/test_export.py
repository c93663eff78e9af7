"""The lists in the words of others."""

from __future__ import annotations

import dataclasses
import fnmatch
import json
import os
import re
from pathlib import Path

import pytest
from msgspec import structs

from harness.cli import main as cli
from harness.curation.export.formats import limitations_page, pyodide_entries, regrtest_patterns
from harness.curation.export.skip_patch import condition_in_python, skip_patch
from harness.errors import EXIT_CONFIG, EXIT_OK
from harness.expectations.entries import CellExpectations, Expectation, Expectations
from harness.expectations.files import read_lists
from harness.limitations.registry import Registry
from harness.matrix.conditions import read_condition
from harness.results.outcomes import Outcome
from harness.targets import Target
from tests.unit.report_runs import write_run
from tests.unit.sample_lists import REGISTRY, entry, limitation
from tests.unit.sample_results import case, expecting, module, results, usual

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


def test_an_entry_with_both_causes_is_shown_with_both() -> None:
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


def test_the_page_has_a_table_for_each_section_and_for_issues() -> None:
    system = dataclasses.replace(limitation("no-fork", *Target), section="Processes")
    registry = Registry({**REGISTRY.limitations, "no-fork": system})
    alone = Expectations(entries(entry()))
    assert limitations_page(registry, alone, []) == (
        "# Platform limitations\n\n"
        "What the documentation says does not work, and how many cases of the test suite are known to fail for it"
        ": as the lists name them, a class as one.\n\n"
        "## File system\n\n"
        "| statement | on | listed |\n"
        "| --- | --- | --- |\n"
        "| [fs-hard-links](https://x.org/#fs-hard-links) `fs-hard-links` | emscripten, wasi | 1 |\n"
        "| [wasi-no-dup](https://x.org/#wasi-no-dup) `wasi-no-dup` | wasi |  |\n\n"
        "## Processes\n\n"
        "| statement | on | listed |\n"
        "| --- | --- | --- |\n"
        f"| [no-fork](https://x.org/#no-fork) `no-fork` | {', '.join(Target)} |  |\n"
    )
    issue = Expectations(entries(entry(limitation="", issue='"https://x.org/1"')))
    page = limitations_page(registry, issue, [usual()])
    assert "to fail for it: in the newest run of each cell.\n" in page
    assert page.endswith("## Issues\n\n| issue | wasi |\n| --- | --- |\n| <https://x.org/1> |  |\n")


def test_a_reason_in_another_script_stays_readable() -> None:
    (one,) = entries(entry(tests='["test.test_os"]', reason='"käme ñ"'))
    text, _ = pyodide_entries(CellExpectations(dict.fromkeys(one.tests, one)), MODULES)
    assert text == '- test_os:\n    xfail: "käme ñ (fs-hard-links)"\n'
    (case,) = entries(entry(tests='["test.test_os.T.test_ä[1]"]'))
    text, _ = pyodide_entries(CellExpectations(dict.fromkeys(case.tests, case)), MODULES)
    assert text.endswith('- "test.test_os.T.test_ä[[]1]"\n')


@pytest.mark.parametrize(
    ("when", "expression", "left_out"),
    [
        ({}, "support.is_emscripten or support.is_wasi", ()),
        ({"target": "wasi"}, "support.is_wasi", ()),
        (
            {"engine": "node", "python": "<3.14"},
            'support.is_emscripten and sys._emscripten_info.runtime.startswith("Node.js")',
            (),
        ),
        ({"engine": "wasmtime"}, "support.is_wasi", ()),
        ({"engine": "chromium"}, "support.is_emscripten", ("engine",)),
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
        ({"emscripten": ">=4,!=4.0.1"}, "support.is_emscripten", ("emscripten",)),
        ({"emscripten": "<4.0.0a1"}, "support.is_emscripten", ("emscripten",)),
        (
            {"emscripten": ">3,<=4.0.1"},
            (
                "support.is_emscripten and sys._emscripten_info.emscripten_version > (3,)"
                " and sys._emscripten_info.emscripten_version <= (4, 0, 1)"
            ),
            (),
        ),
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
    found = skip_patch((one,), lambda name: text if name == "Lib/test/test_os.py" else None)
    added = [line[1:] for line in found.text.splitlines() if line.startswith("+") and not line.startswith("+++")]
    removed = [line for line in found.text.splitlines() if line.startswith("-") and not line.startswith("---")]
    assert removed == []
    return found.text, found.remarks, added


def test_a_skip_is_put_above_the_other_decorators_with_its_import() -> None:
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


UNUSUAL = '''\
"""Tests."""
import os.path as path
try:
    import ctypes
except ImportError:
    ctypes = None
from test import \\
    support


class Far:
    def test_far(self):
        pass


class Near(Far):
    def test_a(self):
        def test_b():
            pass

    @staticmethod
    @support.cpython_only
    def test_a(self):
        pass


class Last(Near, os.PathLike):
    class Inner:
        def test_a(self):
            pass


import unittest as late
'''


def test_entries_of_one_file_are_one_patch() -> None:
    text = entry(tests='["test.test_os.LinkTests.test_link"]', reason='"one"', when='{ target = "emscripten" }')
    text += entry(tests='["test.test_os.LinkTests.test_other"]', reason='"two"', when='{ target = "emscripten" }')
    found = skip_patch(entries(text), lambda name: SOURCE if name == "Lib/test/test_os.py" else None)
    assert found.text.count("--- a/Lib/test/test_os.py") == 1
    added = [line[1:].strip() for line in found.text.splitlines() if line.startswith("+") and line[1:2] != "+"]
    assert [line for line in added if line.startswith('"')] == ['"one")', '"two")']
    assert len([line for line in added if line == "import unittest"]) <= 1


def test_a_file_that_this_python_cannot_read_is_reported() -> None:
    (one,) = entries(entry(tests='["test.test_os.LinkTests.test_link"]'))
    found = skip_patch((one,), lambda name: "def f(: pass\n" if name == "Lib/test/test_os.py" else None)
    assert found.text == ""
    assert list(found.remarks.values()) == ["is in a file whose syntax is newer than that of this Python"]


def test_a_long_reason_is_wrapped_to_79_columns() -> None:
    reason = (
        "For a directive that it does not know musl's strftime() gives 0, and CPython raises ValueError as the test"
    )
    (one,) = entries(entry(tests='["test.test_os.LinkTests.test_link", "test.test_os"]', reason=f'"{reason}"'))
    found = skip_patch((one,), lambda name: SOURCE if name == "Lib/test/test_os.py" else None)
    added = [line[1:] for line in found.text.splitlines() if line.startswith("+")]
    assert max(map(len, added)) <= 79
    # Python puts the parts of the string together.
    assert re.sub(r'"\n *"', "", "\n".join(added)).count(f'"{reason}")') == 2


def test_the_last_of_two_definitions_is_skipped_above_all_its_decorators() -> None:
    (one,) = entries(
        entry(
            tests='["test.test_os.Near.test_a", "test.test_os.Last.test_far"]',
            reason='"käme"',
            when='{ target = "emscripten", emscripten = "<4" }',
        )
    )
    found = skip_patch((one,), lambda name: UNUSUAL if name == "Lib/test/test_os.py" else None)
    condition = "support.is_emscripten and sys._emscripten_info.emscripten_version < (4,)"
    assert found.text == (
        "--- a/Lib/test/test_os.py\n+++ b/Lib/test/test_os.py\n@@ -6,9 +6,13 @@\n     ctypes = None\n"
        " from test import \\\n"
        "     support\n+import sys\n+import unittest\n \n \n class Far:\n"
        f'+    @unittest.skipIf({condition},\n+                     "käme")\n'
        "     def test_far(self):\n         pass\n \n"
        "@@ -18,6 +22,8 @@\n         def test_b():\n             pass\n \n"
        f'+    @unittest.skipIf({condition},\n+                     "käme")\n'
        "     @staticmethod\n     @support.cpython_only\n     def test_a(self):\n"
    )
    assert list(found.remarks) == ["test.test_os.Last.test_far"]


def test_a_function_within_another_one_is_not_a_test_and_nothing_is_patched() -> None:
    text, remarks, added = patched(
        UNUSUAL,
        "test.test_os.test_a",
        "test.test_os.Near.test_b",
        "test.test_os.Last.test_gone",
        "after (test.test_os.Near.test_a)",
    )
    assert (text, added) == ("", [])
    assert len(remarks) == 4


def test_a_module_without_imports_is_skipped_at_its_beginning() -> None:
    _, _, added = patched("class Whole:\n    pass\n", "test.test_os")
    assert added[:3] == ["from test import support", "import unittest", ""]


def test_what_is_inherited_or_not_there_is_reported() -> None:
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
        "test.test_so.X.test_a": "has no file of that name, or none in UTF-8",
    }


def test_the_command_exports_and_names_what_it_could_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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


@pytest.mark.usefixtures("empty_cache")
def test_the_page_of_limitations_counts_what_the_newest_of_several_runs_knew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = "test_os.LinkTests.test_link"
    known = dataclasses.replace(expecting(link), limitation="", issue="https://x.org/1")
    failing = results(module("test_os", case(link, Outcome.ERROR)), entries=(known,))
    before = results()
    older = structs.replace(before, run=structs.replace(before.run, started="2026-09-29T03:00:00+00:00"))
    write_run(tmp_path / "runs" / "old", {"wasi": older})
    write_run(tmp_path / "runs" / "new", {"wasi": failing})
    out, _ = exported(
        capsys, "limitations", *map(str, sorted((tmp_path / "runs").iterdir())), *project(tmp_path, own(link))
    )
    assert out.splitlines()[-3:] == ["| issue | wasi |", "| --- | --- |", "| <https://x.org/1> | 1 |"]


def project(tmp_path: Path, text: str) -> list[str]:
    """Options that name lists with that text, and reports without a run."""
    lists = tmp_path / "expected_failures"
    lists.mkdir()
    (lists / "limitations.toml").write_text("")
    (lists / "a.toml").write_text(text)
    return ["--lists", str(lists), "--reports", str(tmp_path / "reports")]


def own(*tests: str, when: str = "") -> str:
    names = ", ".join(f'"{test}"' for test in tests)
    return entry(tests=f"[{names}]", limitation="", issue='"https://x.org/1"', when=when)


def exported(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = EXIT_OK) -> tuple[str, str]:
    assert cli.main(["export", *arguments]) == status
    found = capsys.readouterr()
    return found.out, found.err


def test_modules_are_those_of_the_cell_or_else_of_any_other(
    tmp_path: Path, empty_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = project(tmp_path, own("test.test_json", "test.test_os.T.test_a", "test.helper.T.test_a"))
    for cell, modules in (("wasi", ["test_json"]), ("emscripten-3.1.69", ["test_os"])):
        listing = empty_cache / "builds" / f"{cell}-0123456789abcdef" / "modules.json"
        listing.parent.mkdir(parents=True)
        listing.write_text(json.dumps(modules))
        (listing.parent / "manifest.json").write_text('{"python": "3.13.5"}')
    out, err = exported(capsys, "pyodide", "wasi", *common)
    assert out == '- test_json:\n    xfail: "os.link() fails with ENOSYS (https://x.org/1)"\n'
    assert err.splitlines() == [
        "note: the modules are those of the build wasi-0123456789abcdef",
        *(
            f"note: {test} is left out: its id does not say its module"
            for test in ("test.helper.T.test_a", "test.test_os.T.test_a")
        ),
    ]
    out, _ = exported(capsys, "pyodide", "emscripten-3.1.69", *common)
    assert out.startswith("- test_os:\n")
    out, err = exported(capsys, "regrtest", "emscripten-4.0.12", *common)
    assert ("test.test_json\n" in out or "test.test_json.*\n" in out, err) == (
        True,
        "note: the modules are those of the build wasi-0123456789abcdef\n",
    )


@pytest.mark.usefixtures("empty_cache")
def test_lists_with_mistakes_are_not_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = exported(capsys, "limitations", *project(tmp_path, own("no id")), status=EXIT_CONFIG)
    assert "the expectation lists have mistakes" in err
    assert "a.toml:2: expect.tests: 'no id' is no test id" in err


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("test.test_os.T.test_a", "is in several entries: expected_failures/a.toml:1, expected_failures/a.toml:8"),
        ("test.test_os.T.test_bb", "did you mean 'test.test_os.T.test_b'?"),
        ("expected_failures/aa.toml:8", "did you mean 'expected_failures/a.toml:8'?"),
        ("a.toml:99", "no entry has the test or the place 'a.toml:99'"),
    ],
)
@pytest.mark.usefixtures("empty_cache")
def test_an_entry_is_named_by_one_of_its_tests_or_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, message: str
) -> None:
    text = own("test.test_os.T.test_a", when=WASI) + own(
        "test.test_os.T.test_a", "test.test_os.T.test_b", when='{ target = "emscripten" }'
    )
    _, err = exported(capsys, "patch", word, *project(tmp_path, text), status=EXIT_CONFIG)
    assert message in err


def source_of(root: Path, version: str) -> list[str]:
    """Options that name a source of that CPython."""
    (root / "Lib" / "test").mkdir(parents=True)
    (root / "Lib" / "test" / "test_os.py").write_text(SOURCE)
    (root / "Include").mkdir()
    (root / "Include" / "patchlevel.h").write_text(f'#define PY_VERSION "{version}"\n')
    return ["--source", str(root)]


@pytest.mark.usefixtures("empty_cache")
def test_any_line_of_an_entry_is_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = [own(f"test.test_os.LinkTests.{name}", when=WASI) for name in ("test_other", "test_link")]
    common = [*project(tmp_path, "\n".join(texts)), *source_of(tmp_path / "cpython", "3.13.5")]
    lines = (tmp_path / "expected_failures" / "a.toml").read_text().splitlines()
    begin = max(number for number, line in enumerate(lines, 1) if line == "[[expect]]")
    for line in range(begin, len(lines) + 1):
        assert "def test_link" in exported(capsys, "patch", f"a.toml:{line}", *common)[0]
    for line in range(1, begin):
        assert "def test_other" in exported(capsys, "patch", f"a.toml:{line}", *common)[0]


@pytest.mark.usefixtures("empty_cache")
def test_no_patch_is_made_for_a_cpython_that_the_entry_is_not_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = project(tmp_path, own("test.test_os.LinkTests.test_link", when='{ target = "wasi", python = "<3.14" }'))
    older, newer = source_of(tmp_path / "older", "3.13.5"), source_of(tmp_path / "newer", "3.14.0a2+")
    assert "+        @unittest.skipIf(" in exported(capsys, "patch", "a.toml:1", *common, *older)[0]
    out, err = exported(capsys, "patch", "a.toml:1", *common, *newer, status=EXIT_CONFIG)
    assert not out
    assert f"holds for CPython <3.14, and {tmp_path / 'newer'} is 3.14.0a2+: there is nothing to skip" in err


@pytest.mark.usefixtures("empty_cache")
def test_without_an_entry_the_message_says_how_a_place_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, err = exported(capsys, "patch", "a.toml:1", *project(tmp_path, ""), status=EXIT_CONFIG)
    assert "a place is named as fs.toml:12" in err


def test_a_patch_is_of_the_newest_source_in_the_cache(
    tmp_path: Path, empty_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = project(tmp_path, own("test.test_os.LinkTests.test_link", "test.test_os.LinkTests.test_gone"))
    arguments = ["patch", "expected_failures/a.toml:1", *common]
    _, err = exported(capsys, *arguments, status=EXIT_CONFIG)
    assert "there is no source of CPython in the cache" in err
    for age, name in enumerate(("new", "old")):
        folder = empty_cache / "sources" / name / "tree" / "Lib" / "test"
        folder.mkdir(parents=True)
        (folder / "test_os.py").write_text(SOURCE if name == "new" else "")
        os.utime(folder, (1e9 - age, 1e9 - age))
    out, err = exported(capsys, *arguments)
    assert "+        @unittest.skipIf(" in out
    assert err.startswith("note: test.test_os.LinkTests.test_gone is not defined in its file")
