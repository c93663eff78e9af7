"""Skips that are taken out of CPython's test files, and those that stay."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.curation.export.unskip import Tried, UnskipPatch, unskip_patch, without_skips
from harness.targets import Target

FILE = """\
import unittest
from test import support
from test.support import is_emscripten, is_wasi


class PosixTests(unittest.TestCase):

    @unittest.skipIf(support.is_emscripten, "getgid() is a stub")
    @unittest.skipUnless(hasattr(os, "chown"), "requires chown")
    def test_chown(self):
        pass

    @unittest.skipIf(
        is_emscripten or is_wasi,
        "umask is not implemented."
    )
    def test_umask(self):
        pass

    @support.skip_emscripten_stack_overflow()
    @support.skip_wasi_stack_overflow()
    def test_deep(self):
        pass

    @unittest.skipIf(support.is_emscripten and DEBUG, "requires deep stack")
    def test_debug(self):
        pass

    @support.requires_fork()
    def test_fork(self):
        pass


class HeirTests(PosixTests):
    pass


@unittest.skipIf(is_emscripten, "a class of its own")
class WholeTests(unittest.TestCase):
    def test_one(self):
        pass

    def test_two(self):
        pass
"""


def tried(name: str, reason: str, *, passed: bool = True, target: Target = Target.EMSCRIPTEN) -> Tried:
    return Tried(case=f"test.test_posix.{name}", target=target, reason=reason, passed=passed)


def changed(*cases: Tried) -> tuple[set[str], set[str]]:
    """The lines that go and those that come."""
    after, _ = without_skips(FILE, cases)
    old, new = FILE.splitlines(), after.splitlines()
    return {line.strip() for line in old if line not in new}, {line.strip() for line in new if line not in old}


def test_a_decorator_goes_when_its_case_passes_and_those_next_to_it_stay() -> None:
    gone, come = changed(tried("PosixTests.test_chown", "getgid() is a stub"))
    assert (gone, come) == ({'@unittest.skipIf(support.is_emscripten, "getgid() is a stub")'}, set())


def test_the_platform_on_which_the_case_passes_goes_out_of_a_condition_of_two() -> None:
    reason = "umask is not implemented."
    gone, come = changed(tried("PosixTests.test_umask", reason))
    assert come == {'@unittest.skipIf(is_wasi, "umask is not implemented.")'}
    assert "is_emscripten or is_wasi," in gone
    both = [tried("PosixTests.test_umask", reason, target=target) for target in Target]
    _, come = changed(*both)
    assert come == set()
    assert changed(both[0], tried("PosixTests.test_umask", reason, passed=False, target=both[1].target))[1]


def test_the_stack_s_own_decorators_go_by_their_platform() -> None:
    gone, _ = changed(tried("PosixTests.test_deep", "Exhausts limited stack on Emscripten"))
    assert gone == {"@support.skip_emscripten_stack_overflow()"}
    gone, _ = changed(tried("PosixTests.test_deep", "Exhausts stack on WASI", target=Target.WASI))
    assert gone == {"@support.skip_wasi_stack_overflow()"}


@pytest.mark.parametrize(
    "cases",
    [
        [tried("PosixTests.test_chown", "getgid() is a stub", passed=False)],
        [tried("PosixTests.test_chown", "another reason")],
        # One subclass fails, and the decorator is for the subclass too.
        [
            tried("PosixTests.test_chown", "getgid() is a stub"),
            tried("HeirTests.test_chown", "getgid() is a stub", passed=False),
        ],
        [
            tried("WholeTests.test_one", "a class of its own"),
            tried("WholeTests.test_two", "a class of its own", passed=False),
        ],
        # Needed on other platforms, and under a condition that is more than the platform.
        [tried("PosixTests.test_fork", "requires working os.fork()")],
        [tried("PosixTests.test_debug", "requires deep stack")],
        [tried("PosixTests.test_chown", "getgid() is a stub", target=Target.WASI)],
        [],
    ],
)
def test_what_is_needed_stays(cases: list[Tried]) -> None:
    assert without_skips(FILE, cases) == (FILE, 0)


def test_a_case_of_a_subclass_counts_for_the_decorator_that_it_inherits() -> None:
    gone, _ = changed(tried("HeirTests.test_chown", "getgid() is a stub"))
    assert len(gone) == 1


def test_a_class_runs_when_all_of_its_cases_pass() -> None:
    gone, _ = changed(*(tried(f"WholeTests.test_{name}", "a class of its own") for name in ("one", "two")))
    assert gone == {'@unittest.skipIf(is_emscripten, "a class of its own")'}


def patch_of(read: Callable[[str], str | None], *cases: Tried) -> UnskipPatch:
    return unskip_patch(cases, read)


def test_the_patch_names_the_file_and_counts_what_has_none() -> None:
    files = {"Lib/test/test_posix.py": FILE, "Lib/test/test_new.py": "type X = 1\ndef f[T"}
    elsewhere = Tried(case="test.made.up.T.test_x", target=Target.WASI, reason="x", passed=True)
    newer = Tried(case="test.test_new.T.test_x", target=Target.WASI, reason="x", passed=True)
    found = patch_of(files.get, tried("PosixTests.test_chown", "getgid() is a stub"), elsewhere, newer)
    assert found.text.startswith("--- a/Lib/test/test_posix.py\n+++ b/Lib/test/test_posix.py\n@@")
    assert (found.removed, found.homeless, found.unread) == (1, 1, ("Lib/test/test_new.py",))


def test_cases_of_a_package_are_in_its_own_file_or_in_its_init() -> None:
    case = Tried(
        case="test.test_posix.PosixTests.test_chown", target=Target.EMSCRIPTEN, reason="getgid() is a stub", passed=True
    )
    assert patch_of({"Lib/test/test_posix/__init__.py": FILE}.get, case).removed == 1


def test_a_decorator_stays_that_a_class_of_another_file_inherits_and_needs() -> None:
    reason = "getgid() is a stub"
    here = tried("PosixTests.test_chown", reason)
    heir = Tried(case="test.test_pathlib.PathTest.test_chown", target=Target.EMSCRIPTEN, reason=reason, passed=False)
    texts = {
        "Lib/test/test_posix.py": FILE,
        "Lib/test/test_pathlib.py": "class PathTest(test_posix.PosixTests): pass\n",
    }
    assert unskip_patch([here, heir], texts.get).removed == 0
    assert unskip_patch([here], texts.get).removed == 1
    # A case that passes there says nothing about a decorator here when its own cases were not tried.
    assert without_skips(FILE, [], [Tried(case=heir.case, target=heir.target, reason=reason, passed=True)])[1] == 0
