"""`python -m harness oracle CELL`: the harness held against CPython's own runner, on the same build.

regrtest runs every module in a process of its own and writes JUnit. Each case it reports must have the same
outcome here; every difference is listed with its reason, and one without a reason is a fault of the harness.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from harness.cache import remove_tree
from harness.errors import BuildError, ConfigError
from harness.matrix import Target
from harness.outcomes import CaseResult, ModuleResult, Outcome
from harness.prepare import Prepared, Wishes, load_configuration, prepare
from harness.process import Command, Completed, last_lines, run
from harness.recipes import wasi
from harness.recipes.targets import guest_environment
from harness.report.results import load_results

RUNNER = Path(__file__).parent / "engines" / "plain_runner.py"
# `-I` leaves the script's folder out of the path.
_BOOT = """\
import os, runpy, sys
sys.argv.pop(0)
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0])
"""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A case on which the two disagree. `ours` is None for a case the harness has not; `why` may be empty."""

    case: str
    theirs: Outcome
    ours: Outcome | None
    why: str


def consult(cell: str, modules: Sequence[str], workers: int) -> tuple[str, bool]:
    """Runs both on the cell, or on some of its modules. Gives the text, and whether all is explained."""
    prepared = prepare_for_regrtest(cell)
    folder = prepared.cache / "oracle"
    remove_tree(folder)
    folder.mkdir(parents=True)
    select = ("-k", " or ".join(modules)) if modules else ()
    argv = (
        sys.executable,
        "-m",
        "harness",
        "test",
        cell,
        "-n",
        str(workers),
        "--run-dir",
        str(folder),
        *select,
    )
    print(f"oracle {cell}: the harness's run", flush=True)
    run(Command(argv=argv, cwd=Path.cwd()), log=folder / "ours.log")
    ours = load_results(folder / cell / "results.json").modules
    print(f"oracle {cell}: regrtest's run", flush=True)
    run_regrtest(prepared, modules, folder, workers=workers)
    theirs = read_junit(folder / "regrtest.xml")
    found = differences(theirs, ours)
    return render(cell, theirs, found), all(difference.why for difference in found)


def prepare_for_regrtest(cell_id: str) -> Prepared:
    """The cell, ready to be tested by both. ConfigError when there is no plain runner for its target."""
    cell = load_configuration()[0].cell(cell_id)
    if cell.target is not Target.WASI:
        raise ConfigError(
            f"{cell.id}: regrtest has no plain runner for {cell.target} here yet", hint="WASI cells can be compared"
        )
    return prepare(cell_id, Wishes())


def run_regrtest(
    prepared: Prepared,
    modules: Sequence[str],
    folder: Path,
    *,
    workers: int,
    on_tick: Callable[[float], None] | None = None,
) -> Completed:
    """Runs the suite, or some modules, with the native build Python's regrtest; it writes folder/regrtest.xml.

    As the buildbots do it, with the plain runner in the place of the wasmtime program: one process per
    module, which may write into the whole tree. So it gets a copy of its own.
    """
    root = folder / "root"
    remove_tree(root)
    shutil.copytree(prepared.build.root, root, symlinks=True)
    _make_writable(root)
    guest_path = guest_environment(prepared.cell, prepared.series)["PYTHONPATH"]
    command = Command(
        argv=(*_regrtest_argv(prepared, root, folder, workers), *modules),
        cwd=root / prepared.build.manifest["layout"]["build_folder"],
        env=dict(os.environ) | {"GUEST_PYTHONPATH": guest_path},
    )
    done = run(command, log=folder / "regrtest.log", on_tick=on_tick)
    if not (folder / "regrtest.xml").exists():
        raise BuildError(
            f"regrtest {done.ending} and wrote no results:\n{last_lines(folder / 'regrtest.log')}",
            hint=f"run it by hand: {command.reproduce()}",
        )
    return done


def _regrtest_argv(prepared: Prepared, root: Path, folder: Path, workers: int) -> tuple[str, ...]:
    compiled, stack = folder / "plain.cwasm", wasi.wasm_stack(prepared.series)
    runner = (sys.executable, "-I", "-c", _BOOT, RUNNER, prepared.runtime, compiled, root, stack, "--")
    python = shlex.join([*map(str, runner), f"/{prepared.build.manifest['layout']['program']}"])
    options = ("-j", str(workers), "-u", prepared.cell.resources, "--timeout", "600", "--randseed", "0")
    junit = ("--junit-xml", str(folder / "regrtest.xml"))
    return (str(prepared.build.manifest["native"]), "-m", "test", *options, "--python", python, *junit)


def _make_writable(root: Path) -> None:
    for folder, _, files in os.walk(root):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o200)


def read_junit(path: Path) -> dict[str, Outcome]:
    """regrtest's outcomes by case. One that fails by its subtests alone has no name there, and is left out.

    An expected failure is an `<output>` element there, an unexpected success an `<outcome>`
    (Lib/test/libregrtest/testresult.py).
    """
    outcomes = {}
    for element in ElementTree.parse(path).iter("testcase"):
        if name := element.get("name"):
            outcomes[name] = _outcome_of({child.tag for child in element})
    return outcomes


def _outcome_of(tags: set[str]) -> Outcome:
    by_tag = {
        "error": Outcome.ERROR,
        "failure": Outcome.FAIL,
        "skipped": Outcome.SKIP,
        "output": Outcome.EXPECTED_FAILURE,
        "outcome": Outcome.UNEXPECTED_SUCCESS,
    }
    return next((outcome for tag, outcome in by_tag.items() if tag in tags), Outcome.PASS)


def differences(theirs: Mapping[str, Outcome], ours: Iterable[ModuleResult]) -> tuple[Difference, ...]:
    """The cases on which the two disagree, sorted. A case that only the harness reports is no difference."""
    cases = {case.case: case for module in ours for case in module.cases}
    found = []
    for name, outcome in theirs.items():
        case = cases.get(name)
        if case is None or case.outcome is not outcome:
            why = _explanation(name, outcome, case, cases)
            found.append(Difference(case=name, theirs=outcome, ours=case.outcome if case else None, why=why))
    return tuple(sorted(found, key=lambda difference: (difference.why, difference.case)))


def _explanation(name: str, theirs: Outcome, case: CaseResult | None, cases: Mapping[str, CaseResult]) -> str:
    """Why the two differ, as far as it lies in how they are made; empty when it does not."""
    owner = name.partition(" ")[0]
    if case is None and theirs is Outcome.SKIP and name != owner and owner in cases:
        return "regrtest gives a skipped subtest the place of its case; here it stands within it"
    if case is None or theirs is not Outcome.PASS:
        return ""
    if case.outcome is Outcome.SKIP and "write" in case.detail.reason:
        return "it wants to write into the library, which regrtest's run may and a guest of the harness may not"
    if case.outcome is Outcome.ERROR and "/../" in case.detail.message:
        return "its path climbs out of the scratch folder, which is mounted by itself here"
    return ""


def render(cell: str, theirs: Mapping[str, Outcome], found: Sequence[Difference]) -> str:
    """The differences, by reason, and a last line with the counts."""
    lines = []
    for why in dict.fromkeys(difference.why for difference in found):
        lines.append(why or "UNEXPLAINED")
        lines += [
            f"  {difference.case}: regrtest {difference.theirs}, here {difference.ours or 'no such case'}"
            for difference in found
            if difference.why == why
        ]
    unexplained = sum(not difference.why for difference in found)
    same = len(theirs) - len(found)
    lines.append(
        f"{cell}: {len(theirs):,} cases of regrtest's, {same:,} with the same outcome here, "
        f"{len(found) - unexplained} explained differences, {unexplained} unexplained"
    )
    return "\n".join(lines)
