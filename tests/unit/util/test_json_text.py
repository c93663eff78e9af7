"""JSON by msgspec, with what only the standard library reads and writes."""

from __future__ import annotations

import json

import msgspec
import pytest

from harness.util.json_text import decode_json, encode_json


class Path(msgspec.Struct):
    path: str
    length: int = 0


@pytest.mark.parametrize("path", ["/tmp/a", "/tmp/\udcff", "\ud800", "\U0001f40d"])
@pytest.mark.parametrize("indent", [0, 1])
def test_every_text_survives(path: str, indent: int) -> None:
    text = encode_json(Path(path, 7), indent=indent)
    assert decode_json(text.encode(), Path) == Path(path, 7)
    assert json.loads(text) == {"path": path, "length": 7}
    assert text.count("\n") == (3 if indent else 0)


@pytest.mark.parametrize("path", ["a", "\\ud800"])
def test_another_type_is_refused_with_the_path_of_the_fault(path: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"Expected `int`, got `str` - at `\$\.length`"):
        decode_json(f'{{"path": "{path}", "length": "x"}}'.encode(), Path)


def test_what_is_not_json_is_refused_by_line_and_column() -> None:
    with pytest.raises(json.JSONDecodeError, match="line 2 column 1"):
        decode_json(b'{"path":\n', Path)
    with pytest.raises(UnicodeDecodeError):
        decode_json(b'{"path": "\xff"}', Path)
