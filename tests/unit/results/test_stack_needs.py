"""stack.json: what is written is read back, what is no such file is refused, and what has grown."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.results.outcomes import Outcome
from harness.results.stack_needs import STACK_FILE, StackNeed, StackNeeds, grown, load_needs, mebibytes, write_needs

MIB = 1 << 20


def needs(**cases: int | None) -> StackNeeds:
    return StackNeeds(
        cell="wasi",
        engine="wasmtime 50.0.1",
        usual=8 * MIB,
        most=64 * MIB,
        cases={name: StackNeed(module="test_os", needs=size, outcome=Outcome.PASS) for name, size in cases.items()},
    )


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    assert load_needs(tmp_path) is None
    write_needs(tmp_path, needs(a=MIB, b=None))
    assert load_needs(tmp_path) == needs(a=MIB, b=None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"schema": 2, "cell": "", "engine": "", "usual": 0, "most": 0, "cases": {}}', "has schema 2"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / STACK_FILE).write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_needs(tmp_path)


def test_what_has_grown_is_what_needs_more_than_measures_differ() -> None:
    before = needs(same=MIB, nearly=100, more=100, gone=MIB, never=None, endless=MIB)
    after = needs(same=MIB, nearly=105, more=106, new=MIB, never=None, endless=None)
    assert [str(growth) for growth in grown(before, after)] == [
        "endless: needs more than was tried of stack, 1.00 MiB before",
        "more: needs 0.00 MiB of stack, 0.00 MiB before",
    ]


def test_sizes_are_mebibytes() -> None:
    assert mebibytes(3 * MIB // 2) == "1.50 MiB"
