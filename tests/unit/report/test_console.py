"""The page people see."""

from __future__ import annotations

import re
import shlex
import sys
import unicodedata

import msgspec
import pytest

from harness.expectations.compare import compare
from harness.expectations.entries import CellExpectations, Expectation
from harness.manifest import Manifest, ToolchainRecord
from harness.report.console import ROWS_SHOWN, render_console
from harness.results.cell_results import CellResults, OtherSuite
from harness.results.command_line import RunOptions
from harness.results.outcomes import CaseResult, Outcome
from harness.util.text import plain, visible
from tests.unit.sample_results import TRACEBACK, as_expected, case, expecting, module, of_other_suite, results, usual


def page(found: CellResults, width: int = 100) -> str:
    return render_console(found, color=False, width=width)


def block(text: str, case_id: str) -> list[str]:
    """The lines about one unexpected case."""
    return next(part.splitlines() for part in text.split("\n\n") if part.splitlines()[0].endswith(f"  {case_id}"))


def test_the_head_counts_modules_cases_and_verdicts() -> None:
    assert page(usual()).splitlines()[:6] == [
        "wasi, CPython 3.13.5, WASI SDK 25.0, wasmtime 50.0.1, 812 s",
        "-" * 100,
        "  modules    3: 2 ran (2 with something that failed), 1 skipped as a whole",
        "  cases      8: 2 passed, 2 skipped, 1 failed, 2 with errors, 1 crashed",
        "  verdicts   9: 3 as-expected, 1 known, 2 regressions, 1 fixed, 1 changed, 1 missing",
        "  known      fs-hard-links 1",
    ]


def test_the_head_says_nothing_of_what_did_not_happen() -> None:
    assert page(as_expected()).splitlines()[2] == "  modules    1: 1 ran (1 with something that failed)"
    green = page(results(module("test_os", case("test_os.T.test_a"))))
    assert green.splitlines()[2:5] == [
        "  modules    1: 1 ran",
        "  cases      1: 1 passed",
        "  verdicts   1: 1 as-expected",
    ]


def test_the_last_line_is_the_headline() -> None:
    assert page(as_expected()).splitlines()[-1] == (
        "wasi: 3 cases, 1 passed, 1 skipped, 1 known, 0 unexpected -> as expected"
    )
    assert page(usual()).splitlines()[-1] == (
        "wasi: 8 cases, 2 passed, 2 skipped, 1 known -> 5 UNEXPECTED (2 regressions, 1 fixed, 1 changed, 1 missing)"
    )


def test_large_numbers_are_grouped() -> None:
    many = results(module("test_os", *(case(f"test_os.T.test_{number}") for number in range(1234))))
    assert page(many).splitlines()[-1].startswith("wasi: 1,234 cases, 1,234 passed")


def test_a_regression_shows_what_was_got_its_traceback_and_how_to_run_it_again() -> None:
    assert block(page(usual()), "test.test_os.LinkTests.test_unicode_name") == [
        "REGRESSION  test.test_os.LinkTests.test_unicode_name",
        "  got        error: OSError: [Errno 58] Not supported",
        "  expected   pass or skip: no entry for this cell names it",
        "  | Traceback (most recent call last):",
        '  |   File "/Lib/test/test_os.py", line 1712, in test_link',
        "  |     os.link(self.file1, self.file2)",
        "  | OSError: [Errno 58] Not supported: 'a' -> 'b'",
        "  again      python -m harness test wasi --case test.test_os.LinkTests.test_unicode_name",
    ]


def test_a_regression_that_is_known_on_other_cells_says_where() -> None:
    found = results(module("test_os", case("test_os.T.test_a", Outcome.ERROR)))
    (row,) = found.comparison.rows
    named = msgspec.structs.replace(row, elsewhere="expected_failures/fs.toml:1, where target emscripten")
    comparison = msgspec.structs.replace(found.comparison, rows=(named,))
    expected = "  expected   pass or skip: no entry for this cell names it; for others expected_failures/fs.toml:1,"
    assert expected in page(msgspec.structs.replace(found, comparison=comparison))


def test_a_crash_shows_its_headline_and_what_ran_in_python() -> None:
    died = case(
        "test_os.T.test_a",
        Outcome.CRASH,
        exception="wasm trap: unreachable",
        message="error while executing\n  0: f\n\nCaused by:\n  wasm trap: unreachable",
        python_stack='Stack (most recent call last):\n  File "/t.py", line 2 in inner',
    )
    lines = block(page(results(module("test_os", died, output="output"))), "test.test_os.T.test_a")
    assert lines[1] == "  got        crash: wasm trap: unreachable, at t.py:inner"
    assert lines[3:5] == ["  | Stack (most recent call last):", '  |   File "/t.py", line 2 in inner']


def test_a_crash_shows_the_innermost_functions_of_wasm_below_the_stack_of_python() -> None:
    died = case(
        "test_os.T.test_a",
        Outcome.CRASH,
        exception="wasm trap: unreachable",
        python_stack="Stack",
        wasm_stack="\n".join(["wasm stack", *(f"  f{number}" for number in range(20))]),
    )
    lines = block(page(results(module("test_os", died, output="output"))), "test.test_os.T.test_a")
    assert lines[3:10] == ["  | Stack", "  | wasm stack", *(f"  |   f{number}" for number in range(5))]
    assert lines[10].startswith("  again ")


def test_a_crash_shows_the_last_output_of_its_module() -> None:
    lines = block(page(usual()), "test.test_os.DeepTests.test_deep")
    assert lines[1] == "  got        crash: wasm trap: call stack exhausted"
    assert lines[3:5] == ["  | Thread 0x1 most recent call first:", "  |   <no Python frame>"]


def test_a_failure_does_not_show_output_that_may_be_anothers() -> None:
    text = page(results(module("test_os", case("test_os.T.test_a", Outcome.FAIL), output="noise\n")))
    assert "noise" not in text


def test_the_versions_are_those_that_were_built() -> None:
    built = msgspec.structs.replace(usual(), build=Manifest(python="3.13.7", toolchain=ToolchainRecord(version="25.1")))
    assert page(built).startswith("wasi, CPython 3.13.7, WASI SDK 25.1, wasmtime 50.0.1, 812 s\n")


def test_a_stale_entry_is_named_with_its_place_and_what_to_do() -> None:
    lines = block(page(usual(), width=200), "test.test_os.StatTests.test_stat")
    expected = "expected_failures/wasi/fs.toml:19 (fs-hard-links: os.link() fails with ENOSYS)"
    assert lines[:4] == [
        "FIXED  test.test_os.StatTests.test_stat",
        "  got        pass",
        f"  expected   error, says {expected}",
        "  next       it passes now: remove the entry, or narrow its `when`",
    ]


def test_a_failed_subtest_is_shown_with_its_parameters() -> None:
    lines = block(page(usual()), "test.test_json.TestDecode.test_decimal")
    assert lines[1] == "  got        fail: AssertionError: 1 != 2"
    assert "  subtest    (s='1.0') fail" in lines


def test_the_worst_news_comes_first() -> None:
    words = re.findall(r"^(REGRESSION|CHANGED|FIXED|MISSING)", page(usual()), re.MULTILINE)
    assert words == ["REGRESSION", "REGRESSION", "CHANGED", "FIXED", "MISSING"]


def test_only_the_first_are_shown_in_full() -> None:
    failed = [case(f"test_os.T.test_{number:03}", Outcome.FAIL) for number in range(ROWS_SHOWN + 7)]
    text = page(results(module("test_os", *failed)))
    assert text.count("REGRESSION") == ROWS_SHOWN
    assert "... and 7 more unexpected: reports/latest/wasi/results.json has them all" in text
    elsewhere = render_console(results(module("test_os", *failed)), color=False, results_file="/r/results.json")
    assert "more unexpected: /r/results.json has them all" in elsewhere


def test_the_page_says_where_to_find_everything() -> None:
    page = render_console(
        results(module("test_os", case("test_os.T.test_a"))), color=False, results_file="/r/results.json"
    )
    assert "  results    /r/results.json\n" in page


def test_a_long_traceback_is_cut_from_above_and_a_long_line_at_its_end() -> None:
    traceback = "\n".join(f"line {number} {'x' * 200}" for number in range(40))
    text = page(results(module("test_os", case("test_os.T.test_a", Outcome.FAIL, traceback=traceback))), width=60)
    shown = [line for line in text.splitlines() if line.startswith("  | ")]
    assert [line.split()[2] for line in shown] == [str(number) for number in range(30, 40)]
    assert {len(line) for line in shown} == {60}
    assert all(line.endswith("x...") for line in shown)


@pytest.mark.parametrize("name", ["setUpClass (test.test_os.T)", "test.test_os.T.test_it's"])
def test_the_command_is_quoted_for_a_shell(name: str) -> None:
    text = page(results(module("test_os", CaseResult(case=name, outcome=Outcome.ERROR))))
    command = next(line for line in text.splitlines() if line.startswith("  again")).removeprefix("  again      ")
    assert shlex.split(command) == ["python", "-m", "harness", "test", "wasi", "--case", name]


def test_the_command_has_the_options_of_the_run_and_the_module_of_an_odd_id() -> None:
    found = results(module("test_math", CaseResult(case="ieee754_txt", outcome=Outcome.ERROR)))
    run = msgspec.structs.replace(found.run, options=RunOptions(runtime="20.18.0", tests="/my tests"))
    text = page(msgspec.structs.replace(found, run=run), width=200)
    command = "python -m harness test wasi --runtime=20.18.0 '--tests=/my tests' --case test_math::ieee754_txt"
    assert f"  again      {command}" in text.splitlines()
    assert "  part       the tests of /my tests were run; of the suite nothing is said" in text.splitlines()


NASTY = "\x1b]0;title\x07 \x1b[2J \x9b31m \r\b \u202e \u2028 \ud800 \x7f"


def test_no_control_character_of_a_test_reaches_the_terminal() -> None:
    bad = case(f"test_os.T.test_{NASTY}", Outcome.CRASH, exception=NASTY, message=NASTY, reason=NASTY)
    noisy = results(
        module("test_os", bad, output=NASTY),
        module("test_x", case("test_x.T.test_a", Outcome.FAIL, traceback=f"\x1b[1;31mred\x1b[0m\n{NASTY}")),
        entries=(expecting(f"test_x.T.{NASTY}"),),
    )
    text = page(noisy)
    assert [character for character in set(text) if plain(character) != character] == ["\n"]
    assert "  | red\n" in text
    text.encode("utf-8")


def test_colors_come_only_when_asked_for_and_change_no_word() -> None:
    colored = render_console(usual(), color=True, width=100)
    assert "\x1b[1;31mREGRESSION\x1b[0m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == page(usual())
    assert "\x1b[1;32mwasi: 3 cases" in render_console(as_expected(), color=True)


def test_a_part_of_the_suite_says_so() -> None:
    text = page(results(module("test_os", case("test_os.T.test_a")), complete=False))
    assert "only a part of the suite was run" in text
    assert "only a part" not in page(as_expected())


def test_a_case_that_the_suite_of_the_interpreter_has_differently_says_so() -> None:
    found = of_other_suite(usual(), "test_os.DeepTests.test_deep")
    text = page(found)
    assert "1 case of another version, by the tests of 3.13.2, is not unexpected" in " ".join(text.split())
    assert "1 known, 1 of another version -> 4 UNEXPECTED" in text.splitlines()[-1]
    assert "test_deep" not in text
    line = "  suite      CPython 3.13.2 has another test here, or none"
    shown = render_console(found, color=False, known=found.comparison.of_other_version)
    assert line in block(shown, "test.test_os.DeepTests.test_deep")
    # A case with an unchanged test of its own, which passes without the others.
    left = msgspec.structs.replace(found, other_suite=OtherSuite(compared="3.13.2"))
    shown = render_console(left, color=False, known=left.comparison.of_other_version)
    assert "it passes without the tests of another version in its module" in " ".join(shown.split())


def test_a_shard_says_which_it_is() -> None:
    part = results(module("test_os", case("test_os.T.test_a")), complete=False)
    sharded = msgspec.structs.replace(part, run=msgspec.structs.replace(part.run, shard="1/2"))
    assert "  part       shard 1 of 2 was run; of the rest nothing is said" in page(sharded)


def interrupted(found: CellResults) -> CellResults:
    """After one or more modules, with 478 to go."""
    return msgspec.structs.replace(
        found, run=msgspec.structs.replace(found.run, complete=False, interrupted=True, lacking=478)
    )


def test_an_interrupted_run_says_how_far_it_came_and_how_to_go_on() -> None:
    go_on = "python -m harness test wasi " + " ".join(f"test_{number}" for number in range(20)) + " --resume"
    *_, command, headline = render_console(interrupted(as_expected()), color=False, go_on=go_on).splitlines()
    assert command == f"  go on      {go_on}"
    assert headline == (
        "wasi: 3 cases, 1 passed, 1 skipped, 1 known, 0 unexpected so far -> interrupted: 1 of 479 modules finished"
    )
    red = page(interrupted(usual())).splitlines()[-1]
    assert red.endswith("1 missing) so far, interrupted: 3 of 481 modules finished")
    assert "\x1b[1;33mwasi: 3 cases" in render_console(interrupted(as_expected()), color=True)
    assert "go on" not in render_console(usual(), color=False, go_on=go_on)


def test_a_known_failure_that_somebody_looks_at_is_shown_like_an_unexpected_one() -> None:
    found = results(
        module(
            "test_os",
            case("test_os.T.test_link", Outcome.ERROR, exception="OSError", message="no", traceback=TRACEBACK),
        ),
        entries=(expecting("test_os.T.test_link"),),
    )
    shown = render_console(found, color=False, known=found.comparison.rows)
    assert block(shown, "test.test_os.T.test_link") == [
        "KNOWN  test.test_os.T.test_link",
        "  got        error: OSError: no",
        "  expected   error, says expected_failures/wasi/fs.toml:12 (fs-hard-links: os.link() fails with",
        "             ENOSYS)",
        "  | Traceback (most recent call last):",
        '  |   File "/Lib/test/test_os.py", line 1712, in test_link',
        "  |     os.link(self.file1, self.file2)",
        "  | OSError: [Errno 58] Not supported: 'a' -> 'b'",
        "  again      python -m harness test wasi --case test.test_os.T.test_link",
    ]
    assert "KNOWN" not in page(found)


def shown_of(found: CellResults) -> list[str]:
    return [line for line in page(found).splitlines() if line.startswith(("  | ", "  got"))]


def test_a_long_message_leaves_place_for_the_lines_that_ran() -> None:
    difference = ["Lists differ: [1] != [2]", "", *(f"+ {number}" for number in range(20))]
    frames = ["Traceback (most recent call last):", '  File "/tests/test_a.py", line 8, in test_b', "    self.check()"]
    text = "\n".join(difference)
    traceback = "\n".join([*frames, f"AssertionError: {text}", ""])
    bad = case("test_a.T.test_b", Outcome.FAIL, exception="AssertionError", message=text, traceback=traceback)
    assert shown_of(results(module("test_a", bad))) == [
        "  got        fail: AssertionError: Lists differ: [1] != [2]",
        *(f"  | {line}" for line in frames),
        "  | AssertionError: Lists differ: [1] != [2]",
        *(f"  | {line}" for line in ("", "+ 0", "+ 1", "+ 2", "... 17 more lines")),
    ]


def test_a_crash_without_a_stack_is_shown_with_what_its_own_start_printed() -> None:
    bad = case("test_a.T.test_b", Outcome.CRASH, exception="exit: 3", output="[1/1] test_a")
    assert shown_of(results(module("test_a", bad, output="[1/1] test_a\nTests result: FAILURE"))) == [
        "  got        crash: exit: 3",
        "  | [1/1] test_a",
    ]


def test_a_case_is_one_case() -> None:
    one = results(module("test_os", case("test_os.T.test_a")))
    assert page(one).splitlines()[-1] == "wasi: 1 case, 1 passed, 0 skipped, 0 known, 0 unexpected -> as expected"


def test_cases_that_followed_another_are_counted() -> None:
    fixture = CaseResult(case="setUpClass (test.test_os.T)", outcome=Outcome.ERROR)
    victims = [case(f"test_os.T.test_{letter}", Outcome.NOT_RUN, reason=fixture.case) for letter in "ab"]
    text = page(results(module("test_os", fixture, *victims)))
    assert "  followed   2 not run because of another, judged in their place" in text
    assert text.count("REGRESSION") == 1


def test_plain_keeps_what_is_harmless() -> None:
    assert plain("naïve 日本\tx") == "naïve 日本    x"
    assert plain("\x00\x85\u200b\U000e0001") == "\\x00\\x85\\u200b\\U000e0001"
    assert plain("a\r\nb") == "a\\x0d\\x0ab"
    assert visible("naïve\r\n日本\t\u200b") == "naïve\n日本\t\\u200b"


def test_nothing_that_unicode_calls_a_control_or_a_format_is_left_in_a_text() -> None:
    shown = visible("".join(map(chr, range(sys.maxunicode + 1))))
    unseen = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert {character for character in shown if unicodedata.category(character) in unseen} == {"\n", "\t"}


def test_the_account_of_the_skips_is_in_the_head_when_there_is_one() -> None:
    account = "2: 1 explained by 1 limitation and 0 circumstances, 1 not"
    assert f"\n  skips      {account}\n" in render_console(usual(), color=False, skips=account)
    assert "\n  skips" not in page(usual())


def test_the_module_of_a_missing_case_can_be_run_again() -> None:
    lines = block(page(usual()), "test.test_os.LinkTests.test_gone")
    assert lines[1] == "  got        nothing"
    assert lines[-1] == "  again      python -m harness test wasi --case test.test_os"


def test_a_missing_case_is_reported_with_the_nearest_of_its_module() -> None:
    lists = {
        "test.test_os.LinkTests.test_likn": Expectation(
            tests=("test.test_os.LinkTests.test_likn",),
            outcome=(Outcome.ERROR,),
            reason="r",
            issue="https://x.org/1",
            place="expected_failures/fs.toml:1",
        )
    }
    tested = (module("test_os", case("test_os.LinkTests.test_link")),)
    found = results(*tested)
    found = msgspec.structs.replace(found, comparison=compare(tested, CellExpectations(lists), complete=True))
    text = " ".join(page(found).split())
    assert "remove the entry, or fix its id; did you mean 'test.test_os.LinkTests.test_link'?" in text


def test_a_random_order_is_named_with_its_seed() -> None:
    found = usual()
    assert "  order " not in page(found)
    run = msgspec.structs.replace(found.run, options=RunOptions(randomize=True))
    text = page(msgspec.structs.replace(found, run=run))
    assert "order      random: --randomize --randseed 42 has it again" in text
