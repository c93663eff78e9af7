"""Failure signatures: what stays the same from run to run."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.expectations.compare import compare_module, judge_outcome
from harness.expectations.entries import CellExpectations, Expectation
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, SubtestResult
from harness.results.signatures import (
    headline_of,
    is_signature,
    joined,
    place_of,
    same_failure,
    settled_signatures,
    signature_of,
)
from harness.results.verdicts import Verdict

CASE = "test.test_os.LinkTests.test_link"


def failed(outcome: Outcome, exception: str, message: str = "") -> CaseResult:
    return CaseResult(case=CASE, outcome=outcome, detail=Detail(exception=exception, message=message))


@pytest.mark.parametrize(
    ("outcome", "exception", "message", "signature"),
    [
        (Outcome.ERROR, "PermissionError", "[Errno 63] Operation not permitted: '/tmp/a'", "PermissionError EPERM"),
        (Outcome.ERROR, "OSError", "[Errno 138] Not supported", "OSError ENOTSUP"),
        (Outcome.ERROR, "OSError", "[Errno 58] Not supported", "OSError ENOTSUP"),
        (Outcome.ERROR, "OSError", "[Errno 999] what", "OSError errno 999"),
        (Outcome.FAIL, "AssertionError", "0x7f01 != 0x7f02", "AssertionError"),
        (Outcome.FAIL, "AssertionError", "the [Errno 2] is in the midst", "AssertionError"),
        (Outcome.ERROR, "test.test_os.<locals>.Odd", "", "test.test_os.<locals>.Odd"),
        (Outcome.ERROR, "<class at 0x7f3a>", "", "<class_at_N>"),
        (Outcome.CRASH, "wasm trap: call stack exhausted", "", "trap: stack exhausted"),
        (Outcome.CRASH, "RangeError: Maximum call stack size exceeded", "", "trap: stack exhausted"),
        (Outcome.CRASH, "InternalError: too much recursion", "", "trap: stack exhausted"),
        (Outcome.CRASH, "wasm trap: out of bounds memory access", "", "trap: memory out of bounds"),
        (Outcome.CRASH, "RuntimeError: memory access out of bounds", "", "trap: memory out of bounds"),
        (Outcome.CRASH, "memory fault at wasm address 0x1f2 in linear memory", "", "trap: memory out of bounds"),
        (Outcome.CRASH, "wasm trap: wasm `unreachable` instruction executed", "", "trap: unreachable"),
        (Outcome.CRASH, "wasm trap: indirect call type mismatch", "", "trap: indirect call"),
        (Outcome.CRASH, "the interpreter exited with status 3", "", "exit: 3"),
        (Outcome.CRASH, "the engine process ended with signal 11", "", "died: signal 11"),
        (Outcome.CRASH, "Aborted(12 at /a/b.c:7)", "", "abort: Aborted(N at PATH:N)"),
        (Outcome.CRASH, "", "", ""),
        (Outcome.TIMEOUT, "no progress for 120 s", "", ""),
        (Outcome.PASS, "", "", ""),
        (Outcome.SKIP, "", "", ""),
    ],
)
def test_the_signature_of_a_failure(outcome: Outcome, exception: str, message: str, signature: str) -> None:
    assert signature_of(failed(outcome, exception, message)) == signature


def test_a_case_that_failed_in_its_subtests_has_the_signature_of_the_first() -> None:
    subtests = tuple(
        SubtestResult(params="i=1", outcome=outcome, detail=Detail(exception=exception))
        for outcome, exception in ((Outcome.SKIP, "SkipTest"), (Outcome.FAIL, "AssertionError"))
    )
    assert signature_of(CaseResult(case=CASE, outcome=Outcome.FAIL, subtests=subtests)) == "AssertionError"


@given(st.sampled_from(Outcome), st.text("<. a²٣:\n"), st.text("[Errno 19] x"))
def test_every_failure_has_a_signature_that_a_list_can_hold_or_none(outcome: Outcome, first: str, second: str) -> None:
    signature = signature_of(failed(outcome, first, second))
    assert signature == signature_of(failed(outcome, first, second))
    assert not signature or is_signature(signature)


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_addresses_paths_and_numbers_do_not_matter(one: int, other: int) -> None:
    def signature(number: int) -> str:
        return signature_of(failed(Outcome.CRASH, f"odd fault {number} at {number:#x} of /tmp/{number}/x"))

    assert signature(one) == signature(other) == "trap: odd fault N at N of PATH"


def stack(*frames: str) -> str:
    """A stack of Python as it is kept, of `FILE FUNCTION`, the most recent call last."""
    lines = (f'  File "{file}", line 7 in {function}' for file, function in (frame.rsplit(" ", 1) for frame in frames))
    return "\n".join(["Stack (most recent call last):", *lines])


RUN = ("<frozen runpy> _run_code", *["/Lib/unittest/suite.py run", "/Lib/unittest/suite.py __call__"] * 3)
CHECK = "/Lib/test/test_compile.py check"


@pytest.mark.parametrize(
    ("frames", "place"),
    [
        ((*RUN, CHECK), "test/test_compile.py:check"),
        ((*RUN, CHECK, "/Lib/json/encoder.py _iterencode"), "json/encoder.py:_iterencode"),
        ((*RUN, CHECK, "<string> <module>", "<frozen codecs> decode"), "test/test_compile.py:check"),
        ((*RUN, "/lib/python3.14/copy.py Copier.<locals>.deepcopy"), "copy.py:deepcopy"),
        ((*RUN, "/lib/python313.zip/json/decoder.py <lambda>"), "json/decoder.py:<lambda>"),
        ((*RUN, "/given/test_faults.py test_1_aborts"), "given/test_faults.py:test_1_aborts"),
        ((*RUN, CHECK, "/tmp/tmpab12cd/mod.py f"), "test/test_compile.py:check"),
        (("<string> <module>",), ""),
        ((), ""),
        # Overwritten by a stack that grew over it.
        ((*RUN, "/Lib/te\ufffdt: check"), ""),
    ],
)
def test_the_place_of_a_crash_is_the_innermost_function_of_a_file(frames: tuple[str, ...], place: str) -> None:
    assert place_of(stack(*frames)) == place


def test_the_place_of_a_recursion_does_not_depend_on_where_in_it_the_stack_ends() -> None:
    cycle = ["/Lib/json/encoder.py walk_list", "/Lib/json/encoder.py walk_dict"] * 9
    ends = [[*RUN, CHECK, *cycle, *cycle[:more], *leaf] for more in (0, 1) for leaf in ((), ("/Lib/abc.py check",))]
    assert {place_of(stack(*frames)) for frames in ends} == {"json/encoder.py:walk_dict"}


def test_a_crash_has_its_place_in_its_signature_and_its_headline() -> None:
    detail = Detail(exception="wasm trap: unreachable", python_stack=stack(*RUN, CHECK))
    crashed = CaseResult(case=CASE, outcome=Outcome.CRASH, detail=detail)
    assert signature_of(crashed) == "trap: unreachable at test/test_compile.py:check"
    assert is_signature(signature_of(crashed))
    assert headline_of(detail) == "wasm trap: unreachable, at test/test_compile.py:check"
    assert headline_of(Detail(exception="exit: 3")) == "exit: 3"
    # A case that was stopped has a stack too, and a crash whose trap is not known has no signature.
    assert signature_of(msgspec.structs.replace(crashed, outcome=Outcome.TIMEOUT)) == ""
    assert signature_of(msgspec.structs.replace(crashed, detail=Detail(python_stack=detail.python_stack))) == ""


ANY, HERE, THERE = "trap: unreachable", "trap: unreachable at test/a.py:f", "trap: unreachable at test/b.py:g"


def test_a_signature_without_a_place_stands_for_any_place_of_its_kind() -> None:
    assert same_failure(ANY, HERE)
    assert same_failure(HERE, ANY)
    assert not same_failure(HERE, THERE)
    assert not same_failure("trap: stack exhausted", HERE)
    assert not same_failure("", HERE)
    assert not same_failure("trap: stack exhausted at test/a.py:f", HERE)


@pytest.mark.parametrize(
    ("seen", "settled"),
    [
        ((HERE, HERE), (HERE,)),
        ((ANY, HERE), (HERE,)),
        ((HERE, THERE), (ANY,)),
        ((THERE, "", "OSError"), ("OSError", THERE)),
        ((), ()),
    ],
)
def test_a_place_is_kept_only_when_all_runs_have_seen_the_same(seen: tuple[str, ...], settled: tuple[str, ...]) -> None:
    assert settled_signatures(seen) == settled


@pytest.mark.parametrize(
    ("listed", "further", "named"),
    [
        ((), (HERE, HERE), (HERE,)),
        ((ANY,), (HERE, THERE), (ANY,)),
        ((HERE,), (ANY,), (ANY,)),
        ((HERE, "OSError"), (THERE,), (ANY, "OSError")),
        # Two places are listed on purpose.
        ((HERE, THERE), ("OSError", THERE), (HERE, THERE, "OSError")),
        ((HERE, THERE), (ANY,), (ANY,)),
    ],
)
def test_signatures_are_joined_by_their_kinds(
    listed: tuple[str, ...], further: tuple[str, ...], named: tuple[str, ...]
) -> None:
    assert joined(listed, further) == named


def test_a_crash_elsewhere_has_changed_where_the_entry_names_a_place() -> None:
    def judged(signature: str, seen: str) -> Verdict:
        known = dataclasses.replace(entry(signature), outcome=(Outcome.CRASH,))
        return judge_outcome(Outcome.CRASH, known, seen)

    assert judged(HERE, HERE) is judged(ANY, HERE) is judged(HERE, ANY) is Verdict.KNOWN
    assert judged(HERE, THERE) is Verdict.CHANGED


def entry(*signature: str) -> Expectation:
    return Expectation(
        tests=(CASE,),
        outcome=(Outcome.ERROR, Outcome.TIMEOUT),
        signature=signature,
        reason="os.link() fails",
        limitation="fs-hard-links",
        place="expected_failures/fs.toml:1",
    )


def test_a_failure_with_another_signature_has_changed() -> None:
    known = entry("OSError ENOTSUP", "PermissionError EPERM")
    assert judge_outcome(Outcome.ERROR, known, "PermissionError EPERM") is Verdict.KNOWN
    assert judge_outcome(Outcome.ERROR, known, "OSError EIO") is Verdict.CHANGED
    assert judge_outcome(Outcome.ERROR, entry(), "OSError EIO") is Verdict.KNOWN
    assert judge_outcome(Outcome.PASS, known) is Verdict.FIXED


def test_an_outcome_without_a_signature_is_judged_by_itself() -> None:
    assert judge_outcome(Outcome.TIMEOUT, entry("OSError ENOTSUP")) is Verdict.KNOWN


def test_a_case_that_may_pass_has_changed_all_the_same_if_it_fails_otherwise() -> None:
    for outcomes in ((Outcome.FAIL, Outcome.PASS), (Outcome.PASS, Outcome.FAIL)):
        now_and_then = dataclasses.replace(entry("AssertionError"), outcome=outcomes)
        assert judge_outcome(Outcome.PASS, now_and_then) is Verdict.KNOWN
        assert judge_outcome(Outcome.FAIL, now_and_then, "AssertionError") is Verdict.KNOWN
        assert judge_outcome(Outcome.FAIL, now_and_then, "test.test_os.Odd") is Verdict.CHANGED
        assert judge_outcome(Outcome.ERROR, now_and_then, "AssertionError") is Verdict.CHANGED


def test_a_comparison_looks_at_the_signature_and_names_the_known_ones() -> None:
    case = failed(Outcome.ERROR, "OSError", "[Errno 29] I/O error")
    module = ModuleResult(module="test_os", outcome=Outcome.ERROR, seconds=1, attempts=1, complete=True, cases=(case,))
    (row,) = compare_module(module, CellExpectations({CASE: entry("OSError ENOTSUP")})).rows
    assert (row.verdict, row.signature) == (Verdict.CHANGED, ("OSError ENOTSUP",))
    assert msgspec.convert(msgspec.to_builtins(row), type(row)) == row
    assert row.expectation == "error or timeout by OSError ENOTSUP"
    timed_out = msgspec.structs.replace(row, outcome=Outcome.FAIL)
    assert timed_out.expectation == "error or timeout"
    assert compare_module(module, CellExpectations({CASE: entry("OSError EIO")})).is_as_expected
