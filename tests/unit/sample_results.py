"""Results that look like a run's, for the tests of the reports."""

from __future__ import annotations

import msgspec

from harness.expectations.compare import compare, set_apart
from harness.expectations.entries import CellExpectations, Expectation
from harness.manifest import Manifest
from harness.results.cell_results import CellResults, OtherSuite, RunInfo
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, SubtestResult, worst
from tests.unit.sample_cells import WASI

# What a test may print, on purpose: ends of elements, comments and sections, entities, marks that turn text around,
# lone surrogates, colors, workflow commands.
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror='hurt=1'><!-- ]]> &amp; \"' {{ 7*7 }} `x` |"
    " \u2028\u2029\u202e \ud800 \x00 \x1b[31mred\x1b[0m\r\n::error::%0A"
)
TRACEBACK = """\
Traceback (most recent call last):
  File "/Lib/test/test_os.py", line 1712, in test_link
    os.link(self.file1, self.file2)
OSError: [Errno 58] Not supported: 'a' -> 'b'
"""


def case(name: str, outcome: Outcome = Outcome.PASS, **detail: str) -> CaseResult:
    return CaseResult(case=f"test.{name}", outcome=outcome, seconds=0.25, detail=Detail(**detail))


def with_subtest(name: str, params: str, message: str) -> CaseResult:
    subtest = SubtestResult(
        params=params, outcome=Outcome.FAIL, detail=Detail(exception="AssertionError", message=message)
    )
    return CaseResult(case=f"test.{name}", outcome=Outcome.FAIL, seconds=0.25, subtests=(subtest,))


def module(name: str, *cases: CaseResult, outcome: Outcome | None = None, **rest: str) -> ModuleResult:
    return ModuleResult(
        module=name,
        outcome=outcome or worst([found.outcome for found in cases]),
        seconds=2.5,
        attempts=1,
        complete=True,
        cases=cases,
        detail=Detail(reason=rest.get("reason", "")),
        output=rest.get("output", ""),
    )


def expecting(test: str, *outcomes: Outcome, line: int = 12) -> Expectation:
    return Expectation(
        tests=(f"test.{test}",),
        outcome=outcomes or (Outcome.ERROR,),
        reason="os.link() fails with ENOSYS",
        limitation="fs-hard-links",
        place=f"expected_failures/wasi/fs.toml:{line}",
    )


def results(*modules: ModuleResult, entries: tuple[Expectation, ...] = (), complete: bool = True) -> CellResults:
    expected = CellExpectations({test: entry for entry in entries for test in entry.tests})
    return CellResults(
        cell=WASI,
        modules=modules,
        comparison=compare(modules, expected, complete=complete),
        run=RunInfo(
            started="2026-09-30T03:00:00+00:00",
            seconds=812.4,
            command="nox -s test-wasi",
            complete=complete,
            seed=42,
        ),
        build=Manifest.from_json({"cpython": "3.13.5", "configure": ["--with-pydebug"]}),
        engine={"name": "wasmtime", "version": "50.0.1"},
    )


def of_other_suite(found: CellResults, *differing: str, why: str = "") -> CellResults:
    """The results with the suite of 3.13.5 in an interpreter of 3.13.2, where these cases differ."""
    build = Manifest.from_json({"python": "3.13.2", "suite": {"version": "3.13.5"}})
    ids = tuple(f"test.{case}" for case in differing)
    other = OtherSuite(differing=ids, compared="" if why else "3.13.2", not_compared=why)
    comparison = set_apart(found.comparison, ids)
    return msgspec.structs.replace(found, build=build, comparison=comparison, other_suite=other)


def usual() -> CellResults:
    """One of everything: what passed, skipped, is known, and each kind of the unexpected."""
    return results(
        module(
            "test_os",
            case(
                "test_os.LinkTests.test_link",
                Outcome.ERROR,
                exception="OSError",
                message="[Errno 58] Not supported",
            ),
            case(
                "test_os.LinkTests.test_unicode_name",
                Outcome.ERROR,
                exception="OSError",
                message="[Errno 58] Not supported",
                traceback=TRACEBACK,
            ),
            case("test_os.StatTests.test_stat"),
            case("test_os.StatTests.test_stat_ns"),
            case("test_os.ForkTests.test_fork", Outcome.SKIP, reason="requires working os.fork()"),
            case("test_os.DeepTests.test_deep", Outcome.CRASH, exception="wasm trap: call stack exhausted"),
            output="Thread 0x1 most recent call first:\n  <no Python frame>\n",
        ),
        module("test_json", with_subtest("test_json.TestDecode.test_decimal", "(s='1.0')", "1 != 2")),
        module("test_mmap", outcome=Outcome.SKIP, reason="No module named 'mmap'"),
        entries=(
            expecting("test_os.LinkTests.test_link"),
            expecting("test_os.StatTests.test_stat", line=19),
            expecting("test_os.LinkTests.test_gone", line=26),
            expecting("test_json.TestDecode.test_decimal", Outcome.ERROR, Outcome.TIMEOUT, line=33),
        ),
    )


def as_expected() -> CellResults:
    """A green run with one known error."""
    return results(
        module(
            "test_os",
            case("test_os.LinkTests.test_link", Outcome.ERROR),
            case("test_os.StatTests.test_stat"),
            case("test_os.ForkTests.test_fork", Outcome.SKIP),
        ),
        entries=(expecting("test_os.LinkTests.test_link"),),
    )
