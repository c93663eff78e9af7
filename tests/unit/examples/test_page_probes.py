"""What the trials of the web example say of documented statements."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence

import pytest

from harness.examples.causes import NO_FS, NO_ZLIB, SHORT_LINES
from harness.examples.page_probes import ASK_FOR_CONTENTS, CONTENTS, page_observations, probe_of
from harness.examples.trials import Cause, Seen, Trial
from harness.examples.web_example import PARTS
from harness.limitations.observation import Did
from harness.limitations.registry import load_registry
from tests.probe_findings import REGISTRY

CAUSES = (NO_FS, NO_ZLIB)


def trial(part: str, text: str, *, works: bool = False, changes: Sequence[Cause] = CAUSES) -> Trial:
    return Trial(example=part, part=part, changes=tuple(changes), seen=Seen(works=works, text=text))


def test_what_counts_of_run_is_what_comes_with_every_change_that_it_needs() -> None:
    trials = [trial("run", "TypeError: x", changes=()), trial("run", "answer 42", works=True)]
    assert {name: seen.did for name, seen in page_observations(trials).items()} == {"page.run": Did.WORKS}


def test_what_counts_of_another_part_is_what_comes_without_the_change_for_its_own_fault() -> None:
    trials = [
        trial("paste-long-line", "the answer\nis not shown"),
        trial("paste-long-line", "answer 200", works=True, changes=(*CAUSES, SHORT_LINES)),
    ]
    (seen,) = page_observations(trials).values()
    assert (seen.probe, seen.did, seen.message) == (
        *("page.paste_long_line", Did.NO_EFFECT, "the answer is not shown"),
    )


def test_the_name_of_an_error_is_its_kind() -> None:
    text = "Error: the answer is not shown\nReferenceError: SharedArrayBuffer is not defined"
    (seen,) = page_observations([trial("not-isolated", text)]).values()
    assert (seen.did, seen.kinds) == (Did.ERROR, ("ReferenceError",))


def test_the_library_is_asked_for_each_of_its_contents() -> None:
    text = "networking lacks ftplib asyncio\ndbm has dbm\nother lacks x\nExited with status: 0"
    found = page_observations([trial("library", text)])
    assert set(found) == {"page.networking", "page.dbm"}
    assert found["page.dbm"].did is Did.WORKS
    assert found["page.networking"].is_missing
    assert found["page.networking"].message == "not in the library of the page: ftplib, asyncio"


def test_the_program_that_asks_prints_a_line_for_each_no_longer_than_a_terminal_is_wide(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(ASK_FOR_CONTENTS, {})
    found = page_observations([trial("library", printed.getvalue())])
    assert set(found) == {probe_of(name) for name in CONTENTS}
    assert found["page.sources"].did is found["page.networking"].did is Did.WORKS
    longest = max(len(f"{group} lacks {' '.join(names)}") for group, names in CONTENTS.items())
    assert longest < 80


def test_the_page_can_answer_every_probe_that_the_registry_asks_it_for() -> None:
    asked = {probe for item in load_registry(REGISTRY).limitations.values() for probe in item.page_probes}
    answered = {probe_of(part.name) for part in PARTS} | {probe_of(name) for name in CONTENTS}
    assert asked - answered == set()
