"""The samples in the documents are what the console prints of two real runs, whose results are kept in tests/data.

`regression` was run with lists that had no entry for its case.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from harness.limitations.skip_account import account_for
from harness.limitations.skip_text import one_line
from harness.project import project_root
from harness.report.console import render_console
from harness.results.cell_results import load_results
from harness.run.cell_run import WIDTH

SAMPLES = project_root() / "tests" / "data" / "samples"


def printed(name: str) -> str:
    """What the console prints of the results."""
    results = load_results(SAMPLES / f"{name}.json")
    run = results.run.started.rstrip("Z").replace(":", "-")
    return render_console(
        results,
        color=False,
        width=WIDTH,
        results_file=f"reports/{run}/{results.cell.id}/results.json",
        skips=one_line(account_for(results, native=False)),
    )


@pytest.mark.parametrize(("document", "name"), [("README.md", "known"), ("docs/results.md", "regression")])
def test_a_document_shows_what_is_printed(document: str, name: str) -> None:
    sample = textwrap.indent(printed(name).strip("\n"), "    ")
    text = (project_root() / document).read_text(encoding="utf-8")
    assert f"\n{sample}\n" in text, f"{document} shows another text than what is printed:\n{sample}"


@pytest.mark.parametrize("document", ["README.md", "docs/results.md"])
def test_the_lines_of_the_samples_are_explained(document: str) -> None:
    """Each label that stands before a line of the samples is in the table of docs/results.md."""
    explained = (project_root() / "docs" / "results.md").read_text(encoding="utf-8")
    text = (project_root() / document).read_text(encoding="utf-8")
    labels = {line.split()[0] for line in text.splitlines() if line.startswith("      ") and line[6:7].isalpha()}
    assert labels
    assert [label for label in sorted(labels) if f"| `{label}` |" not in explained] == []


def test_the_kept_results_name_no_machine() -> None:
    for path in sorted(Path(SAMPLES).glob("*.json")):
        assert "/root" not in path.read_text(encoding="utf-8")
