"""`python -m harness reduce CELL --case ID`: the smallest set of earlier cases that a failure needs, as a script too.

A case that fails in its module and not alone fails because of what ran before it. Its module runs again and again with
fewer of the cases before it, until none can be left out (ddmin: A. Zeller and R. Hildebrandt, Simplifying and Isolating
Failure-Inducing Input, 2002).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from harness.engines.protocol import Ending, GuestExit
from harness.errors import ConfigError, did_you_mean
from harness.results.case_ids import dotted
from harness.results.command_line import ABOUT, RunOptions, case_word, literal, split_word
from harness.results.outcomes import DEATHS, CaseResult, Detail, ModuleResult, Outcome
from harness.results.signatures import same_failure, signature_of
from harness.run.interpreter import run_interpreter
from harness.run.own_tests import OwnTests
from harness.run.prepare import BuildRequest, expectations_for, prepare
from harness.run.prepared import Prepared
from harness.run.selection import choose
from harness.suite.module import ModuleJob, run_module
from harness.suite.regrtest import exact_pattern, trap_headline
from harness.util.files import make_folder, write_atomically
from harness.util.paths import shown
from harness.util.text import counted, plain


@dataclass(frozen=True, kw_only=True)
class Reduced:
    """What was found: the failure of a case, the `earlier` cases that it needs, of so many `before` it in its module,
    by so many `runs` of the module. `script` is the file that runs these cases, `ends_alike` whether the failure comes
    with it too. `own` says that the module is one of the user's own.
    """

    cell: str
    module: str
    failure: CaseResult
    earlier: tuple[CaseResult, ...]
    before: int
    runs: int
    script: Path
    ends_alike: bool
    own: bool = False


def reduce_case(
    cell: str, request: BuildRequest, case: str, into: Path, options: RunOptions, *, tests: OwnTests | None = None
) -> tuple[str, bool]:
    """Reduces the case, one of the suite or of the user's own `tests`, and writes the script into the folder. Gives the
    page, and whether the case fails at all. ConfigError for a case that there is not.
    """
    if tests and into.resolve().is_relative_to(tests.source.resolve()):
        raise ConfigError(f"{into} is in the folder of the tests, whose copy it would get", hint="name another --into")
    make_folder(into)
    prepared = prepare(cell, request)
    (module,) = choose(prepared, [case], tests=tests).modules
    runs = 0
    with tempfile.TemporaryDirectory() as scratch, closing(prepared.open_engine(Path(scratch) / "log", 0)) as engine:
        whole = _job(prepared, module, Path(scratch) / "module", tests)

        def run(match: tuple[str, ...]) -> ModuleResult:
            nonlocal runs
            runs += 1
            return run_module(replace(whole, match=match, excluded=() if match else whole.excluded), engine)

        failure, before = failure_in(run(()), literal(split_word(case)[1]))
        if failure.outcome.is_good:
            return f"{cell}: {plain(failure.case)} does not fail in its module: {failure.outcome}", False
        earlier = needed(failure, before, run)
    script = _script_in(into, failure, tests)
    write_atomically(script, script_of(cell, dotted(module, own=bool(tests)), script.name, failure, earlier))
    with tempfile.TemporaryFile() as printed:
        ending, _ = run_interpreter(prepared, [str(script)], printed, seconds=prepared.cell.case_timeout)
    found = Reduced(
        cell=cell,
        module=module,
        failure=failure,
        earlier=earlier,
        before=len(before),
        runs=runs,
        script=script,
        ends_alike=ends_alike(failure, ending),
        own=tests is not None,
    )
    return render_reduced(found, options), True


def _script_in(into: Path, failure: CaseResult, tests: OwnTests | None) -> Path:
    """Where the script goes: own tests are copied next to it, since it can import what stands there."""
    name = re.sub(r"[^0-9A-Za-z_]+", "-", failure.case.rpartition(".")[2]).strip("-")
    script = into / f"reduced-{name}.py"
    if tests:
        script = into / f"reduced-{name}" / script.name
        tests.copied_into(script.parent)
    return script


def _job(prepared: Prepared, module: str, folder: Path, tests: OwnTests | None) -> ModuleJob:
    """The whole module as a run has it."""
    expectations = expectations_for(prepared.cell, prepared.build)
    excluded = expectations.not_to_run(module, own=tests is not None)
    job = prepared.job(module, folder, match=(), excluded=excluded, should_stop=lambda: False)
    job = tests.given_to(job) if tests else job
    return replace(job, expects_hang=expectations.expects_hang)


def failure_in(result: ModuleResult, name: str) -> tuple[CaseResult, tuple[CaseResult, ...]]:
    """What the case does in its module, and the cases that ran before it in the same interpreter, in order. ConfigError
    when the module does not have it.
    """
    places = {case.case: number for number, case in enumerate(result.cases)}
    if name not in places:
        near = did_you_mean(name, places)
        raise ConfigError(
            f"{result.module} has no case {name!r}" + (f"; {near}" if near else ""),
            hint="a case is named as in results.json",
        )
    earlier = result.cases[: places[name]]
    # What took the interpreter down before began another one.
    deaths = [number for number, case in enumerate(earlier, 1) if case.outcome in DEATHS]
    ran = earlier[deaths[-1] if deaths else 0 :]
    return result.cases[places[name]], tuple(
        case for case in ran if case.outcome is not Outcome.NOT_RUN and not ABOUT.fullmatch(case.case)
    )


def needed(
    failure: CaseResult, before: Sequence[CaseResult], run: Callable[[tuple[str, ...]], ModuleResult]
) -> tuple[CaseResult, ...]:
    """The cases before it that all have to run for it to fail so. `run` runs the module with the cases that patterns
    match. ConfigError when all of them do not bring the failure about again.
    """

    def again(earlier: Sequence[CaseResult]) -> CaseResult | None:
        result = run(tuple(exact_pattern(case.unittest_id) for case in (*earlier, failure)))
        return next((case for case in result.cases if case.case == failure.case), None)

    def fails(earlier: Sequence[CaseResult]) -> bool:
        case = again(earlier)
        return case is not None and is_alike(case, failure)

    if fails(()):
        return ()
    whole = again(before)
    if whole is None or not is_alike(whole, failure):
        raise _not_brought_about(failure, whole, len(before))
    return tuple(ddmin(before, fails))


def _not_brought_about(failure: CaseResult, instead: CaseResult | None, before: int) -> ConfigError:
    """The error for a failure that does not come with all the cases that ran before it, in the words of both."""
    what = _in_words(instead) if instead else "did not run"
    if instead and instead.outcome is failure.outcome:
        hint = (
            "their signatures differ, which makes two failures of them: the command `again` of a failure shows its own"
        )
    else:
        hint = "it may be flaky: the command `again` of its failure runs it ten times with --verify 10"
    return ConfigError(
        f"{failure.case} in its module: {_in_words(failure)}; with the {counted(before, 'case')} that ran before it "
        f"alone: {what}",
        hint=hint,
    )


def _in_words(case: CaseResult) -> str:
    signature = signature_of(case)
    return f"{case.outcome} ({signature})" if signature else str(case.outcome)


def is_alike(case: CaseResult, other: CaseResult) -> bool:
    """Whether two results are one failure."""
    return case.outcome is other.outcome and same_failure(signature_of(case), signature_of(other))


def ddmin(cases: Sequence[CaseResult], fails: Callable[[Sequence[CaseResult]], bool]) -> list[CaseResult]:
    """A part of the cases, in their order, that still fails, and no longer does when any one of them is left out.

    `cases` as a whole fail. They are cut into two chunks; a chunk that fails alone is cut further, else what is left
    without a chunk that can go; where neither helps, chunks are halved until they are single cases.
    """
    left, chunks = list(cases), 2
    while len(left) > 1:
        size = -(-len(left) // chunks)
        parts = [left[at : at + size] for at in range(0, len(left), size)]
        rests = [[case for part in parts if part is not without for case in part] for without in parts]
        candidates = [(part, 2) for part in parts] + [(rest, max(chunks - 1, 2)) for rest in rests if len(parts) > 2]
        found = next(((part, number) for part, number in candidates if fails(part)), None)
        if found:
            left, chunks = found
        elif chunks >= len(left):
            break
        else:
            chunks = min(2 * chunks, len(left))
    return left


_SCRIPT = """\
# {case}: {what} on {cell}.
# Run it with: python -m harness python {cell} {name}

import importlib
import os
import sys
import tempfile
import unittest

MODULE = {module!r}
# In the order in which they run; the last one is the one that fails.
CASES = {cases}

tempfile.tempdir = "/scratch"
os.chdir("/scratch")


def flat(tests):
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


found = unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(MODULE))
suite = unittest.TestSuite(test for test in flat(found) if test.id() in CASES)
if suite.countTestCases() < len(CASES):
    print("a case of the module has another name now")
    sys.exit(2)
result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
failed = [test.id() for test, _ in (*result.failures, *result.errors)]
failed += [test.id() for test in result.unexpectedSuccesses]
# 1 if the last one fails, whose failure this is about; 2 if another one does.
sys.exit(1 if any(each.startswith(CASES[-1]) for each in failed) else 2 if failed else 0)
"""


def script_of(cell: str, module: str, name: str, failure: CaseResult, earlier: Sequence[CaseResult]) -> str:
    """The Python script of that name that runs the cases by unittest alone. Python imports `module` by that name."""
    cases = "".join(f"    {case.unittest_id!r},\n" for case in (*earlier, failure))
    return _SCRIPT.format(
        case=ascii(plain(failure.case))[1:-1],
        what=ascii(_what(failure))[1:-1],
        cell=cell,
        name=name,
        module=module,
        cases=f"[\n{cases}]",
    )


def ends_alike(failure: CaseResult, ending: GuestExit) -> bool:
    """Whether the script has ended as the case did: by the same trap or exit, not at all, or with the status of a
    failure.
    """
    if ending.ending is Ending.STOPPED or failure.outcome is Outcome.TIMEOUT:
        return ending.ending is Ending.STOPPED and failure.outcome is Outcome.TIMEOUT
    if failure.outcome is Outcome.CRASH:
        status = f"exit: {ending.status}" if ending.ending is Ending.EXITED else ""
        detail = Detail(exception=status or trap_headline(ending.reason), message=ending.reason)
        return is_alike(CaseResult(outcome=Outcome.CRASH, detail=detail), failure)
    return ending.ending is Ending.EXITED and ending.status == 1


def _what(failure: CaseResult) -> str:
    signature = signature_of(failure)
    return f"{failure.outcome} ({signature})" if signature else str(failure.outcome)


def render_reduced(found: Reduced, options: RunOptions) -> str:
    """What the failure needs, and the two commands that show it."""
    lines = [f"{found.cell}: {plain(found.failure.case)}: {_what(found.failure)}"]
    runs = counted(found.runs, "run")
    if found.earlier:
        number = counted(len(found.earlier), "case")
        lines.append(f"  it needs {number} of the {found.before:,} that run before it in its module ({runs}):")
        lines += [f"    {plain(case.case)}" for case in found.earlier]
    else:
        lines.append(
            f"  it fails so alone, without any of the {found.before:,} that run before it in its module ({runs})"
        )
    words = [
        word
        for case in (*found.earlier, found.failure)
        for word in ("--case", case_word(case.case, found.module, own=found.own))
    ]
    lines.append(f"  again   {options.command(found.cell, *words)}")
    build = msgspec.structs.replace(options, tests="")
    script = build.line(["python", *build.arguments(), found.cell, shown(found.script.absolute())])
    lines.append(f"  {'script' if found.ends_alike else 'script, which does not fail so'}  {script}")
    return "\n".join(lines)
