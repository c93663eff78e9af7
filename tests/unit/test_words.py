"""The words of the project: what docs/architecture.md calls a thing, in plain English."""

from __future__ import annotations

import re

from harness.project import project_root

ROOT = project_root()
# In code, messages and documents there is a plainer word for each of these.
AVOIDED = re.compile(
    r"\b(anew|shall|be had|mend|mended|mends|at hand|none of yours|speaks of|struck|strikes|told|beside|whoever|room"
    r"|of which)\b",
    re.IGNORECASE,
)
DOCUMENTS = ("docs/*.md", "*.md", "expected_failures/README.md", "reports/README.md", "matrices/README.md")
# The key of a limitation that is still read, and the page that announces its new name.
EXCEPTIONS = {"harness/limitations/registry.py", "docs/changes.md"}


def words_in(patterns: tuple[str, ...], avoided: re.Pattern[str]) -> list[str]:
    found = []
    for path in (path for pattern in patterns for path in ROOT.glob(pattern)):
        name = path.relative_to(ROOT).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            text = re.sub(r"`[^`]*`", "", line) if path.suffix == ".md" else line
            if name not in EXCEPTIONS and (word := avoided.search(text)):
                found.append(f"{name}:{number}: {word[0]}")
    return found


def test_there_is_a_plainer_word() -> None:
    assert words_in(("harness/**/*.py", "harness/**/*.*js", "noxfile.py"), AVOIDED) == []


def test_there_is_a_plainer_word_in_documents() -> None:
    # What is quoted as code may have them.
    assert words_in(DOCUMENTS, AVOIDED) == []
