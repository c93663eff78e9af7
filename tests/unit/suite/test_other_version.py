"""Which cases two versions of a suite have differently: by their source and what it reaches, not by their files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.suite.other_version import differing_cases

MAIN = '''\
from test import list_tests
from test.support import os_helper
from . import mixins

LIMIT = 10

def helper(value):
    return value + LIMIT

class Base(mixins.Mixin, unittest.TestCase):
    kind = "base"

    def setUp(self):
        self.folder = os_helper.TESTFN

    def check(self, value):
        self.assertTrue(helper(value))

class PlainTests(Base):
    def test_plain(self):
        self.assertEqual(1, 1)

    def test_checked(self):
        self.check(1)

class OtherTests(list_tests.CommonTest):
    def test_plain(self):
        self.assertEqual(2, 2)

if True:
    class WindowsTests(unittest.TestCase):
        def test_windows(self):
            pass

def test_doctest():
    """>>> 1"""

def make(kind):
    class Made(unittest.TestCase):
        pass
    return Made
'''
FILES = {
    "test_main/__init__.py": "",
    "test_main/test_main.py": MAIN,
    "test_main/mixins.py": "class Mixin:\n    def test_mixed(self):\n        pass\n",
    "list_tests.py": "class CommonTest:\n    def test_common(self):\n        pass\n",
    "support/os_helper.py": "TESTFN = 'a'\n",
    "test_new_grammar.py": "match = = 1\n",
}
PLAIN, CHECKED = "PlainTests.test_plain", "PlainTests.test_checked"
INHERITED = "PlainTests.test_mixed"
OTHER, COMMON, WINDOWS, DOCTEST = (
    "OtherTests.test_plain",
    "OtherTests.test_common",
    "WindowsTests.test_windows",
    "test_doctest",
)
CASES = (PLAIN, CHECKED, INHERITED, OTHER, COMMON, WINDOWS, DOCTEST)


def laid(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def differing(tmp_path: Path, changes: Mapping[str, str], cases: tuple[str, ...]) -> set[str]:
    """Which of the cases of test_main.test_main differ where the other version has these files."""
    suite, own = laid(tmp_path / "suite", FILES), laid(tmp_path / "own", {**FILES, **changes})
    module, start = "test.test_main.test_main", "test.test_main.test_main."
    found = differing_cases(((module, f"{start}{case}") for case in cases), suite, own)
    return {case.removeprefix(start) for case in found}


@pytest.mark.parametrize(
    ("old", "new", "cases"),
    [
        ("assertEqual(1, 1)", "assertEqual(1, 3)", {PLAIN}),
        ("test_plain(self):\n        self.assertEqual(2, 2)", "test_plane(self):\n        pass", {OTHER}),
        ("return value + LIMIT", "return value", {CHECKED}),
        ("LIMIT = 10", "LIMIT = 11", {CHECKED}),
        ("assertTrue", "assertFalse", {CHECKED}),
        ("os_helper.TESTFN", "None", {PLAIN, CHECKED, INHERITED}),
        ('kind = "base"', 'kind = "other"', {PLAIN, CHECKED, INHERITED}),
        ("            pass\n\ndef", "            return\n\ndef", {WINDOWS}),
        ("class WindowsTests", "@windows\n    class WindowsTests", {WINDOWS}),
        (">>> 1", ">>> 2", {DOCTEST}),
        # A function that none of them names, and layout.
        ("return Made", "return None", set()),
        ("LIMIT = 10", "# Ten.\nLIMIT = (\n    10\n)", set()),
    ],
)
def test_a_case_differs_by_its_method_and_by_what_that_reaches(
    tmp_path: Path, old: str, new: str, cases: set[str]
) -> None:
    assert old in MAIN
    assert differing(tmp_path, {"test_main/test_main.py": MAIN.replace(old, new)}, CASES) == cases


def test_what_a_file_imports_of_the_suite_counts_but_for_the_support_of_all_tests(tmp_path: Path) -> None:
    common = FILES["list_tests.py"].replace("pass", "return")
    assert differing(tmp_path / "a", {"list_tests.py": common}, CASES) == {COMMON}
    mixin = FILES["test_main/mixins.py"].replace("pass", "return")
    assert differing(tmp_path / "b", {"test_main/mixins.py": mixin}, CASES) == {INHERITED}
    assert differing(tmp_path / "c", {"support/os_helper.py": "TESTFN = 'b'\n"}, CASES) == set()


def test_a_case_that_one_version_lacks_differs_and_one_that_neither_has_does_not(tmp_path: Path) -> None:
    without = MAIN.replace("test_checked", "test_renamed")
    changes = {"test_main/test_main.py": without}
    cases = (CHECKED, "PlainTests.test_renamed", "PlainTests.*", "OtherTests.*", "NoTests.test_gone")
    assert differing(tmp_path, changes, cases) == {CHECKED, "PlainTests.test_renamed", "PlainTests.*"}
    suite, own = laid(tmp_path / "suite", {"test_new.py": MAIN}), tmp_path / "own"
    gone = [
        ("test_new", "test.test_new.PlainTests.test_plain"),
        ("test_no", "test.test_no.T.test_a"),
        ("", "of no file"),
    ]
    assert differing_cases(gone, suite, own) == ("test.test_new.PlainTests.test_plain",)


def test_a_module_differs_by_what_runs_when_it_is_imported_and_a_fixture_by_its_class(tmp_path: Path) -> None:
    module, fixture = "test.test_main.test_main", "setUpClass (test.test_main.test_main.PlainTests)"
    for number, (old, new, found) in enumerate(
        [
            ("LIMIT = 10", "LIMIT = 11", (module, fixture)),
            ("assertEqual(2, 2)", "assertEqual(3, 3)", ()),
            ("assertEqual(1, 1)", "assertEqual(3, 3)", (fixture,)),
            ("from . import mixins", "from . import mixins\nimport dbm", (module,)),
        ]
    ):
        changed = {**FILES, "test_main/test_main.py": MAIN.replace(old, new)}
        suite, own = laid(tmp_path / f"suite{number}", FILES), laid(tmp_path / f"own{number}", changed)
        assert differing_cases([(module, module), (module, fixture)], suite, own) == found
        # The whole package: the row of regrtest's own module.
        assert bool(differing_cases([("test_main", "test.test_main")], suite, own)) == (module in found)


def test_a_file_that_this_python_cannot_read_is_compared_as_a_whole(tmp_path: Path) -> None:
    suite, own = laid(tmp_path / "suite", FILES), laid(tmp_path / "own", {**FILES, "test_new_grammar.py": "x = = 2\n"})
    case = ("test_new_grammar", "test.test_new_grammar.T.test_a")
    assert differing_cases([case], suite, own) == (case[1],)
    assert differing_cases([case], suite, suite) == ()


INSTALLED = """\
def install_tests():
    from test import test_origin
    from . import sibling
    for each in vars(test_origin).items():
        pass

install_tests()
"""


def test_a_class_that_a_function_takes_from_another_file_is_found_there(tmp_path: Path) -> None:
    """Like those of test_xml_etree_c, which are made of the classes of test_xml_etree."""
    origin = "class OldTests(unittest.TestCase):\n    def test_old(self):\n        pass\n"
    new = "    def test_new(self):\n        pass\n"
    suite = laid(tmp_path / "suite", {"test_c.py": INSTALLED, "test_origin.py": origin + new})
    own = laid(tmp_path / "own", {"test_c.py": INSTALLED, "test_origin.py": origin})
    cases = [("test_c", f"test.test_c.OldTests.test_{name}") for name in ("old", "new")]
    assert differing_cases(cases, suite, own) == ("test.test_c.OldTests.test_new",)


def test_a_data_file_that_a_case_names_counts(tmp_path: Path) -> None:
    text = "class Tests(unittest.TestCase):\n    def test_a(self):\n        findfile('expect.html')\n"
    other = "    def test_b(self):\n        findfile('no_such.html')\n"
    files = {"test_data.py": text + other, "data/expect.html": "<p>"}
    suite = laid(tmp_path / "suite", files)
    own = laid(tmp_path / "own", {**files, "data/expect.html": "<br>", "data/unnamed.html": ""})
    cases = [("test_data", f"test.test_data.Tests.test_{name}") for name in "ab"]
    assert differing_cases(cases, suite, own) == ("test.test_data.Tests.test_a",)
