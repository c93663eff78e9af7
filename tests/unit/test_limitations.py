"""The registry of limitations, and the one this project ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.limitations import Registry, load_registry
from harness.matrix import Target

SHIPPED = Path(__file__).parents[2] / "expected_failures" / "limitations.toml"

LINKS = {
    "id": '"fs-hard-links"',
    "section": '"File system"',
    "statement": '"Hard links cannot be made."',
    "source": '"https://github.com/python/cpython/blob/3b18af964da9/Tools/wasm/README.md#file-system"',
    "targets": '["emscripten"]',
}


def table(**changes: str) -> str:
    entry = LINKS | changes
    return "\n".join(["[[limitation]]", *(f"{key} = {value}" for key, value in entry.items() if value), ""])


def load(folder: Path, text: str) -> Registry:
    path = folder / "limitations.toml"
    path.write_text(text, encoding="utf-8")
    return load_registry(path)


def problems(folder: Path, text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return [(problem.line, problem.key, problem.message) for problem in caught.value.problems]


def test_an_entry_is_read_as_written(tmp_path: Path) -> None:
    registry = load(tmp_path, table(needs='["hard_links"]') + table(id='"fs-umask"'))
    links = registry.limitations["fs-hard-links"]
    assert links.targets == (Target.EMSCRIPTEN,)
    assert links.needs == ("hard_links",)
    assert list(registry.limitations) == ["fs-hard-links", "fs-umask"]


@pytest.mark.parametrize(
    ("changes", "line", "key", "message"),
    [
        ({"id": '"FS links"'}, 2, "limitation.id", "must be lower-case words with hyphens between"),
        ({"section": '" "'}, 3, "limitation.section", "must not be empty"),
        ({"statement": '""'}, 4, "limitation.statement", "must not be empty"),
        ({"statement": ""}, 1, "limitation", "'statement' is missing"),
        ({"source": '"README"'}, 5, "limitation.source", "must be an https address with a heading (#...)"),
        (
            {"source": '"https://x.org/a"'},
            5,
            "limitation.source",
            "must be an https address with a heading (#...)",
        ),
        (
            {"source": '"https://x.org/a#"'},
            5,
            "limitation.source",
            "must be an https address with a heading (#...)",
        ),
        ({"targets": "[]"}, 6, "limitation.targets", "must name at least one target"),
        ({"targets": '["wasi", "wasi"]'}, 6, "limitation.targets", "names a target twice"),
        ({"targets": '["wasm"]'}, 6, "limitation.targets", "must be one of emscripten, wasi, not 'wasm'"),
        ({"needs": '[""]'}, 7, "limitation.needs", "must not hold empty strings"),
        ({"explains": '["(", "a"]'}, 7, "limitation.explains", "must hold regular expressions"),
        ({"explains": '[""]'}, 7, "limitation.explains", "must hold regular expressions"),
        ({"probe": '"1"'}, 7, "limitation.probe", "unknown key"),
    ],
)
def test_mistakes_are_told_with_line_and_key(
    tmp_path: Path, changes: dict[str, str], line: int, key: str, message: str
) -> None:
    assert problems(tmp_path, table(**changes)) == [(line, key, message)]


def test_an_id_stands_once(tmp_path: Path) -> None:
    assert problems(tmp_path, table() + table()) == [(8, "limitation.id", "stands already in this file")]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = "[[limits]]\n" + table(section='""', targets="[]") + table(id='"x y"')
    assert [key for _, key, _ in problems(tmp_path, text)] == [
        "limits",
        "limitation.section",
        "limitation.targets",
        "limitation.id",
    ]


def test_a_missing_registry_is_a_mistake_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"limitations\.toml: cannot be read: No such file"):
        load_registry(tmp_path / "limitations.toml")


def test_the_shipped_registry_covers_the_documents_sections() -> None:
    limitations = load_registry(SHIPPED).limitations.values()
    readme = {item.source.rpartition("#")[2] for item in limitations if "Tools/wasm/README.md" in item.source}
    assert readme == {
        "network-stack",
        "processes-signals",
        "threading",
        "file-system",
        "misc",
        "in-the-browser",
    }
    assert {target for item in limitations for target in item.targets} == set(Target)
    statements = [item.statement for item in limitations]
    assert len(set(statements)) == len(statements)
