"""Which tests skip when somebody else's archive does not have a file: those that say that they need one."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.integration

TESTS = """
import pytest
from harness.errors import OriginError, UnavailableError

@pytest.fixture(scope="session")
def build():
    raise OriginError("apt: gone.dsc\\n  404 Not Found", hint="try later")

@pytest.mark.toolchain
def test_needs_a_build(build): ...

@pytest.mark.toolchain
def test_needs_it_too(build): ...

@pytest.mark.toolchain
def test_asks_itself():
    raise OriginError("npm has no node 99")

@pytest.mark.toolchain
def test_does_not_work():
    raise UnavailableError("clang crashes")

def test_needs_nobody():
    raise OriginError("apt: gone.dsc")
"""
CONFTEST = """
from tests.integration.conftest import pytest_runtest_call, pytest_runtest_setup
"""


def test_only_a_test_that_needs_an_archive_skips_without_it(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nmarkers = toolchain")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    done = pytester.runpytest_inprocess("-rs", "-p", "no:cacheprovider")
    done.assert_outcomes(skipped=3, failed=2)
    reason = "SKIP*an archive that is not ours does not have it"
    done.stdout.fnmatch_lines_random([f"{reason}: apt: gone.dsc 404 Not Found", f"{reason}: npm has no node 99"])
    done.stdout.fnmatch_lines_random(["*UnavailableError: clang crashes", "*OriginError: apt: gone.dsc"])
