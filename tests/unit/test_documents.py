"""The documents: their links lead somewhere, and what is made from the code is what the code says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import msgspec
import pytest

from harness.cli.reference import commands_page
from harness.project import project_root
from harness.results.cell_results import CellResults, RunInfo
from harness.results.command_line import RunOptions
from harness.results.outcomes import CaseResult, Detail, ModuleRecord, PartsRun, SubtestResult
from harness.results.verdicts import CaseVerdict, Comparison

ROOT = project_root()
PAGES = sorted(
    path.relative_to(ROOT)
    for path in (*ROOT.glob("*.md"), *ROOT.glob("*/*.md"))
    if not path.relative_to(ROOT).parts[0].startswith(".")
)
_LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def links(page: Path) -> list[str]:
    """The links of a page within the project."""
    text = re.sub(r"^ {4}.*$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [link for link in _LINK.findall(text) if "://" not in link]


def anchors(page: Path) -> set[str]:
    """What a link to a heading of the page ends in."""
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), f"{page}: {link}"
        assert not anchor or anchor in anchors(file), f"{page}: {link}"


def test_the_commands_are_those_of_the_parsers() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert text == commands_page(), "make it again: python -m harness.cli.reference > docs/commands.md"


@pytest.mark.parametrize(
    "part",
    [
        CellResults,
        RunInfo,
        RunOptions,
        Comparison,
        CaseVerdict,
        ModuleRecord,
        PartsRun,
        CaseResult,
        SubtestResult,
        Detail,
    ],
)
def test_every_key_of_results_is_described(part: type[msgspec.Struct]) -> None:
    text = (ROOT / "reports" / "README.md").read_text(encoding="utf-8").partition("## results.json")[2]
    # In results.json the cases of a module are keys, and so are the modules.
    keys = {field.encode_name for field in msgspec.structs.fields(part)} - {"case", "module", "modules"}
    assert sorted(key for key in keys if f"`{key}`" not in text) == []


def test_every_document_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    left = [Path("README.md")]
    while left:
        page = left.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        targets = (link.partition("#")[0] for link in links(page))
        left += [((ROOT / page).parent / target).resolve().relative_to(ROOT) for target in targets if target]
    assert seen == set(PAGES)


def test_the_readme_is_a_screen_and_a_half() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 80


# Words of this project's own, which a reader cannot know; docs/results.md explains them.
OWN_WORDS = ("cell", "circumstance", "oracle", "signature")
# The page that explains them, a page for people who know them, and the pages that a program makes.
WITHOUT_LINKS = {Path("docs/results.md"), Path("docs/changes.md"), Path("docs/commands.md"), Path("docs/mutation.md")}
# Here a page is about the word: it is the explanation.
EXPLAINED = {
    "cell": {"docs/architecture.md", "docs/cells.md"},
    "oracle": {"docs/oracle.md"},
    # A signature there is the signature of a download.
    "signature": {"docs/pins.md", "docs/origins.md"},
    "circumstance": set(),
}


def prose(page: Path) -> str:
    """The text of a page without its blocks of code, its code within lines, its headings, and links to whole pages."""
    text = (ROOT / page).read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```|^ {4}.*?$|^#.*?$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`]*`|\[[^]]*\.md\]\([^)]*\)", "", text)


def test_the_words_are_explained() -> None:
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    words = page.partition("\n## Words\n")[2].partition("\n## ")[0]
    for word in (*OWN_WORDS, "in part", "held", "limitation", "entry", "lost and run again"):
        assert f"\n| {word} | " in words


@pytest.mark.parametrize("word", OWN_WORDS[1:])
def test_a_word_of_our_own_leads_to_its_explanation_where_a_page_first_has_it(word: str) -> None:
    for page in PAGES:
        if page in WITHOUT_LINKS or page.as_posix() in EXPLAINED[word]:
            continue
        if first := re.search(rf"(?i)\b{word}s?\b(\]\([^)]*\))?", prose(page)):
            assert "results.md#words" in (first[1] or ""), f"{page}: the first {word!r} has no link"


def test_the_page_on_results_has_the_number_of_frames_that_are_kept() -> None:
    faults = (ROOT / "harness" / "engines" / "child" / "faults.mjs").read_text(encoding="utf-8")
    kept = re.search(r"FRAMES_KEPT = ([\d_]+);", faults)
    assert kept
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert f"the innermost {int(kept[1]):,} under Node and in Chromium" in page


def test_the_commands_page_has_every_nox_session() -> None:
    """The sessions of a cell by what is before its id."""
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`([\w-]+?)(?:-<cell>)?`", page.partition("## Build and test")[0]))
    found = set()
    for node in ast.walk(ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and (
            called := [d for d in node.decorator_list if isinstance(d, ast.Call)]
        ):
            names = [each.value for each in called[0].keywords if each.arg == "name"]
            text = ast.unparse(names[0]).strip("f'\"") if names else node.name
            found.add(text.removesuffix("-{cell.id}"))
    assert found <= listed
    assert {"tests", "test", "audit-skips", "update-expectations"} <= found
