"""The words of the project: what docs/architecture.md calls a thing, in plain English."""

from __future__ import annotations

import re

from harness.project import project_root

ROOT = project_root()
# In code, messages and documents there is a plainer word for each of these.
AVOIDED = re.compile(
    r"\b(anew|shall|be had|mend|mended|mends|at hand|none of yours|speaks of|struck|strikes)\b", re.IGNORECASE
)
# The key of a limitation that is still read, and the page that announces its new name.
EXCEPTIONS = {"harness/limitations/registry.py", "docs/changes.md"}


def test_there_is_a_plainer_word() -> None:
    found = []
    for pattern in (
        "harness/**/*.py",
        "harness/**/*.*js",
        "docs/*.md",
        "*.md",
        "expected_failures/README.md",
        "noxfile.py",
    ):
        for path in ROOT.glob(pattern):
            name = path.relative_to(ROOT).as_posix()
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if name not in EXCEPTIONS and (word := AVOIDED.search(line)):
                    found.append(f"{name}:{number}: {word[0]}")
    assert found == []
