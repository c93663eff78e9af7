"""The words of the project: what docs/architecture.md calls a thing, in plain English."""

from __future__ import annotations

import re

import pytest

from harness.project import project_root

ROOT = project_root()
# In code, messages and documents there is a plainer word for each of these. In a name, `_` separates words too.
AVOIDED = re.compile(
    r"\b(anew|shall|be had|mend|mended|mends|at hand|none of yours|speaks? of|struck|strikes|told|beside|whoever|room"
    r"|of which)\b",
    re.IGNORECASE,
)
CODE = ("harness/**/*.py", "harness/**/*.*js", "noxfile.py")
TESTS = ("tests/**/*.py",)
SETTINGS = ("matrices/*.toml", ".github/**/*.yml", "pyproject.toml")
DOCUMENTS = ("docs/*.md", "*.md", "expected_failures/README.md", "reports/README.md")
# The key of a limitation that is still read, its test, and the page that announces its new name; and this file.
EXCEPTIONS = {
    "harness/limitations/registry.py",
    "tests/unit/limitations/test_registry.py",
    "docs/changes.md",
    "tests/unit/test_words.py",
}


def avoided_word(line: str, suffix: str) -> str:
    """The first word of the line that is to be avoided; what a document quotes as code does not count."""
    text = re.sub(r"`[^`]*`", "", line) if suffix == ".md" else line.replace("_", " ")
    found = AVOIDED.search(text)
    return found[0] if found else ""


def words_in(patterns: tuple[str, ...]) -> list[str]:
    """The places of all words to avoid, in the files of these patterns; each pattern has files."""
    assert all(any(ROOT.glob(pattern)) for pattern in patterns)
    found = []
    for path in (path for pattern in patterns for path in ROOT.glob(pattern)):
        name = path.relative_to(ROOT).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if name not in EXCEPTIONS and (word := avoided_word(line, path.suffix)):
                found.append(f"{name}:{number}: {word}")
    return found


@pytest.mark.parametrize(
    ("line", "suffix", "word"),
    [
        ("It is Told.", ".py", "Told"),
        ("def is_told_once():", ".py", "told"),
        ("is retold", ".py", ""),
        ("`a_told` is", ".md", ""),
        ("`a` is told", ".md", "told"),
    ],
)
def test_a_word_is_found_in_a_sentence_and_in_a_name(line: str, suffix: str, word: str) -> None:
    assert avoided_word(line, suffix) == word


@pytest.mark.parametrize("patterns", [CODE, TESTS, SETTINGS, DOCUMENTS])
def test_there_is_a_plainer_word(patterns: tuple[str, ...]) -> None:
    assert words_in(patterns) == []
