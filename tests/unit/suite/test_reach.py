"""Which modules a change can reach."""

from __future__ import annotations

import pytest

from harness.suite.reach import reached

SUITE = ("test_heapq", "test_json", "test.test_asyncio.test_events", "test.test_asyncio.test_tasks", "test_new")
IMPORTS = {
    "test_heapq": {"test/test_heapq.py", "heapq.py"},
    "test_json": {"test/test_json/__init__.py", "test/test_json/test_dump.py", "json/tool.py", "heapq.py"},
    "test.test_asyncio.test_events": {"test/test_asyncio/test_events.py", "test/test_asyncio/utils.py"},
    "test.test_asyncio.test_tasks": {"test/test_asyncio/test_tasks.py", "test/test_asyncio/utils.py"},
    "test_new": {"test/test_new.py"},
}
EVENTS, TASKS = SUITE[2:4]


@pytest.mark.parametrize(
    ("file", "modules"),
    [
        ("Lib/heapq.py", ("test_heapq", "test_json")),
        ("Lib/json/tool.py", ("test_json",)),
        ("Lib/test/test_heapq.py", ("test_heapq",)),
        ("Lib/test/test_json/test_dump.py", ("test_json",)),
        ("Lib/test/test_json/data.txt", ("test_json",)),
        ("Lib/test/test_asyncio/test_events.py", (EVENTS,)),
        ("Lib/test/test_asyncio/utils.py", (EVENTS, TASKS)),
        ("Doc/library/heapq.rst", ()),
        ("Misc/NEWS.d/next/Library/x.rst", ()),
        ("README.rst", ()),
        # What regrtest itself imports is recorded of no module, and what is read without an import neither.
        ("Lib/os.py", SUITE),
        ("Lib/test/support/__init__.py", SUITE),
        ("Lib/test/test_asyncio/data.pem", SUITE),
        ("Modules/_heapqmodule.c", SUITE),
        ("Misc/stable_abi.toml", SUITE),
        ("configure.ac", SUITE),
    ],
)
def test_a_changed_file_reaches_who_imports_it_or_all(file: str, modules: tuple[str, ...]) -> None:
    found = reached([file], SUITE, IMPORTS)
    assert found.modules == modules
    assert found.left_out == len(SUITE) - len(modules)


def test_changes_add_up_and_the_page_says_what_is_left_out() -> None:
    found = reached(["Lib/heapq.py", "Doc/a.rst", "Lib/test/test_asyncio/utils.py"], SUITE, IMPORTS)
    assert found.modules == SUITE[:4]
    assert found.lines() == [
        "3 changed files: 4 modules of 5 can be reached, 1 left out",
        "  Lib/heapq.py: test_heapq, test_json",
        f"  Lib/test/test_asyncio/utils.py: {EVENTS}, {TASKS}",
        "  Doc/a.rst: no test",
    ]


def test_a_module_without_recorded_imports_is_always_reached() -> None:
    found = reached(["Lib/json/tool.py"], SUITE, {**IMPORTS, "test_new": set()})
    assert found.modules == ("test_json", "test_new")
    assert found.lines()[-1] == "  1 module without recorded imports: tested too"


def test_a_file_of_c_is_the_first_to_be_named() -> None:
    files = [f"Lib/test/test_json/{number:02}.py" for number in range(12)]
    lines = reached([*files, "Python/ceval.c"], SUITE, IMPORTS).lines()
    assert lines[:2] == ["13 changed files: all 5 modules of the suite can be reached", "  Python/ceval.c: all modules"]
    assert lines[-1] == "  and 3 more files"


def test_where_nothing_has_changed_nothing_is_reached() -> None:
    assert reached([], SUITE, IMPORTS).modules == ()
    assert reached([], SUITE, {}).modules == ()
