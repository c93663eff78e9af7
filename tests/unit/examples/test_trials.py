"""The result of a trial of an example, compared with what is expected of it."""

from __future__ import annotations

import json
from pathlib import Path

from harness.errors import EXIT_OK, EXIT_UNEXPECTED
from harness.examples.trials import Cause, Seen, Trial, headline, status_of, table, try_example, write_trials

FOLDER = Cause(name="no-folder", why="there is no folder", change="make it", error="ENOENT")
PROGRAM = Cause(name="no-program", why="it has no name", change="name it", error="No module")


def fixed_by(*needed: Cause) -> list[Trial]:
    """The trials of an example that works with those changes."""

    def attempt(changes: tuple[Cause, ...]) -> Seen:
        lacking = [cause for cause in needed if cause not in changes]
        return Seen(works=not lacking, text=f"Error: {lacking[0].error}" if lacking else "answer 42")

    return list(try_example("snippet", [FOLDER, PROGRAM], attempt))


def test_each_cause_is_met_in_turn_and_all_changes_together_make_it_work() -> None:
    trials = fixed_by(FOLDER, PROGRAM)
    assert [(trial.changes, trial.expected) for trial in trials] == [
        ((), FOLDER),
        ((FOLDER,), PROGRAM),
        ((FOLDER, PROGRAM), None),
    ]
    assert all(trial.is_as_expected for trial in trials)
    assert status_of(trials) == EXIT_OK


def test_a_fault_that_is_gone_is_unexpected() -> None:
    trials = fixed_by(FOLDER)
    assert [trial.is_as_expected for trial in trials] == [True, False, True]
    assert status_of(trials) == EXIT_UNEXPECTED


def test_another_fault_than_the_known_one_is_unexpected() -> None:
    trial = Trial(example="snippet", expected=FOLDER, seen=Seen(works=False, text="TypeError: x is not a function"))
    assert not trial.is_as_expected
    assert not Trial(example="snippet", seen=Seen(works=False, text="ENOENT")).is_as_expected


def test_the_table_says_why_and_what_is_unexpected() -> None:
    lines = table(fixed_by(FOLDER)).splitlines()
    assert lines[0].split() == ["example", "with", "result", "expected"]
    assert lines[1].split()[:3] == ["snippet", "-", "fails"]
    assert lines[2].rstrip().endswith("fails: no-program  UNEXPECTED")
    assert "no-folder: there is no folder" in lines
    assert lines[-1] == "unexpected: snippet with make it works: answer 42"


def test_what_an_example_prints_cannot_mislead_a_terminal() -> None:
    trial = Trial(example="snippet", seen=Seen(works=False, text="Error: \x1b]0;title\x07\u202e"))
    assert "\\x1b]0;title\\x07\\u202e" in table([trial])


def test_the_results_file_has_every_trial(tmp_path: Path) -> None:
    write_trials(tmp_path / "embed.json", "a-cell", {"python": "3.14.0"}, fixed_by(FOLDER, PROGRAM), {"more": 1})
    found = json.loads((tmp_path / "embed.json").read_text())
    assert (found["schema"], found["cell"], found["tested"]) == (1, "a-cell", {"python": "3.14.0"})
    assert found["more"] == 1
    assert found["trials"][1] == {
        "example": "snippet",
        "changes": ["make it"],
        "did": "fails",
        "seen": "Error: No module",
        "as_expected": True,
        "fails": "no-program",
        "cause": "it has no name",
    }


def test_a_headline_begins_where_an_error_is_named() -> None:
    assert headline("node:internal\n    at x\nErrnoError {\n  errno: 44\n}\n") == "ErrnoError { errno: 44 }"
    assert headline("answer 42\n") == "answer 42"
