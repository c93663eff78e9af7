"""How much stack cases need: which cases are measured, how the least is found, and what is kept and shown."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.diagnostics import stack_needs
from harness.diagnostics.stack_needs import (
    LEAST,
    MOST,
    Wanted,
    exhausted,
    least_enough,
    measure_cells,
    named_cases,
    sizes,
    skipped,
)
from harness.engines.protocol import Ending, GuestExit, GuestRun, Watch
from harness.errors import ConfigError
from harness.limitations.skips import Skip, SkipAccount, SkipCause
from harness.results.cell_results import write_results
from harness.results.outcomes import Outcome
from harness.results.run_folder import claimed
from harness.results.stack_needs import load_needs
from harness.run.prepare import BuildRequest
from harness.suite.module import ModuleJob
from tests.unit.refusals import no_build
from tests.unit.sample_results import case, module, results

DEEP, DEEPER, ENDLESS = (f"test.test_os.T.test_{name}" for name in ("deep", "deeper", "endless"))
GATED = "test.test_os.T.test_gated"
OVERFLOW = "wasm trap: call stack exhausted"
# Bytes of stack that each of them takes.
TAKES = {DEEP: 1_000_000, DEEPER: 9_000_000, ENDLESS: 2 * MOST, GATED: 300_000}


@dataclass
class Recursing:
    """An engine with so much stack, whose guest runs the cases that are selected."""

    stack: int

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        patterns = next(mount.host for mount in guest.mounts if mount.guest == "/patterns")
        wanted = (patterns / "match.txt").read_text().split()
        done = (patterns / "done.txt").read_text().split() if (patterns / "done.txt").exists() else []
        ids = [name for name in wanted if name not in done]
        assert guest.journal
        guest.output.touch()
        with guest.journal.open("w") as journal:
            for event in self._events(ids, gated="/gates" in guest.argv):
                journal.write(json.dumps(event) + "\n")
                if event.get("e") == "trap":
                    return GuestExit(ending=Ending.TRAPPED, reason=OVERFLOW)
        return GuestExit(ending=Ending.EXITED, status=0)

    def _events(self, ids: list[str], *, gated: bool) -> Iterator[dict[str, Any]]:
        yield {"e": "plan", "ids": ids}
        for name in ids:
            assert gated is (name == GATED)
            yield {"e": "start", "id": name}
            if TAKES[name] > self.stack:
                yield {"e": "trap"}
            yield {"e": "end", "id": name, "t": 0.1, "o": ["pass"], "d": {}, "s": []}
        yield {"e": "module", "state": "passed"}

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class FakePrepared:
    cell: Any
    usual_stack: int | None = 8 << 20
    stack_size: int | None = None
    build: ClassVar[Any] = SimpleNamespace(manifest=SimpleNamespace(inputs={}), folder=Path("/builds/wasi-0"))

    def engine_facts(self) -> dict[str, str]:
        return {"name": "wasmtime", "version": "50.0.1"}

    def open_engine(self, log: Path, index: int) -> Recursing:
        return Recursing(self.stack_size or 0)

    def job(self, name: str, folder: Path, *, match: tuple[str, ...], **given: Any) -> ModuleJob:
        return ModuleJob(
            module=name,
            folder=folder,
            python=("/python",),
            mounts=(),
            env={},
            resources="all",
            case_timeout=1,
            module_timeout=9,
            match=match,
            excluded=(),
            should_stop=given["should_stop"],
        )


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run in which a case exhausted the stack and another one was skipped because of it."""
    died = case("test_os.T.test_deeper", Outcome.CRASH, exception=OVERFLOW)
    endless = case("test_os.T.test_endless", Outcome.CRASH, exception=OVERFLOW)
    gated = case("test_os.T.test_gated", Outcome.SKIP, reason="exhausts limited stack on WASI")
    found = results(module("test_os", case("test_os.T.test_deep"), died, endless, gated))
    write_results(tmp_path / "run" / found.cell.id / "results.json", found)
    cause = SkipCause(id="wasi-small-stack", is_limitation=True, need="deep_stack")
    account = SkipAccount(skips=(Skip(case=GATED, module="test_os", reason="", cause=cause),))
    monkeypatch.setattr(stack_needs, "prepare", lambda cell, wishes: FakePrepared(found.cell))  # noqa: ARG005
    monkeypatch.setattr(stack_needs, "account_for", lambda results: account)  # noqa: ARG005
    return tmp_path / "run"


def measured(run: Path, **wanted: Any) -> str:
    return measure_cells(["wasi"], BuildRequest(), run, Wanted(**wanted), 2)


def test_each_case_needs_what_it_takes(run: Path) -> None:
    page = measured(run)
    kept = load_needs(run / "wasi")
    assert kept
    assert (kept.engine, kept.usual, kept.most) == ("wasmtime 50.0.1", 8 << 20, MOST)
    assert kept.cases.keys() == {DEEPER, ENDLESS, GATED}
    assert kept.cases[ENDLESS].needs is None
    for name in (DEEPER, GATED):
        needs = kept.cases[name].needs
        assert needs is not None
        assert TAKES[name] <= needs < 1.03 * TAKES[name]
    assert page.splitlines() == [
        "wasi: 3 cases under wasmtime 50.0.1; a run gives 8.00 MiB",
        "",
        "        wasi  case",
        f"    > 64 MiB  {ENDLESS}  [crash: trap: stack exhausted]",
        f"    8.66 MiB  {DEEPER}",
        f"    0.29 MiB  {GATED}",
    ]
    assert not (run / "wasi" / "stack").exists()


def test_a_part_is_measured_and_the_rest_kept(run: Path) -> None:
    measured(run)
    assert "1 case under" in measured(run, expression="gated and not deep")
    assert "0.96 MiB" in measured(run, cases=(DEEP,))
    kept = load_needs(run / "wasi")
    assert kept
    assert kept.cases.keys() == {DEEP, DEEPER, ENDLESS, GATED}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"expression": "nothing"}, "no case of -k nothing exhausts the stack"),
        ({"cases": ("test.test_os.T.test_depe",)}, "has no case 'test.test_os.T.test_depe'; did you mean"),
    ],
)
def test_a_case_that_is_not_there_is_a_mistake(run: Path, wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        measured(run, **wanted)


def test_two_measurements_of_one_run_do_not_disturb_each_other(run: Path) -> None:
    with (
        claimed(run / "wasi", hint=""),
        pytest.raises(ConfigError, match="another run or `stack` is in progress in") as it,
    ):
        measured(run)
    assert "--results RUN" in it.value.hint
    assert load_needs(run / "wasi") is None
    measured(run)
    assert load_needs(run / "wasi")


@pytest.mark.parametrize("wanted", [{"cases": ("test.test_os.T.test_depe",)}, {"expression": "("}])
def test_a_mistake_is_found_before_anything_is_built(
    run: Path, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, Any]
) -> None:
    monkeypatch.setattr(stack_needs, "prepare", no_build)
    with pytest.raises(ConfigError):
        measured(run, **wanted)


def test_an_unknown_cell_is_found_before_another_is_measured(run: Path) -> None:
    with pytest.raises(ConfigError, match="has no results of wasi-debug"):
        measure_cells(["wasi", "wasi-debug"], BuildRequest(), run, Wanted(), 1)
    assert load_needs(run / "wasi") is None


def test_a_cell_that_the_run_does_not_have_is_a_mistake(run: Path) -> None:
    with pytest.raises(ConfigError, match="has no results of wasi-debug; it has those of wasi"):
        measure_cells(["wasi-debug"], BuildRequest(), run, Wanted(), 1)


def test_a_browser_has_no_stack_to_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_needs, "prepare", no_build)
    cells = ["emscripten-3.1.69", "emscripten-3.1.69-chromium"]
    for cell in cells:
        write_results(tmp_path / cell / "results.json", results(module("test_os", case("test_os.T.test_deep"))))
    with pytest.raises(ConfigError, match="Chromium lets nobody choose"):
        measure_cells(cells, BuildRequest(), tmp_path, Wanted(), 1)


def test_the_needs_of_another_build_are_not_put_to_the_run(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = SimpleNamespace(manifest=SimpleNamespace(inputs={"target": "wasi"}), folder=Path("/builds/wasi-1"))
    monkeypatch.setattr(FakePrepared, "build", other)
    with pytest.raises(ConfigError, match="is of another build than /builds/wasi-1"):
        measured(run)
    assert load_needs(run / "wasi") is None


def test_the_stacks_that_are_tried_are_two_percent_apart() -> None:
    tried = sizes()
    assert (tried[0], tried[-1]) == (LEAST, MOST)
    assert all(1 < after / before < 1.021 for before, after in itertools.pairwise(tried))


@given(st.integers(0, 200), st.integers(1, 201))
def test_the_least_is_found_in_few_tries(number: int, count: int) -> None:
    tried: list[int] = []

    def is_enough(size: int) -> bool:
        tried.append(size)
        return size >= number

    found = least_enough(range(count), is_enough)
    assert found == min(number, count - 1)
    assert len(tried) <= 8


def test_asked_are_cases_that_exhausted_the_stack_of_the_engine() -> None:
    found = results(
        module(
            "test_os",
            case(
                "test_os.T.test_a", Outcome.CRASH, exception=OVERFLOW, python_stack='  File "/Lib/os.py", line 1 in f'
            ),
            case("test_os.T.test_b", Outcome.CRASH, exception="wasm trap: unreachable"),
            case("test_os.T.test_c", Outcome.ERROR, exception="RecursionError", message="stack exhausted"),
        )
    )
    assert [each.case for each in exhausted(found)] == ["test.test_os.T.test_a"]


def test_asked_are_skips_that_the_stack_explains() -> None:
    def skip(name: str, need: str) -> Skip:
        cause = SkipCause(id="x", is_limitation=True, need=need)
        return Skip(case=f"test.{name}.T.a", module=name, reason="", cause=cause)

    deep, other = skip("test_a", "deep_stack"), skip("test_b", "threads")
    assert skipped(SkipAccount(skips=(deep, other, replace(other, cause=None)))) == {"test_a": (deep,)}


def test_a_named_case_that_was_skipped_is_run_behind_open_gates() -> None:
    found = results(module("test_os", case("test_os.T.test_a", Outcome.SKIP), case("test_os.T.test_b")))
    gated = [each.gated for each in named_cases(found, ["test.test_os.T.test_a", "test.test_os.T.test_b"])]
    assert gated == [True, False]
