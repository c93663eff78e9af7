"""The packages stand on floors: a file imports from its own package and from lower floors, and never in a circle."""

from __future__ import annotations

import ast
import fnmatch
import re
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "harness"
# The lowest first. What stands on one floor does not import from another package of that floor.
FLOORS = (
    ("errors", "project", "manifest"),
    ("util",),
    ("targets",),
    ("matrix", "engines"),
    ("sources", "toolchains", "results"),
    ("build", "suite", "limitations"),
    ("expectations", "report", "history", "bundles"),
    ("run", "curation", "site"),
    ("bisect", "diagnostics", "examples"),
    ("cli",),
    ("__main__", "bench"),
)
# These run in processes of their own, started by path: they import nothing of the rest.
APART = ("guest", "engines.child")


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def imports_of(source: str) -> Iterator[str]:
    """The modules of the harness that a source imports, wherever in it the statement stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


IMPORTS = {
    module: {name for name in imports_of(path.read_text(encoding="utf-8")) if name in MODULES and name != "harness"}
    for module, path in MODULES.items()
}


def package_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def floor_of(module: str) -> int:
    return next(number for number, floor in enumerate(FLOORS) if package_of(module) in floor)


def is_apart(module: str) -> bool:
    return any(module.startswith(f"harness.{package}") for package in APART)


@pytest.mark.parametrize("module", [module for module in MODULES if module != "harness" and not is_apart(module)])
def test_imports_go_down(module: str) -> None:
    others = [name for name in IMPORTS[module] if package_of(name) != package_of(module)]
    assert [name for name in others if is_apart(name) or floor_of(name) >= floor_of(module)] == []


@pytest.mark.parametrize("module", [module for module in MODULES if is_apart(module)])
def test_what_runs_elsewhere_imports_nothing_of_the_rest(module: str) -> None:
    assert [name for name in IMPORTS[module] if not is_apart(name)] == []


def test_no_two_files_import_each_other() -> None:
    TopologicalSorter(IMPORTS).prepare()  # it raises CycleError with the modules of a circle


def test_an_import_inside_a_function_is_seen() -> None:
    source = "def f():\n    from harness.util import cache\n    import harness.errors\n"
    assert set(imports_of(source)) == {"harness.util.cache", "harness.errors"}


CHECKOUT = ROOT.parent
# A path of the harness, wherever it is written: in a page, a comment, a string.
NAMED = re.compile(r"(?<![\w/.])harness/[\w/]+\.(?:py|mjs|cjs|j2)\b")
PAGES = [
    *CHECKOUT.glob("*.md"),
    *CHECKOUT.glob("*/*.md"),
    *ROOT.rglob("*.py"),
    *ROOT.rglob("*.mjs"),
    *ROOT.rglob("*.cjs"),
]


@pytest.mark.parametrize("page", [str(path.relative_to(CHECKOUT)) for path in PAGES if ".venv" not in path.parts])
def test_files_that_a_page_names_exist(page: str) -> None:
    names = set(NAMED.findall((CHECKOUT / page).read_text(encoding="utf-8")))
    assert [name for name in sorted(names) if not (CHECKOUT / name).is_file()] == []


def test_pytest_passes_over_no_folder_of_tests() -> None:
    """By default pytest does not look into folders of some names, `build` among them."""
    options = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    folders = {path.parent.relative_to(CHECKOUT) for path in (CHECKOUT / "tests").rglob("test_*.py")}
    passed_over = [folder for folder in folders for part in folder.parts if _matches(part, options["norecursedirs"])]
    assert passed_over == []


def _matches(name: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def test_the_plugin_is_where_pytest_looks_for_it() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["entry-points"]["pytest11"].values()) <= MODULES.keys()


def test_no_test_asserts_how_long_a_thing_takes() -> None:
    """A machine that does something else at the same time would turn it red: speed is measured by `nox -s bench`."""
    timed = re.compile(r"assert .*(monotonic|perf_counter|process_time)\(\)")
    tests = ROOT.parent / "tests"
    waiting = tests / "processes.py"
    found = [path for path in tests.rglob("*.py") if path != waiting and timed.search(path.read_text("utf-8"))]
    assert found == []
