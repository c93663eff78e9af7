"""The skip audits of several builds in one table."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from harness.diagnostics.skip_audit import AUDIT_FILE, Forced
from harness.diagnostics.stale_skips import (
    Audit,
    read_audits,
    remarks_on,
    render_table,
    rows_of,
    table_of,
    tried_in,
    unskipped,
)
from harness.errors import ConfigError
from harness.results.cell_results import write_results
from harness.results.outcomes import Outcome
from harness.targets import Target
from tests.unit.sample_results import as_expected

UMASK, FORK = "umask is not implemented", "requires working os.fork()"


def forced(reason: str, *outcomes: Outcome) -> tuple[Forced, ...]:
    return tuple(
        Forced(case=f"test.test_x.T.test_{place}", outcome=outcome, limitation="fs-umask", reason=reason)
        for place, outcome in enumerate(outcomes)
    )


def audit(toolchain: str, *found: tuple[Forced, ...], target: Target = Target.EMSCRIPTEN) -> Audit:
    cases = tuple(case for group in found for case in group)
    cell = f"{target}-{toolchain}"
    return Audit(cell=cell, target=target, toolchain=toolchain, python="3.13.5", runtime="Node 24.19.0", found=cases)


PASS, FAIL, SKIP = Outcome.PASS, Outcome.FAIL, Outcome.SKIP


def test_a_reason_is_stale_from_the_first_build_from_which_on_all_its_cases_pass() -> None:
    builds = [
        audit("3.1.69", forced(UMASK, FAIL, PASS), forced(FORK, SKIP)),
        audit("4.0.12", forced(UMASK, PASS, PASS), forced(FORK, SKIP)),
        audit("6.0.5", forced(UMASK, PASS, PASS), forced(FORK, SKIP)),
    ]
    stale, needed = rows_of(builds)
    assert (stale.reason, stale.since) == (UMASK, builds[1])
    assert [stale.counts[build] for build in builds] == [(1, 2), (2, 2), (2, 2)]
    assert (needed.reason, needed.since) == (FORK, None)
    assert render_table([stale, needed], builds).splitlines() == [
        "1. emscripten-3.1.69: Emscripten 3.1.69, CPython 3.13.5, Node 24.19.0: 3 cases",
        "2. emscripten-4.0.12: Emscripten 4.0.12, CPython 3.13.5, Node 24.19.0: 3 cases",
        "3. emscripten-6.0.5: Emscripten 6.0.5, CPython 3.13.5, Node 24.19.0: 3 cases",
        "",
        "| passes from | 1 | 2 | 3 | reason | limitation |",
        "|---|---|---|---|---|---|",
        f"| 2: Emscripten 4.0.12 | 1/2 | 2/2 | 2/2 | {UMASK} | fs-umask |",
        "",
        "2 reasons; of 1 all cases pass on the newest build that has them",
        "not shown: 1 reason without a case that passes on any build (--all)",
    ]
    assert f"|  | 0/1 | 0/1 | 0/1 | {FORK} | fs-umask |" in render_table([stale, needed], builds, every=True)


def test_what_passed_once_and_fails_on_the_newest_is_not_stale() -> None:
    (row,) = rows_of([audit("3.1.69", forced(UMASK, PASS)), audit("6.0.5", forced(UMASK, FAIL))])
    assert row.since is None


def test_a_target_has_rows_of_its_own_and_a_build_that_does_not_skip_so_an_empty_cell() -> None:
    builds = [audit("6.0.5", forced(UMASK, PASS)), audit("25", forced(UMASK, FAIL), target=Target.WASI)]
    rows = rows_of(builds)
    assert [(row.target, row.since) for row in rows] == [(Target.EMSCRIPTEN, builds[0]), (Target.WASI, None)]
    assert f"| 1: Emscripten 6.0.5 | 1/1 |  | {UMASK} |" in render_table(rows, builds)


def test_what_stands_for_a_file_or_a_fixture_has_no_decorator() -> None:
    names = ["unittest.loader.ModuleSkipped.test.test_x", "setUpClass (test.test_x.T)", "test.test_x.T.test_a"]
    cases = [
        dataclasses.replace(case, case=name) for name, case in zip(names, forced(UMASK, PASS, PASS, PASS), strict=True)
    ]
    (only,) = tried_in([audit("6.0.5", tuple(cases))])
    assert (only.case, only.passed) == (names[2], True)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of a cell for WASI with its audit, and one that was not audited."""
    for name in ("audited", "other"):
        write_results(tmp_path / name / "wasi" / "results.json", as_expected())
    rows = [dataclasses.asdict(case) for case in forced(UMASK, PASS)]
    (tmp_path / "audited" / "wasi" / AUDIT_FILE).write_text(json.dumps(rows))
    return tmp_path


def test_audits_are_read_next_to_the_results_of_their_cells(run: Path) -> None:
    (found,) = read_audits([str(run / "audited"), str(run / "other")])
    assert found.title == "wasi: WASI SDK 25.0, CPython 3.13.5, wasmtime 50.0.1"
    assert f"| 1/1 | {UMASK} |" in table_of([str(run / "audited")])
    with pytest.raises(ConfigError, match="no cell there has been audited") as caught:
        read_audits([str(run / "other")])
    assert "audit-skips CELL" in caught.value.hint


@pytest.mark.parametrize("text", ["[1]", "{", '[{"case": "a", "outcome": "great", "limitation": "", "reason": ""}]'])
def test_a_file_that_is_not_an_audit_is_named(run: Path, text: str) -> None:
    path = run / "audited" / "wasi" / AUDIT_FILE
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"audit\.json is no audit of skips"):
        read_audits([str(run / "audited")])


def test_the_patch_is_for_a_source_tree(run: Path) -> None:
    runs = [str(run / "audited")]
    with pytest.raises(ConfigError, match="there is no Lib/test"):
        unskipped(runs, run)
    tests = run / "cpython" / "Lib" / "test"
    tests.mkdir(parents=True)
    (tests / "test_x.py").write_text(
        f'class T:\n    @unittest.skipIf(is_wasi, "{UMASK}")\n    def test_0(self):\n        pass\n'
    )
    patch = unskipped(runs, run / "cpython")
    assert f'-    @unittest.skipIf(is_wasi, "{UMASK}")\n' in patch.text
    assert remarks_on(patch) == "1 decorator removed or made narrower; run the tests of the patched tree"
    patch.unread, patch.homeless = ("Lib/test/test_new.py",), 2
    assert "Lib/test/test_new.py: not read, its syntax is newer than Python " in remarks_on(patch)
    assert "2 cases of classes that have no file" in remarks_on(patch)
