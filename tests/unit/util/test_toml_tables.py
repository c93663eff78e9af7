"""TOML tables as dataclasses: every mistake, with its line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest

from harness.errors import Problem
from harness.util.toml_tables import Document, Mistake, TableReader, load_document


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, kw_only=True)
class Item:
    id: str
    colour: Colour = Colour.RED
    tags: tuple[Colour, ...] = ()
    seconds: float = 1.0
    count: int = 0
    on: bool = False
    note: str | None = None


def document(folder: Path, text: str | bytes) -> tuple[Document, list[Problem]]:
    path = folder / "items.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    problems: list[Problem] = []
    return load_document(path, "items.toml", problems), problems


def read(folder: Path, text: str) -> tuple[list[Item | None], list[Problem]]:
    found, problems = document(folder, text)
    reader = TableReader(found, problems)
    reader.check_top_level({"item"})
    items = [reader.read(Item, data, table="item", index=index) for index, data in enumerate(reader.array("item"))]
    return items, problems


def test_a_table_becomes_a_value_of_the_declared_types(tmp_path: Path) -> None:
    lines = [
        'id = "a"',
        'colour = "green"',
        'tags = ["red"]',
        "seconds = 3",
        "count = 2",
        "on = true",
        'note = "n"',
    ]
    text = "\n".join(["[[item]]", *lines])
    items, problems = read(tmp_path, text)
    assert problems == []
    assert items == [Item(id="a", colour=Colour.GREEN, tags=(Colour.RED,), seconds=3.0, count=2, on=True, note="n")]
    assert items[0]
    assert type(items[0].seconds) is float
    assert type(items[0].colour) is Colour


@pytest.mark.parametrize(
    ("line", "message", "suggestion"),
    [
        ('colr = "red"', "unknown key", "did you mean 'colour'?"),
        ('colour = "gren"', "must be one of red, green, not 'gren'", "did you mean 'green'?"),
        ("colour = 3", "must be one of red, green, not 3", ""),
        ("colour = []", "must be one of red, green, not []", ""),
        ('tags = "red"', "must be a list, not a string ('red')", ""),
        ('tags = ["red", "blue"]', "must be one of red, green, not 'blue'", "allowed: green, red"),
        ("count = 1.5", "must be a whole number, not a number (1.5)", ""),
        ("count = true", "must be a whole number, not true or false (True)", ""),
        ("on = 1", "must be true or false, not a whole number (1)", ""),
        ("seconds = nan", "must be a finite number, not nan", ""),
        ("note = 1", "must be a string, not a whole number (1)", ""),
        ("note = 1979-05-27", "must be a string, not date (datetime.date(1979, 5, 27))", ""),
    ],
)
def test_an_ill_typed_key_is_reported_with_its_line(tmp_path: Path, line: str, message: str, suggestion: str) -> None:
    items, (problem,) = read(tmp_path, f'# items\n[[item]]\nid = "a"\n{line}\n')
    assert items == [None]
    assert (problem.line, problem.message, problem.suggestion) == (4, message, suggestion)
    assert problem.key == f"item.{line.partition(' ')[0]}"


def test_a_missing_key_has_the_line_of_its_table(tmp_path: Path) -> None:
    items, problems = read(tmp_path, '[[item]]\nid = "a"\n\n[[item]]\ncount = 1\n')
    assert items[1] is None
    assert [str(problem) for problem in problems] == ["items.toml:4: item: 'id' is missing"]


def test_only_the_table_with_the_mistake_is_lost(tmp_path: Path) -> None:
    items, problems = read(tmp_path, '[[item]]\nx = 1\ny = 2\n[[item]]\nid = "b"\n')
    assert items == [None, Item(id="b")]
    assert [problem.line for problem in problems] == [2, 3, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('itm = 1\n[[item]]\nid = "a"\n', "items.toml:1: itm: unknown table or key (did you mean 'item'?)"),
        ('\n[item]\nid = "a"\n', "items.toml:2: item: must be an array of tables, [[item]]"),
        ("\nitem = 3\n", "items.toml:2: item: must be an array of tables, [[item]]"),
        (
            '\nitem = [{ id = "a", on = 3 }]\n',
            "items.toml:2: item.on: must be true or false, not a whole number (3)",
        ),
    ],
)
def test_a_mistake_outside_a_table_has_a_line_too(tmp_path: Path, text: str, message: str) -> None:
    assert [str(problem) for problem in read(tmp_path, text)[1]] == [message]


def test_a_value_that_is_not_a_table_is_reported(tmp_path: Path) -> None:
    found, problems = document(tmp_path, "defaults = 1\n")
    assert TableReader(found, problems).table("defaults") == {}
    assert [problem.message for problem in problems] == ["must be a table, [defaults]"]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b'[[item]]\nid = "a\n', 2, "is not valid TOML"),
        (b"id = 1\nid = 2\n", 2, "is not valid TOML"),
        (b"y = 1\nx = " + b"[" * 10_000, 2, "is not valid TOML"),
        (b'# caf\xc3\xa9\nid = "\xff"\n', 2, "is not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_a_problem_and_an_empty_document(
    tmp_path: Path, content: bytes, line: int, message: str
) -> None:
    found, (problem,) = document(tmp_path, content)
    assert found.data == {}
    assert problem.line == line
    assert problem.message.startswith(message)


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    problems: list[Problem] = []
    assert load_document(tmp_path / "none.toml", "none.toml", problems).data == {}
    assert [str(problem) for problem in problems] == ["none.toml: cannot be read: No such file or directory"]


def test_lines_are_found_past_strings_comments_and_like_names(tmp_path: Path) -> None:
    text = '''\
note = """
[[item]]
id = 1
"""
  [[ item ]]  # the first
id = "a"
tags = [
  "red",
]
[[items]]
[[item]]
"id" = "b"
on.x = 1
'''
    found, problems = document(tmp_path, text)
    assert problems == []
    assert [found.line_of("item", index) for index in (0, 1, 2)] == [5, 11, 0]
    assert [found.line_of("item", index, "id") for index in (0, 1)] == [6, 12]
    assert found.line_of("item", 0, "tags") == 7
    assert found.line_of("item", 0, "on") == 5
    assert found.line_of("item", 1, "on") == 13


def test_lines_are_found_in_files_of_another_system(tmp_path: Path) -> None:
    found, _ = document(tmp_path, '[[item]]\r\nid = "a"\r\n[[item]]\r\n')
    assert [found.line_of("item", index) for index in (0, 1)] == [1, 3]


def test_mistakes_are_reported_with_their_lines_and_those_within_an_inline_table_with_its(tmp_path: Path) -> None:
    found, problems = document(tmp_path, '[[item]]\nid = "a"\n[[item]]\nid = "b"\nwhen = { colour = "red" }\n')
    reader = TableReader(found, problems)
    reader.report([Mistake("id", "is taken"), Mistake("note", "is missing", "write one")], "item", 1)
    reader.report([Mistake("colour", "is unknown")], "item", 1, within="when")
    assert problems == [
        Problem(file="items.toml", line=4, key="item.id", message="is taken"),
        Problem(file="items.toml", line=3, key="item.note", message="is missing", suggestion="write one"),
        Problem(file="items.toml", line=5, key="item.when.colour", message="is unknown"),
    ]
