"""`python -m harness reduce CELL --case ID`: finds a minimal set of earlier cases that a failure needs, and writes a
script that runs them.

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
    """The result of a reduction: the failure of a case and the `earlier` cases that it needs. `before` is the number of
    cases before it in its module, `runs` the number of runs of the module that the reduction took. `script` is the file
    that runs these cases, and `ends_alike` says that it fails in the same way. `own` says that the module is one of the
    user's own.
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
    """Reduces the case, which is one of the suite or of the user's own `tests`, and writes the script into the folder.
    Returns the page, and whether the case fails at all. ConfigError for a case that does not exist.
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
    """The path of the script. The user's own tests are copied next to it, so that it can import them."""
    name = re.sub(r"[^0-9A-Za-z_]+", "-", failure.case.rpartition(".")[2]).strip("-")
    script = into / f"reduced-{name}.py"
    if tests:
        script = into / f"reduced-{name}" / script.name
        tests.copied_into(script.parent)
    return script


def _job(prepared: Prepared, module: str, folder: Path, tests: OwnTests | None) -> ModuleJob:
    """The job for the whole module, as in a run."""
    expectations = expectations_for(prepared.cell, prepared.build)
    excluded = expectations.not_to_run(module, own=tests is not None)
    job = prepared.job(module, folder, match=(), excluded=excluded, should_stop=lambda: False)
    job = tests.given_to(job) if tests else job
    return replace(job, expects_hang=expectations.expects_hang)


def failure_in(result: ModuleResult, name: str) -> tuple[CaseResult, tuple[CaseResult, ...]]:
    """The result of the case in its module, and the cases that ran before it in the same interpreter, in order.
    ConfigError when the module does not have the case.
    """
    places = {case.case: number for number, case in enumerate(result.cases)}
    if name not in places:
        near = did_you_mean(name, places)
        raise ConfigError(
            f"{result.module} has no case {name!r}" + (f"; {near}" if near else ""),
            hint="a case is named as in results.json",
        )
    earlier = result.cases[: places[name]]
    # After an earlier crash or hang the cases ran in another interpreter.
    deaths = [number for number, case in enumerate(earlier, 1) if case.outcome in DEATHS]
    ran = earlier[deaths[-1] if deaths else 0 :]
    return result.cases[places[name]], tuple(
        case for case in ran if case.outcome is not Outcome.NOT_RUN and not ABOUT.fullmatch(case.case)
    )


def needed(
    failure: CaseResult, before: Sequence[CaseResult], run: Callable[[tuple[str, ...]], ModuleResult]
) -> tuple[CaseResult, ...]:
    """The cases of `before` that all have to run for the failure to occur. `run` runs the module with the cases that
    the patterns match. ConfigError when the failure does not occur again even with all cases of `before`.
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
    """The error for a failure that does not occur again with all cases before it. It describes both results."""
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
    """Whether two results are the same failure."""
    return case.outcome is other.outcome and same_failure(signature_of(case), signature_of(other))


def ddmin(cases: Sequence[CaseResult], fails: Callable[[Sequence[CaseResult]], bool]) -> list[CaseResult]:
    """A minimal part of the cases, in their order: it fails, and it no longer does if any one case is left out.

    `cases` as a whole must fail. They are cut into two chunks. If a chunk alone fails, only that is kept; else, if the
    cases without a chunk fail, that chunk is removed; else the chunks are halved, until they are single cases.
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
    """The text of the Python script `name`, which runs the cases with unittest alone. `module` is the name by which it
    imports their module.
    """
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
    """Whether the script ended as the case did: by the same trap or exit, by a timeout, or with the exit status of a
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
    """The page: the cases that the failure needs, and the two commands that reproduce it."""
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
