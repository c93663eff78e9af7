"""Skips accounted for: by the registry, and by what the native reference says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.bench.report import write_made_up_run
from harness.errors import ConfigError
from harness.limitations.registry import Circumstance, Limitation, Need, Registry, load_registry
from harness.limitations.skip_account import account_pages
from harness.limitations.skip_text import one_line, render_skips
from harness.limitations.skips import Elsewhere, Explainer, Skip, SkipAccount, SkipCause, account_of_skips
from harness.matrix.conditions import Condition
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome
from harness.targets import Target

SHIPPED = Path(__file__).parents[3] / "expected_failures" / "limitations.toml"
WASI: dict[str, str | bool] = {"target": "wasi", "pthreads": False}
BOTH = (Target.EMSCRIPTEN, Target.WASI)


def limitation(name: str, *needs: str, targets: tuple[Target, ...] = (Target.WASI,), **changes: object) -> Limitation:
    values: dict[str, object] = {
        "id": name,
        "section": "Files",
        "statement": name,
        "source": f"https://x.org/#{name}",
        "targets": targets,
        "needs": needs,
    }
    return Limitation(**(values | changes))  # type: ignore[arg-type]


def registry(*limitations: Limitation) -> Registry:
    needs = (
        Need(id="subprocess", skips=("requires subprocess support", "test module requires subprocess")),
        Need(id="zlib", skips=("requires zlib",)),
    )
    circumstances = (
        Circumstance(id="other-system", statement="x", skips=(".*[Ww]indows.*",)),
        Circumstance(id="not-built", statement="x", skips=(), needs=("zlib",)),
    )
    return Registry(
        {item.id: item for item in limitations},
        {need.id: need for need in needs},
        {item.id: item for item in circumstances},
    )


def cause(reason: str, *limitations: Limitation) -> SkipCause | None:
    return Explainer(registry(*limitations), WASI).cause(reason)


def case(name: str, outcome: Outcome = Outcome.SKIP, reason: str = "") -> CaseResult:
    return CaseResult(case=name, outcome=outcome, detail=Detail(reason=reason))


def module(name: str, *cases: CaseResult, outcome: Outcome = Outcome.PASS) -> ModuleResult:
    return ModuleResult(module=name, outcome=outcome, seconds=1.0, attempts=1, complete=True, cases=cases)


def test_a_reason_leads_by_its_need_to_the_limitation_that_takes_it_away() -> None:
    found = cause("requires subprocess support", limitation("no-subprocess", "subprocess"))
    assert found == SkipCause(id="no-subprocess", is_limitation=True, need="subprocess")


def test_a_limitation_of_this_target_alone_goes_before_a_general_one() -> None:
    general = limitation("all", "subprocess", targets=BOTH)
    found = cause("requires subprocess support", general, limitation("wasi", "subprocess"))
    assert found is not None
    assert found.id == "wasi"


@pytest.mark.parametrize(
    "other",
    [
        limitation("other", "subprocess", targets=(Target.EMSCRIPTEN,)),
        limitation("other", "subprocess", when=Condition((("pthreads", True),))),
    ],
)
def test_a_limitation_that_does_not_hold_here_explains_nothing(other: Limitation) -> None:
    assert cause("requires subprocess support", other) is None


def test_a_limitation_s_own_pattern_goes_before_a_need() -> None:
    own = limitation("own", skips=("requires subprocess.*",))
    found = cause("requires subprocess support", limitation("by-need", "subprocess"), own)
    assert found == SkipCause(id="own", is_limitation=True)


def test_what_no_limitation_takes_away_may_be_a_circumstance() -> None:
    assert cause("requires zlib") == SkipCause(id="not-built", is_limitation=False, need="zlib")
    assert cause("requires zlib", limitation("no-zlib", "zlib")) == SkipCause(
        id="no-zlib", is_limitation=True, need="zlib"
    )
    assert cause("only on Windows") == SkipCause(id="other-system", is_limitation=False)


@pytest.mark.parametrize("reason", ["", "something else", "requires zlibx", "this requires zlib"])
def test_a_pattern_is_for_the_whole_reason(reason: str) -> None:
    assert cause(reason) is None


def test_a_case_is_compared_with_the_native_one() -> None:
    here = module("test_os", *(case(f"test.test_os.T.{name}") for name in ("a", "b", "c")))
    there = module("test_os", case("test.test_os.T.a"), case("test.test_os.T.b", Outcome.FAIL))
    found = account_of_skips([here, module("test_x", case("test.test_x.T.a"))], Explainer(registry(), WASI), [there])
    assert [skip.elsewhere for skip in found.skips] == [
        Elsewhere.EVERYWHERE,
        Elsewhere.ONLY_HERE,
        Elsewhere.ABSENT,
        Elsewhere.UNKNOWN,
    ]
    assert (found.modules, found.compared) == (2, 1)


def test_a_case_that_only_runs_natively_is_absent() -> None:
    here = module("test_os", case("test.test_os.T.a", Outcome.PASS))
    there = module("test_os", case("test.test_os.T.a", Outcome.PASS), case("test.test_os.T.b", Outcome.PASS))
    assert account_of_skips([here], Explainer(registry(), WASI), [there]).absent == ("test.test_os.T.b",)


@pytest.mark.parametrize(
    ("skipped", "hides"),
    [
        ("test.test_os", 3),
        ("setUpModule (test.test_os)", 3),
        ("setUpClass (test.test_os.T)", 2),
        ("unittest.loader.ModuleSkipped.test.test_os", 3),
        ("test.test_os.T.a", 0),
    ],
)
def test_a_skip_as_a_whole_hides_what_runs_natively(skipped: str, hides: int) -> None:
    there = module(
        "test_os",
        case("test.test_os.T.a", Outcome.PASS),
        case("test.test_os.T.b", Outcome.ERROR),
        case("test.test_os.TT.a", Outcome.PASS),
        case("test.test_os.T.c"),
    )
    found = account_of_skips(
        [module("test_os", case(skipped), outcome=Outcome.SKIP)], Explainer(registry(), WASI), [there]
    )
    assert found.skips[0].hides == hides
    assert found.skips[0].elsewhere is Elsewhere.ONLY_HERE
    assert len(found.absent) == 3 - (hides or 1)


def test_a_module_that_is_skipped_as_a_whole_is_a_skip_and_no_pass() -> None:
    whole = module("test_x", case("test.test_x", reason="only on Windows"), outcome=Outcome.SKIP)
    found = account_of_skips([whole], Explainer(registry(), WASI))
    assert [skip.is_module for skip in found.skips] == [True]
    assert whole.counts()[Outcome.PASS] == 0


def test_the_page_counts_causes_and_lists_the_rest() -> None:
    skips = (
        Skip(case="t.a", module="test_a", reason="r", cause=SkipCause(id="no-x", is_limitation=True, need="x")),
        Skip(case="t.b", module="test_a", reason="w", cause=SkipCause(id="elsewhere", is_limitation=False)),
        Skip(case="t.c", module="test_a", reason="why", cause=None, elsewhere=Elsewhere.ONLY_HERE),
        Skip(case="test.test_b", module="test_b", reason="why", cause=None, elsewhere=Elsewhere.ONLY_HERE, hides=7),
    )
    found = SkipAccount(skips=skips, absent=("t.d",), modules=3, compared=2)
    assert one_line(found) == "4: 2 explained by 1 limitation and 1 circumstance, 2 not"
    page = render_skips("wasi", found)
    for line in (
        "       1  no-x  needs x",
        "       1  elsewhere",
        "       2  skipped only here",
        "       1  run there and do not exist here, in modules that run",
        "  the reference has 2 of the 3 modules",
        "1 module skipped as a whole: 7 cases that run natively are not asked; the largest",
        "       2  'why', only here: t.c",
    ):
        assert f"\n{line}" in page + "\n"


def test_a_limitation_that_does_not_hold_here_is_marked() -> None:
    cause = SkipCause(id="no-x", is_limitation=True)
    found = SkipAccount(skips=(Skip(case="t.a", module="test_a", reason="r", cause=cause),), modules=1)
    for finding, mark in (("holds", ""), ("not applicable", ""), ("lifted", "  (its probes: lifted)")):
        page = render_skips("wasi", found, probes={"no-x": {"finding": finding}})
        assert f"\n       1  no-x{mark}\n" in page


def test_without_a_reference_the_page_says_how_to_get_one() -> None:
    assert "python -m harness native" in render_skips("wasi", SkipAccount(skips=(), modules=3))


def test_a_long_rest_is_cut_unless_all_is_wanted() -> None:
    skips = tuple(Skip(case=f"t.{number}", module="m", reason=f"r{number}", cause=None) for number in range(50))
    found = SkipAccount(skips=skips, modules=1)
    assert "... and 10 more reasons" in render_skips("wasi", found)
    assert "r49" in render_skips("wasi", found, every=True)


@pytest.mark.parametrize(
    ("target", "reason", "explained"),
    [
        ("wasi", "requires subprocess support", "wasi-no-subprocess"),
        ("emscripten", "requires subprocess support", "proc-none"),
        ("wasi", "No module named 'fcntl'", "wasi-no-fcntl"),
        ("wasi", "the pwd module is needed for this test", "wasi-no-user-database"),
        ("wasi", "need os.execv()", "wasi-no-fork"),
        ("wasi", "need signal.sigwait()", "wasm-ipc"),
        ("emscripten", "need signal.sigwait()", "signal-timers"),
        ("wasi", "requires bz2", "library-not-built"),
        ("emscripten", "requires bz2", "ext-missing-modules"),
        ("emscripten", "test needs posix.preadv()", "fs-positioned-io"),
        ("emscripten", "test needs sys.setdlopenflags()", "ext-no-shared-modules"),
        ("wasi", "resource 'cpu' is not enabled", "not-granted"),
        ("wasi", "test requires a Windows-compatible system", "other-system"),
        ("wasi", "need Py_DEBUG", "build-option"),
        ("wasi", "need Pickler class", "shared-by-variants"),
        ("wasi", "need frozendict", "newer-python"),
        # From here on the words of CPython 3.14 and 3.15.
        ("wasi", "Exhausts stack on WASI", "wasi-small-stack"),
        ("emscripten", "Exhausts stack on Emscripten", "mem-heap-and-stack"),
        ("wasi", "requires too much stack", "wasi-small-stack"),
        ("wasi", "WASI's umask is a stub.", "wasi-umask-stub"),
        ("emscripten", "umask is a stub", "fs-umask"),
        ("wasi", "requires JIT enabled", "build-option"),
        ("wasi", "requires specialization", "build-option"),
        ("wasi", "Test requires remote subprocess debugging", "wasi-no-subprocess"),
        ("emscripten", "requires remote subprocess debugging permissions", "proc-none"),
        ("wasi", "test requires subprocess support", "wasi-no-subprocess"),
        ("emscripten", "the C stack is large enough for 150000 recursive calls", "large-stack"),
        ("wasi", "WASI does not support TCP sockets", "wasi-sockets-by-descriptor"),
        ("wasi", "socket.if_nameindex() not available.", "wasi-no-interfaces"),
        ("wasi", "requires zstd", "library-not-built"),
        ("wasi", "test needs os.lchmod()", "not-in-every-posix"),
        ("emscripten", "test needs os.lchmod()", "fs-lchown-lchmod"),
        ("emscripten", "set_blocking does not work correctly", "emscripten-blocking-io"),
        ("emscripten", "requires _testcapi", "browser-test-modules"),
        ("emscripten", "Emscripten cannot select a fd multiple times.", "net-select"),
        ("wasi", "process_time not available on WASI", "wasm-stubs"),
        ("emscripten", "tzset required", "cross-built"),
        ("wasi", "time module has no attribute tzset", "cross-built"),
        ("emscripten", "requires C11 complex type and libffi >= 3.3.0", "cross-built"),
        ("emscripten", "musl libc issue, bpo-46390", "locale-musl"),
        ("emscripten", "ERA is not set for locale fa_IR on this platform", "locale-musl"),
        ("emscripten", "need fcntl", "emscripten-modules-left-out"),
        ("emscripten", "No module named 'syslog'", "emscripten-modules-left-out"),
        ("emscripten", "need os_helper.TESTFN_UNENCODABLE", "wasm-names-are-utf8"),
        ("wasi", "requires undecodable path", "wasm-names-are-utf8"),
        ("emscripten", "need an unencodable filename", "wasm-names-are-utf8"),
        ("emscripten", "No module named '_testmultiphase'", "ext-no-shared-modules"),
        ("emscripten", "os.copy_file_range() not supported", "other-system"),
        ("emscripten", "requires _hashlib", "ext-missing-modules"),
        ("emscripten", "requires context aware warnings", "build-option"),
        ("wasi", "only applies to 32-bit platforms", "pointer-size"),
        ("wasi", "WASI maps '' to cwd", "wasi-empty-path"),
        ("emscripten", "this platform doesn't implement IEE 754-2008 properly", "wasm-sign-of-fma"),
        ("wasi", "pyrepl is not available", "wasi-no-curses"),
        ("emscripten", "Cannot run -I tests when PYTHON env vars are required.", "proc-none"),
    ],
)
def test_the_shipped_registry_explains_the_suite_s_words(target: str, reason: str, explained: str) -> None:
    facts: dict[str, str | bool] = {"target": target, "pthreads": False, "dynamic_linking": False}
    found = Explainer(load_registry(SHIPPED), facts).cause(reason)
    assert found is not None
    assert found.id == explained


@pytest.mark.parametrize("what", ["", "wasi-24", "wasi-24/results.json"])
def test_the_skips_of_a_run_are_those_of_the_cells_in_its_folder(tmp_path: Path, what: str) -> None:
    write_made_up_run(tmp_path / "run", cells=1, cases=300)
    (page,) = account_pages([str(tmp_path / "run" / what)], every=False)
    assert "wasi-24" in page


def test_a_folder_without_results_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no results of a cell"):
        list(account_pages([str(tmp_path)], every=False))
