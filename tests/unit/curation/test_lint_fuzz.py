"""Malformed lists, made by the hundred: each gives errors with file and line, none a traceback."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from harness.curation.lint import find_problems
from harness.curation.suite_index import KnownSuite, Suites
from harness.errors import Problem
from harness.expectations.files import read_lists
from harness.limitations.registry import Registry
from tests.unit.sample_cells import EMSCRIPTEN, WASI
from tests.unit.sample_lists import REGISTRY
from tests.unit.sample_lists import entry as loose_entry


def entry(**changes: str) -> str:
    """An `[[expect]]` that needs no signature."""
    return loose_entry(**{"outcome": '"timeout"', **changes})


NAME = "expected_failures/fs.toml"
MALFORMED_OF_EACH_KIND = 60
TRIES = 40
GOOD = (
    "# links\n"
    + entry(signature='"OSError ENOTSUP"', note='"seen"', when='{ target = "emscripten", emscripten = ">=3.1.69,<6" }')
    + entry(
        tests='["test.test_os.LinkTests.test_b",\n  "test.test_os.LinkTests.test_c"]',
        outcome='["timeout", "pass"]',
        when='{ python = "<99" }',
    )
    + entry(
        tests='["setUpClass (test.test_os.X)"]', limitation="", issue='"https://github.com/python/cpython/issues/1"'
    )
    + entry(tests='["test.test_os"]', run="false", when='{ target = "wasi", pthreads = false }')
)
CASES = frozenset(
    f"test.test_os.{name}" for name in ("LinkTests.test_link", "LinkTests.test_b", "LinkTests.test_c", "X.a")
)
SUITE = KnownSuite(source="a run", modules=frozenset({"test.test_os"}), cases=CASES, whole=frozenset({"test.test_os"}))
VALUES = (
    "1",
    "-0.0",
    "nan",
    "true",
    '""',
    '"todo"',
    "[]",
    "[[]]",
    "{}",
    "{ a = 1 }",
    "[1]",
    '["", ""]',
    '["a", 1]',
    "1979-05-27",
    "1979-13-45",
    '"\\u0000"',
    '"💥"',
    "[" * 3000,
    "9" * 5000,
    '"' + "x" * 5000 + '"',
    '"test.*"',
    '"*"',
    '{ target = "emscripten", wasi_sdk = "25" }',
    '{ emscripten = "" }',
    '{ emscripten = ">=3,<2" }',
    '{ emscripten = "===3" }',
    "{ python = [1] }",
    "inf",
)
SNIPPETS = (
    "[",
    "]",
    '"',
    "'",
    "=",
    "\n",
    "\x00",
    "\x7f",
    "#",
    ",",
    "{",
    "}",
    "[[",
    "]]",
    "\\",
    "\ud7ff",
    "\r",
    '"""',
    ".",
)


def text_damage(chance: random.Random) -> str:
    """Characters removed, doubled, replaced or put in."""
    text = GOOD
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(text))
        length = chance.choice((0, 1, 1, 2, 20))
        text = text[:place] + chance.choice((*SNIPPETS, text[place : place + 9])) + text[place + length :]
    return text


def cut_short(chance: random.Random) -> str:
    return GOOD[: chance.randrange(10, len(GOOD) - 2)]


def wrong_value(chance: random.Random) -> str:
    """A value of another type, or one that means nothing."""
    lines = GOOD.split("\n")
    number = chance.choice([number for number, line in enumerate(lines) if " = " in line and not line.startswith(" ")])
    lines[number] = f"{lines[number].partition(' = ')[0]} = {chance.choice(VALUES)}"
    return "\n".join(lines)


def wrong_key(chance: random.Random) -> str:
    """A key misspelt, doubled, dotted, moved to another table or made one."""
    lines = GOOD.split("\n")
    number = chance.choice([number for number, line in enumerate(lines) if " = " in line and not line.startswith(" ")])
    key, _, value = lines[number].partition(" = ")
    lines[number] = chance.choice(
        (
            f"{key[:-1]}x = {value}",
            f"{key} = {value}\n{key} = {value}",
            f"{key}.{key} = {value}",
            f"[{key}]",
            f"[[{key}]]",
            f"[expect.{key}]\n{key} = {value}",
            f'"{key} " = {value}',
            "",
        )
    )
    return "\n".join(lines)


def wrong_table(chance: random.Random) -> str:
    """A header of another kind or name."""
    headers = ("[expect]", "[[expects]]", "[[expect", "[[expect.more]]", "expect = 3", "[[expect]] x", "[]", "[[]]")
    header = "#\n" * chance.randrange(9) + chance.choice(headers)
    places = [place for place in range(len(GOOD)) if GOOD.startswith("[[expect]]", place)]
    place = chance.choice(places)
    return GOOD[:place] + header + GOOD[place + len("[[expect]]") :]


def contradiction(chance: random.Random) -> str:
    """Well-formed, but wrong: ids, conditions and causes that lead nowhere."""
    changes = chance.choice(
        (
            {"tests": f'["test.test_os.LinkTests.test_{chance.randrange(1000)}"]'},
            {"tests": f'["test.test_{chance.randrange(1000)}.X.test_a"]'},
            {"when": f'{{ target = "emscripten", emscripten = ">={chance.randrange(7, 99)}" }}'},
            {"limitation": f'"no-such-{chance.randrange(1000)}"'},
            {"reason": f'"TODO {chance.randrange(1000)}"'},
            {"issue": f'"https://x.org/{chance.randrange(1000)}"'},
            {"signature": f'"[Errno {chance.randrange(100)}]"'},
            {"outcome": '"skip"', "note": f'"{chance.randrange(1000)}"'},
        )
    )
    return GOOD + entry(**changes)


KINDS = (text_damage, cut_short, wrong_value, wrong_key, wrong_table, contradiction)


def problems(text: str) -> list[Problem]:
    suites = Suites(by_cell={WASI.id: SUITE, EMSCRIPTEN.id: SUITE})
    links = REGISTRY.limitations["fs-hard-links"]
    registry = Registry({links.id: links}, places={links.id: "expected_failures/limitations.toml:1"})
    found = find_problems(read_lists({NAME: text}, registry), registry, (WASI, EMSCRIPTEN), suites)
    return [problem for problem in found if problem.key != "limitation.id"]


def test_the_list_that_is_damaged_is_without_a_mistake() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_malformed_list_gives_located_errors(kind: Callable[[random.Random], str]) -> None:
    malformed: set[str] = set()
    for seed in range(MALFORMED_OF_EACH_KIND * TRIES):
        text = kind(random.Random(seed))
        found = problems(text)
        for problem in found:
            assert problem.file == NAME, text
            assert 1 <= problem.line <= text.count("\n") + 1, (problem, text)
            assert problem.message, text
        if found:
            malformed.add(text)
        if len(malformed) == MALFORMED_OF_EACH_KIND:
            return
    pytest.fail(f"only {len(malformed)} malformed lists of this kind")
