"""Which skips are looked at behind open gates, and what is said of what they hid."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

from harness.diagnostics import skip_audit
from harness.diagnostics.skip_audit import (
    Forced,
    audit_cell,
    audited,
    explained_by,
    named_modules,
    patterns,
    render_audit,
)
from harness.errors import ConfigError
from harness.limitations.skips import Elsewhere, Skip, SkipAccount, SkipCause
from harness.results.outcomes import Outcome
from harness.run.prepare import BuildRequest
from tests.unit.sample_results import as_expected

LIMITATION = SkipCause(id="wasi-no-threads", is_limitation=True)


def skip(
    case: str,
    module: str = "test_os",
    cause: SkipCause | None = LIMITATION,
    elsewhere: Elsewhere = Elsewhere.UNKNOWN,
) -> Skip:
    return Skip(case=case, module=module, reason="requires threading support", cause=cause, elsewhere=elsewhere)


def test_only_what_a_limitation_explains_and_only_here_is_looked_at() -> None:
    skips = (
        skip("test.test_os.T.a"),
        skip("test.test_os.T.b", elsewhere=Elsewhere.EVERYWHERE),
        skip("test.test_os.T.c", cause=None),
        skip("test.test_os.T.d", cause=SkipCause(id="other-system", is_limitation=False)),
        skip("test.test_x", module="test_x", elsewhere=Elsewhere.ONLY_HERE),
    )
    assert audited(SkipAccount(skips=skips)) == {"test_os": (skips[0],), "test_x": (skips[4],)}


@pytest.mark.parametrize(
    ("cases", "wanted"),
    [
        (["test.test_os.T.a", "test.test_os.T.b"], ("test.test_os.T.a", "test.test_os.T.b")),
        (["setUpClass (test.test_os.T)"], ("test.test_os.T.*",)),
        (["unittest.loader.ModuleSkipped.test.test_os.sub"], ("test.test_os.sub.*",)),
        (["test.test_os.T.a", "setUpModule (test.test_os)"], ()),
        (["test.test_os.T.a", "test.test_os"], ()),
    ],
)
def test_the_cases_are_asked_for_by_pattern(cases: list[str], wanted: tuple[str, ...]) -> None:
    assert patterns([skip(case) for case in cases]) == wanted


@pytest.mark.parametrize(
    ("skipped", "case", "explained"),
    [
        ("test.test_os.T.a", "test.test_os.T.a", True),
        ("test.test_os.T.a", "test.test_os.T.ab", False),
        ("setUpClass (test.test_os.T)", "test.test_os.T.a", True),
        ("setUpClass (test.test_os.T)", "test.test_os.TT.a", False),
        ("unittest.loader.ModuleSkipped.test.test_os.sub", "test.test_os.sub.T.a", True),
        ("test.test_os", "test.datetimetester.T.a", True),
    ],
)
def test_a_case_is_led_back_to_the_skip_that_hid_it(skipped: str, case: str, explained: bool) -> None:
    assert (explained_by(case, [skip(skipped)]) is not None) is explained


def test_the_folders_that_guests_get_are_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The engine's process has another current folder than the user's shell."""
    seen: list[Path] = []

    def audit(prepared: object, account: object, folder: Path, **options: object) -> tuple[Forced, ...]:
        seen.append(folder)
        return ()

    results = as_expected()
    answers = {"load_results": results, "prepare": None, "account_for": SkipAccount(skips=())}
    for name, answer in answers.items():
        monkeypatch.setattr(skip_audit, name, Mock(return_value=answer))
    monkeypatch.setattr(skip_audit, "audit", audit)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "results.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    audit_cell(results.cell.id, BuildRequest(), "run/results.json", [], 1)
    assert seen == [tmp_path / "run"]


def test_the_page_has_what_passes_now_first() -> None:
    def forced(name: str, outcome: Outcome, limitation: str = "wasi-no-threads") -> Forced:
        return Forced(case=f"test.test_os.T.{name}", outcome=outcome, limitation=limitation, reason="r")

    lines = render_audit(
        "wasi",
        [
            forced("a", Outcome.CRASH, "wasi-no-kill"),
            forced("b", Outcome.PASS),
            forced("c", Outcome.PASS),
            forced("d", Outcome.ERROR),
        ],
    ).splitlines()
    assert lines == [
        "wasi: 4 cases run behind open gates: 2 pass, 1 error, 1 crash",
        "",
        "wasi-no-threads: 2 pass, 1 error",
        "       2  test.test_os.T",
        "",
        "wasi-no-kill: 1 crash",
    ]


def test_a_module_that_the_run_lacks_is_refused_with_the_nearest() -> None:
    known = ["test_posix", "test.test_asyncio.test_events"]
    assert named_modules(["test.test_posix", "test.test_asyncio.test_events"], known, "r") == tuple(known)
    with pytest.raises(ConfigError, match=r"run in r has no module 'test_posx'; did you mean 'test_posix'\?"):
        named_modules(["test_posx"], known, "r")


def test_where_nothing_is_skipped_the_page_names_the_run() -> None:
    assert "explains a skip of reports/x/wasi/results.json: nothing was run" in render_audit(
        "wasi", [], read="reports/x/wasi/results.json"
    )
