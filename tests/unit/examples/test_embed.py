"""What `embed` refuses before anything is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError, UnavailableError
from harness.examples import embed as embed_module
from harness.examples.embed import embed
from harness.run.prepare import BuildRequest
from tests.unit.refusals import no_build

README = Path(__file__).parents[2] / "data" / "embedding.md"


@pytest.mark.parametrize("cell", ["wasi", "pyodide-0.29.5"])
def test_a_cell_with_nothing_to_embed_is_refused_before_anything_is_built(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embed_module, "prepare", no_build)
    with pytest.raises(UnavailableError, match=f"{cell} has nothing to embed"):
        embed(cell, BuildRequest(), "", "")


@pytest.mark.parametrize("cell", ["emscripten-3.1.69", "emscripten-3.1.69-chromium"])
def test_a_readme_without_the_snippet_is_refused_before_anything_is_built(
    cell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embed_module, "prepare", no_build)
    other = tmp_path / "README.md"
    other.write_text("# Python\n")
    with pytest.raises(ConfigError, match="the README has no snippets with createEmscriptenModule"):
        embed(cell, BuildRequest(), "", str(other))
