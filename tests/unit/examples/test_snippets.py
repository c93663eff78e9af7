"""The snippets are those of the README, and a README that has changed is not taken for one that is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import ConfigError, UnavailableError
from harness.examples.snippets import (
    browser_snippet,
    node_snippet,
    readme_with_snippets,
    with_setting,
    with_statement,
)

README = (Path(__file__).parents[2] / "data" / "embedding.md").read_text()


def test_the_snippet_for_node_gets_the_folder_in_the_place_of_its_placeholder() -> None:
    snippet = node_snippet(README, Path("/srv/lib"))
    assert snippet.startswith('import createEmscriptenModule from "./python.mjs";\n')
    assert '{ root: "/srv/lib" },' in snippet
    assert "NODEFS" in snippet


def test_the_snippet_for_browsers_is_verbatim_for_its_own_version() -> None:
    snippet = browser_snippet(README, "3.14")
    assert snippet in README
    assert 'fetch("python3.14.zip")' in snippet


def test_the_snippet_for_browsers_gets_the_version_that_runs() -> None:
    snippet = browser_snippet(README, "3.13")
    assert 'fetch("python3.13.zip")' in snippet
    assert "`/lib/python313.zip`" in snippet
    assert 'mkdirTree("/lib/python3.13/lib-dynload/")' in snippet
    assert "3.14" not in snippet
    assert "314" not in snippet


def test_a_folder_with_any_name_is_a_string_of_the_snippet() -> None:
    odd = Path('/srv/it\'s "the" library\\ #1 \u00fc')
    line = next(line for line in node_snippet(README, odd).splitlines() if "root:" in line)
    assert json.loads(line.partition("root: ")[2].removesuffix(" },")) == str(odd)


@pytest.mark.parametrize("readme", ["# No snippets\n", README * 2, README.replace("NODEFS", "OTHERFS")])
def test_a_readme_that_has_changed_is_refused(readme: str) -> None:
    with pytest.raises(ConfigError, match="snippets"):
        node_snippet(readme, Path("/srv/lib"))


def test_changes_are_made_where_they_count() -> None:
    snippet = node_snippet(README, Path("/srv/lib"))
    assert 'preRun(Module) { Module.FS.mkdirTree("/lib");\n' in with_statement(snippet, 'Module.FS.mkdirTree("/lib");')
    assert 'createEmscriptenModule({ thisProgram: "x",\n' in with_setting(snippet, 'thisProgram: "x"')
    with pytest.raises(ConfigError, match="cannot be changed"):
        with_statement(snippet.replace("preRun", "prerun"), "x();")


def test_the_readme_is_where_the_tree_has_it(tmp_path: Path) -> None:
    for name in ("Tools/wasm", "Platforms/emscripten"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "Tools/wasm/README.md").write_text("# WebAssembly\n")
    with pytest.raises(UnavailableError, match="shows no embedding"):
        readme_with_snippets(tmp_path)
    (tmp_path / "Platforms/emscripten/README.md").write_text(README)
    assert readme_with_snippets(tmp_path) == tmp_path / "Platforms/emscripten/README.md"
