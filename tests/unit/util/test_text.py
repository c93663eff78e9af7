"""Words with numbers."""

from __future__ import annotations

import pytest

from harness.util.text import counted


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "case", "0 cases"),
        (1, "case", "1 case"),
        (2000, "case", "2,000 cases"),
        (1, "entry", "1 entry"),
        (3, "entry", "3 entries"),
        (2, "class", "2 classes"),
    ],
)
def test_a_number_has_its_noun_in_the_singular_or_the_plural(number: int, noun: str, text: str) -> None:
    assert counted(number, noun) == text
