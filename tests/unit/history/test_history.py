"""The history: what it answers, what it keeps, and what it says when its file is not what it should be."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.cli import main as cli
from harness.errors import EXIT_CONFIG, EXIT_OK, ConfigError, UnavailableError
from harness.history.database import HISTORY_SCHEMA, opened
from harness.history.query import CaseAnswer, HistoryAnswer, query_history
from harness.history.record import Case, RecordedRun, record_of
from harness.history.store import FEW, Store, _packed, durations
from harness.history.summary import summarize, trend
from harness.history.text import render_history
from harness.manifest import Manifest
from harness.results.cell_results import CellResults, write_results
from harness.results.command_line import RunOptions
from harness.results.outcomes import CaseResult, ModuleResult, Outcome
from tests.unit.sample_results import case, module, results

LINK = "test.test_os.T.test_link"
LETTERS = {"P": Outcome.PASS, "F": Outcome.FAIL, "S": Outcome.SKIP, "C": Outcome.CRASH, "N": Outcome.NOT_RUN}


def on_day(
    day: int, *modules: ModuleResult, complete: bool = True, cell: str = "wasi", python: str = ""
) -> CellResults:
    made = results(*modules, complete=complete)
    return msgspec.structs.replace(
        made,
        cell=dataclasses.replace(made.cell, id=cell),
        run=msgspec.structs.replace(made.run, started=f"2026-09-{day:02}T03:00:00Z"),
        build=Manifest.from_json({"python": python}),
    )


def found(letter: str, name: str = "test_os.T.test_link") -> CaseResult:
    failed = letter in "FC"
    return case(name, LETTERS[letter], **({"exception": "OSError", "message": "[Errno 58] no"} if failed else {}))


def nights(letters: str, *, python: str = "") -> list[CellResults]:
    """A night for each letter; `-` is a night on which the case is not there."""
    other = case("test_os.T.test_other")
    return [
        on_day(day, module("test_os", *([] if letter == "-" else [found(letter)]), other), python=python)
        for day, letter in enumerate(letters, 1)
    ]


def record(file: Path, runs: Sequence[CellResults]) -> list[bool]:
    kept = []
    for run in runs:
        with opened(file, write=True) as connection:
            kept.append(Store(connection).record(seen(run)))
    return kept


def seen(run: CellResults) -> RecordedRun:
    return record_of(run, source=f"reports/{run.run.started[:10]}")


def answered(file: Path, wanted: str, cell: str = "") -> HistoryAnswer:
    with opened(file, write=False) as connection:
        return query_history(Store(connection), wanted, cell)


def only(file: Path, wanted: str = LINK, cell: str = "") -> CaseAnswer:
    (answer,) = answered(file, wanted, cell).cases
    return answer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "history.sqlite"


# What it answers.


def test_it_says_how_many_runs_agree_and_between_which_two_it_changed(file: Path) -> None:
    record(file, nights("PPPFF"))
    account = only(file).account
    assert (str(account.usual), account.agreeing, account.runs, account.steady_for, account.changes) == (
        "pass",
        3,
        5,
        2,
        1,
    )
    assert account.last_change
    assert account.last_change.to_json() == {
        "from": "pass",
        "to": "fail (OSError ENOTSUP)",
        "before": {"run": "reports/2026-09-03", "started": "2026-09-03T03:00:00Z"},
        "after": {"run": "reports/2026-09-04", "started": "2026-09-04T03:00:00Z"},
        "axes": [],
    }
    assert not account.is_flaky


def test_the_axis_that_differs_between_the_two_runs_is_named(file: Path) -> None:
    record(file, [*nights("PP", python="3.13.5"), *nights("PPFF", python="3.14.0")[2:]])
    account = only(file).account
    assert account.last_change
    assert [str(axis) for axis in account.last_change.axes] == ["CPython 3.13.5 -> 3.14.0"]
    assert account.unexplained == 0


@pytest.mark.parametrize(("letters", "flaky"), [("PFPP", True), ("PPFF", False), ("PPPP", False), ("FFFF", False)])
def test_a_case_that_changes_back_and_forth_while_nothing_else_changes_is_flaky(
    file: Path, letters: str, flaky: bool
) -> None:
    record(file, nights(letters))
    assert only(file).account.is_flaky is flaky


def test_a_case_that_changed_its_outcome_within_a_run_is_flaky(file: Path) -> None:
    mixed = msgspec.structs.replace(found("F"), tries=(Outcome.FAIL, Outcome.PASS))
    record(file, [*nights("F"), on_day(2, module("test_os", mixed))])
    account = only(file).account
    assert (account.mixed, account.is_flaky, account.changes) == (1, True, 0)


def test_a_case_that_was_not_run_because_of_another_did_not_change_its_outcome(file: Path) -> None:
    fixture = CaseResult(case="setUpClass (test.test_os.T)", outcome=Outcome.ERROR)
    follower = case("test_os.T.test_link", Outcome.NOT_RUN, reason=fixture.case)
    record(file, [on_day(1, module("test_os", fixture, follower))])
    assert only(file).account.mixed == 0


def test_before_it_first_appears_it_is_not_counted_and_after_it_went_it_is_absent(file: Path) -> None:
    record(file, nights("--PP-"))
    account = only(file).account
    assert (account.runs, str(account.usual), str(account.newest.state)) == (3, "pass", "absent")


def test_a_part_of_the_suite_says_nothing_of_the_rest(file: Path) -> None:
    elsewhere = on_day(2, module("test_json", found("P", "test_json.T.test_a")), complete=False)
    of_one_case = msgspec.structs.replace(module("test_os", found("F")), complete=False)
    record(file, [*nights("P"), elsewhere, on_day(3, of_one_case, complete=False)])
    assert (only(file).account.runs, only(file).account.agreeing) == (2, 1)
    assert only(file, "test.test_os.T.test_other").account.runs == 1


def test_where_the_module_was_skipped_its_cases_were(file: Path) -> None:
    skipped = module("test_os", outcome=Outcome.SKIP, reason="requires working threading")
    died = module("test_os", outcome=Outcome.CRASH)
    record(file, [*nights("P"), on_day(2, skipped), on_day(3, died), *nights("PPPP")[3:]])
    account = only(file).account
    assert (account.runs, account.agreeing, account.changes) == (3, 2, 2)


def test_where_the_module_had_no_tests_its_cases_had_that_outcome(file: Path) -> None:
    empty = module("test_os", outcome=Outcome.NO_TESTS, reason="the module has no tests")
    record(file, [*nights("P"), on_day(2, empty)])
    summarize = only(file).account
    assert (summarize.runs, summarize.newest.state.outcome) == (2, Outcome.NO_TESTS)


def test_two_cells_are_kept_apart_and_one_can_be_asked_for(file: Path) -> None:
    record(file, [*nights("PP"), on_day(1, module("test_os", found("F")), cell="wasi-debug")])
    assert [answer.cell for answer in answered(file, LINK).cases] == ["wasi", "wasi-debug"]
    assert only(file, cell="*-debug").account.usual.outcome is Outcome.FAIL
    with pytest.raises(ConfigError, match="knows no cell 'wassi'") as caught:
        answered(file, LINK, "wassi")
    assert caught.value.hint == "did you mean 'wasi'?"


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ("test_os", 2),
        ("test.test_os", 2),
        (LINK, 1),
        (f"test_os::{LINK}", 1),
        ("test.test_os.T.*", 2),
        ("*_link", 1),
    ],
)
def test_a_question_is_a_case_a_module_or_a_pattern(file: Path, wanted: str, count: int) -> None:
    record(file, nights("P"))
    assert len(answered(file, wanted).cases) == count


def test_an_unknown_name_is_reported_with_what_may_have_been_meant(file: Path) -> None:
    record(file, nights("P"))
    for typo, meant in (("test.test_os.T.test_likn", LINK), ("test_so", "test.test_os"), ("T.test_link", LINK)):
        with pytest.raises(ConfigError, match="neither a case nor a module") as caught:
            answered(file, typo)
        assert caught.value.hint == f"did you mean {meant!r}?"


def test_durations_are_those_of_the_module_and_of_slow_cases(file: Path) -> None:
    times = [(1.0, 0.1)] * 4 + [(2.0, 0.9)] * 4
    for day, (whole, part) in enumerate(times, 1):
        slow = msgspec.structs.replace(found("P"), seconds=part)
        record(file, [on_day(day, msgspec.structs.replace(module("test_os", slow), seconds=whole))])
    answer = answered(file, LINK)
    assert answer.modules[0].seconds.to_json() == {"newest": 2.0, "before": 1.0, "runs": 8, "trend": "slower"}
    assert answer.cases[0].seconds
    assert (answer.cases[0].seconds.newest, answer.cases[0].seconds.runs) == (0.9, 4)


def test_a_part_of_a_module_does_not_count_among_its_durations(file: Path) -> None:
    slow, other = (
        msgspec.structs.replace(module("test_os", found("P")), seconds=60.0),
        module("test_json", case("T.test_a")),
    )
    of_one_case = msgspec.structs.replace(slow, seconds=0.4, complete=False)
    record(file, [on_day(1, slow, other), on_day(2, slow, other)])
    record(file, [on_day(day, of_one_case, complete=False) for day in range(3, 9)])
    record(file, [on_day(9, other, of_one_case), on_day(10, slow, complete=False)])
    seconds = {answer.module: answer.seconds.to_json() for answer in answered(file, "*").modules}
    assert seconds == {
        "test.test_json": {"newest": 2.5, "before": 2.5, "runs": 3, "trend": "steady"},
        "test.test_os": {"newest": 60.0, "before": 60.0, "runs": 3, "trend": "steady"},
    }


@pytest.mark.parametrize("others", [(), range(10, 30)])
def test_durations_are_found_in_either_way(others: Sequence[int]) -> None:
    runs = [_packed([(2, 0.5), (7, 1.5)]), _packed([(7, 2.5), (9, 1.0)]), _packed([])]
    assert len(others) == 0 or len(others) > FEW
    found = durations(runs, [2, 5, 7, 100, *others])
    assert {number: seconds for number, seconds in found.items() if seconds} == {2: [0.5], 7: [1.5, 2.5]}


@pytest.mark.parametrize(
    ("seconds", "word"),
    [
        ([2.0], "steady"),
        ([2.0, 1.0], "faster"),
        ([0.01, 0.02], "steady"),
        ([1.0, 1.2], "steady"),
        ([0.0, 1.0], "slower"),
    ],
)
def test_a_trend_is_a_quarter_more_or_a_fifth_less(seconds: list[float], word: str) -> None:
    found = trend(seconds)
    assert found
    assert found.word == word


def test_a_crash_without_a_place_counts_as_unchanged_from_one_with_a_place(file: Path) -> None:
    """Runs that were recorded by an earlier harness have no place."""
    stacks = ["", *(f'  File "/Lib/test/test_os.py", line 7 in {name}' for name in ("link", "link", "unlink"))]
    crashes = [
        case("test_os.T.test_link", Outcome.CRASH, exception="wasm trap: unreachable", python_stack=stack)
        for stack in stacks
    ]
    record(file, [on_day(day, module("test_os", crashed)) for day, crashed in enumerate(crashes, 1)])
    account = only(file).account
    assert account.changes == 1
    assert account.last_change
    assert account.last_change.to_json()["to"] == "crash (trap: unreachable at test/test_os.py:unlink)"


def measured(file: Path, run: CellResults, size: int | None) -> bool:
    with opened(file, write=True) as connection:
        return Store(connection).record_stacks(seen(run), {Case("test.test_os", LINK): size})


@pytest.mark.parametrize(
    ("sizes", "line"),
    [
        ([3 << 20], "    needs 3.00 MiB of stack"),
        ([1 << 20, 2 << 20], "    needs 2.00 MiB of stack in the newest of 2 measures, 1.00 MiB before: more"),
        ([2 << 20, 2 << 20], "    needs 2.00 MiB of stack in the newest of 2 measures, 2.00 MiB before: steady"),
        ([2 << 20, None], "    needs more than was tried of stack in the newest of 2 measures, 2.00 MiB before: more"),
    ],
)
def test_measured_stacks_are_kept_with_their_runs(file: Path, sizes: list[int | None], line: str) -> None:
    runs = nights("P" * len(sizes))
    record(file, runs)
    assert all(measured(file, run, size) for run, size in zip(runs, sizes, strict=True))
    assert not measured(file, runs[-1], sizes[-1])
    assert only(file).to_json()["stack"] == sizes
    assert line in render_history(answered(file, LINK)).splitlines()
    # A case that is good and needs more is no longer among those with nothing to report.
    assert (line in render_history(answered(file, "test_os"))) is line.endswith("more")


def test_a_history_from_before_stacks_were_measured_is_read_and_written(file: Path) -> None:
    runs = nights("PP")
    record(file, runs[:1])
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DROP TABLE stacks")
    assert "stack" not in only(file).to_json()
    record(file, runs[1:])
    assert measured(file, runs[1], 1 << 20)
    assert only(file).stack == (1 << 20,)


def test_nothing_has_no_account() -> None:
    assert summarize([]) is None
    assert trend([]) is None


def test_the_page_shows_first_what_changed_most_and_counts_the_rest(file: Path) -> None:
    record(file, nights("PFPF"))
    page = render_history(answered(file, "test_os"))
    assert page.splitlines() == [
        "test.test_os: durations",
        "  wasi: 2.5 s in the newest of 4 runs, 2.5 s before: steady",
        "",
        LINK,
        "  wasi: fail in 2 of 4 runs; flaky: 3 changes with nothing else changed",
        "    last change: pass -> fail (OSError ENOTSUP)",
        "      between reports/2026-09-03 (2026-09-03 03:00 UTC) and reports/2026-09-04 (2026-09-04 03:00 UTC)",
        "      nothing that is recorded differs between the two",
        "    0.2 s in the newest of 4 runs, 0.2 s before: steady",
        "",
        "the same in every run: 1 pass",
    ]
    assert "test_other" in render_history(answered(file, "test_os"), everything=True)


@pytest.mark.parametrize(
    ("runs", "line"),
    [
        (["T", "T"], "error (TypeError) in 2 of 2 runs"),
        (["T", "V"], "error in 2 of 2 runs"),
        (["T", "V*"], "error in 2 of 2 runs; flaky: changed its mind within 1 run"),
        (["V", "V*"], "error (ValueError) in 2 of 2 runs; flaky: changed its mind within 1 run"),
        (["V*", "V*"], "error (changed its mind) (ValueError) in 2 of 2 runs; flaky: changed its mind within 2 runs"),
    ],
)
def test_only_what_each_run_saw_is_said_of_all_runs(file: Path, runs: list[str], line: str) -> None:
    kinds = {"T": "TypeError", "V": "ValueError"}
    for day, run in enumerate(runs, 1):
        failed = case("test_os.T.test_link", Outcome.ERROR, exception=kinds[run[0]], message="no")
        tries = (Outcome.ERROR, Outcome.PASS) if run.endswith("*") else ()
        record(file, [on_day(day, module("test_os", msgspec.structs.replace(failed, tries=tries)))])
    assert f"  wasi: {line}" in render_history(answered(file, LINK)).splitlines()


# What it keeps.


def test_a_run_that_is_there_is_not_recorded_again_wherever_it_lies(file: Path) -> None:
    runs = nights("PF")
    assert record(file, runs) == [True, True]
    before = file.read_bytes()
    with opened(file, write=True) as connection:
        assert not Store(connection).record(record_of(runs[0], source="elsewhere"))
    assert file.read_bytes() == before


def test_a_late_run_is_put_in_its_place(file: Path) -> None:
    first, second, third = nights("PFP")
    record(file, [first, third])
    assert only(file).account.changes == 0
    record(file, [second])
    account = only(file).account
    assert (account.runs, account.changes) == (3, 2)
    assert account.last_change
    assert account.last_change.before.run.source == "reports/2026-09-02"


def test_what_breaks_in_the_middle_of_recording_leaves_nothing(file: Path) -> None:
    first, second = nights("PF")
    record(file, [first])
    before = file.read_bytes()
    with contextlib.suppress(KeyboardInterrupt), opened(file, write=True) as connection:
        Store(connection).record(seen(second))
        raise KeyboardInterrupt
    assert file.read_bytes() == before


def test_half_characters_and_markup_are_kept_as_something_that_can_be_shown(file: Path) -> None:
    odd = CaseResult(case="test.test_os.T.test_\ud800<b>", outcome=Outcome.FAIL)
    with opened(file, write=True) as connection:
        Store(connection).record(record_of(on_day(1, module("test_os", odd)), source="reports/\udcff"))
    assert "\\ud800<b>" in render_history(answered(file, "test_os"))


# What is wrong with the file.


def test_a_history_that_is_not_there_says_how_to_begin_one(file: Path) -> None:
    with pytest.raises(ConfigError, match="there is no history in") as caught:
        answered(file, LINK)
    assert "harness record" in caught.value.hint
    assert not file.exists()


def spoilt(file: Path, how: str) -> None:
    if how == "torn":
        record(file, nights("P"))
        file.write_bytes(file.read_bytes()[:6000])
    elif how == "text":
        file.write_text("this is no database, but a text that is long enough to be taken for one" * 20)
    elif how == "newer":
        record(file, nights("P"))
        with contextlib.closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(f"PRAGMA user_version = {HISTORY_SCHEMA + 1}")
    else:
        with contextlib.closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("CREATE TABLE of_others (id INTEGER)")


@pytest.mark.parametrize(
    ("how", "says", "hint"),
    [
        ("torn", "is damaged or not ours", "move it away"),
        ("text", "is damaged or not ours", "move it away"),
        ("newer", f"is a history of schema {HISTORY_SCHEMA + 1}", "the harness that wrote it"),
        ("foreign", "is the database of another program", "--history FILE"),
    ],
)
@pytest.mark.parametrize("write", [True, False])
def test_a_file_that_is_not_a_history_is_reported_and_not_changed(
    file: Path, how: str, says: str, hint: str, write: bool
) -> None:
    file.parent.mkdir()
    spoilt(file, how)
    before = file.read_bytes()
    with pytest.raises(ConfigError, match=says) as caught:
        record(file, nights("F")) if write else answered(file, LINK)
    assert hint in caught.value.hint
    assert file.read_bytes() == before


@pytest.mark.parametrize("how", ["torn", "text", "newer", "foreign"])
def test_no_connection_to_a_refused_file_stays_open(file: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From 3.13 on Python warns of each, at whatever test runs when it is collected."""
    file.parent.mkdir()
    spoilt(file, how)
    made: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def recording(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        made.append(connect(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", recording)
    with pytest.raises(ConfigError):
        answered(file, LINK)
    (connection,) = made
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("PRAGMA user_version")


@pytest.mark.parametrize("copy", [0, 1])
def test_nothing_is_recorded_into_a_file_with_one_wrong_bit(
    file: Path, copy: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The name of a case is in the table and in its index, and SQLite reads both without an error."""
    record(file, nights("P"))
    data = bytearray(file.read_bytes())
    places = [found.start() for found in re.finditer(re.escape(LINK.encode()), data)]
    assert len(places) == 2
    data[places[copy] + len(LINK) - 1] ^= 1
    file.write_bytes(data)
    write_results(file.parent / "run" / "wasi" / "results.json", nights("-F")[1])
    assert cli.main(["record", str(file.parent / "run"), "--history", str(file)]) == EXIT_CONFIG
    assert "is damaged or not ours" in capsys.readouterr().err
    assert file.read_bytes() == data


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("UPDATE setups SET name = '{'", "JSONDecodeError"),
        ("UPDATE setups SET name = '{\"axes\": []}'", "AttributeError"),
        ("UPDATE coverages SET name = '5'", "TypeError"),
        ("UPDATE changes SET state = 99", "KeyError"),
        ("UPDATE runs SET seconds = x'00'", "error"),
        ("UPDATE states SET outcome = 'good' WHERE outcome = 'fail'", "ValueError"),
    ],
)
def test_values_that_the_harness_never_writes_are_damage(file: Path, damage: str, says: str) -> None:
    record(file, nights("PF"))
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(damage)
    with pytest.raises(ConfigError, match=f"is damaged or not ours: .*{says}"):
        answered(file, "test_os")


def test_a_folder_that_cannot_be_made_is_reported_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError, match="cannot use the history") as caught:
        record(tmp_path / "file" / "history.sqlite", nights("P"))
    assert "--history FILE" in caught.value.hint


def test_results_without_a_time_are_refused() -> None:
    (run,) = nights("P")
    with pytest.raises(ConfigError, match="when the run was"):
        seen(msgspec.structs.replace(run, run=msgspec.structs.replace(run.run, started="yesterday")))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (RunOptions(tests="/t"), "a run of own tests, /t"),
        (RunOptions(use=("none",)), "a run with -u or --randomize"),
        (RunOptions(randomize=True), "a run with -u or --randomize"),
    ],
)
def test_a_run_of_other_tests_or_another_order_is_refused(options: RunOptions, why: str) -> None:
    (run,) = nights("P")
    with pytest.raises(ConfigError, match=why):
        seen(msgspec.structs.replace(run, run=msgspec.structs.replace(run.run, options=options)))


# The commands.


def test_runs_are_recorded_and_asked_for_on_the_command_line(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, run in enumerate(nights("PF")):
        write_results(tmp_path / f"run-{number}" / "wasi" / "results.json", run)
    recording = ["record", str(tmp_path / "run-0"), str(tmp_path / "run-1" / "wasi"), "--history", str(file)]
    assert cli.main(recording) == EXIT_OK
    assert "2 of 2 results are new" in capsys.readouterr().out
    assert cli.main(recording) == EXIT_OK
    assert "0 of 2 results are new" in capsys.readouterr().out
    assert cli.main(["history", LINK, "--cell", "wasi", "--json", "--history", str(file)]) == EXIT_OK
    (answer,) = json.loads(capsys.readouterr().out)["cases"]
    assert (answer["case"], answer["cell"], answer["usual"], answer["agreeing"], answer["runs"]) == (
        LINK,
        "wasi",
        "fail",
        1,
        2,
    )
    assert cli.main(["history", "test_nothing", "--history", str(file)]) == EXIT_CONFIG
    assert "knows neither a case nor a module" in capsys.readouterr().err


def test_two_runs_are_kept_apart_under_any_names(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "matrices").mkdir()
    (tmp_path / "matrices" / "default.toml").touch()
    monkeypatch.chdir(tmp_path)
    reports, (first, second, third) = tmp_path / "reports", nights("PFP")
    for name, run in (("one", first), ("two", second), ("three", third)):
        write_results(reports / name / "wasi" / "results.json", run)
    for name in ("one", "two"):
        (reports / "latest").unlink(missing_ok=True)
        (reports / "latest").symlink_to(name)
        assert cli.main(["record", "reports/latest", "--history", str(file)]) == EXIT_OK
    change = only(file).account.last_change
    assert change
    assert (change.before.run.source, change.after.run.source) == ("reports/one", "reports/two")
    monkeypatch.chdir(reports / "three")
    assert cli.main(["record", ".", "--history", str(file)]) == EXIT_OK
    change = only(file).account.last_change
    assert change
    assert change.after.run.source == str(reports / "three")
    assert "wasi: recorded" in capsys.readouterr().out


def test_an_unknown_case_is_answered_with_what_is_recorded(file: Path) -> None:
    record(file, nights("P"))
    with pytest.raises(ConfigError) as caught:
        answered(file, "zzzz")
    assert caught.value.hint.startswith("recorded so far are test.test_os; name a case's id")
