"""The registry of limitations, and the one this project ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.limitations.registry import Registry, load_registry
from harness.targets import Target

SHIPPED = Path(__file__).parents[3] / "expected_failures" / "limitations.toml"

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


NEED = '\n[[need]]\nid = "hard_links"\nskips = ["requires os\\\\.link"]\n'


def load(folder: Path, text: str) -> Registry:
    path = folder / "limitations.toml"
    path.write_text(text, encoding="utf-8")
    return load_registry(path)


def problems(folder: Path, text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return [(problem.line, problem.key, problem.message) for problem in caught.value.problems]


def test_an_entry_is_read_as_written(tmp_path: Path) -> None:
    probed = table(needs='["hard_links"]', probes='["files.hard_link"]', fails='["OSError ENOSYS", "missing"]')
    circumstance = '[[circumstance]]\nid = "elsewhere"\nstatement = "x"\nneeds = ["hard_links"]\nskips = [".*"]\n'
    registry = load(tmp_path, probed + table(id='"fs-umask"', when="{ pthreads = false }") + NEED + circumstance)
    links = registry.limitations["fs-hard-links"]
    assert links.targets == (Target.EMSCRIPTEN,)
    assert links.needs == ("hard_links",)
    assert (links.probes, links.fails) == (("files.hard_link",), ("OSError ENOSYS", "missing"))
    assert list(registry.limitations) == ["fs-hard-links", "fs-umask"]
    assert registry.needs["hard_links"].skips == (r"requires os\.link",)
    assert registry.circumstances["elsewhere"].needs == ("hard_links",)


@pytest.mark.parametrize(
    ("facts", "holds"),
    [
        ({"target": "emscripten", "pthreads": False}, True),
        ({"target": "emscripten", "pthreads": True}, False),
        ({"target": "wasi", "pthreads": False}, False),
    ],
)
def test_a_limitation_holds_for_its_targets_and_conditions(
    tmp_path: Path, facts: dict[str, str | bool], holds: bool
) -> None:
    links = load(tmp_path, table(when="{ pthreads = false }")).limitations["fs-hard-links"]
    assert links.holds_for(facts) is holds


def test_the_old_key_of_intermittent_failures_is_read_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    links = load(tmp_path, table(strikes='["trap: unaligned access"]')).limitations["fs-hard-links"]
    assert links.intermittent == ("trap: unaligned access",)
    (warning,) = caplog.messages
    assert warning.endswith("limitations.toml:7: the key `strikes` is called `intermittent` now")


def test_the_address_of_a_fault_needs_no_heading(tmp_path: Path) -> None:
    acknowledged = table(fault="true", source='"https://x.org/pull/1"', when="{ pthreads = false }")
    assert load(tmp_path, acknowledged).limitations["fs-hard-links"].fault


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
        ({"needs": '["links"]'}, 7, "limitation.needs", "'links' is no [[need]] of this file"),
        ({"explains": '["(", "a"]'}, 7, "limitation.explains", "'(' is no regular expression"),
        ({"explains": '[""]'}, 7, "limitation.explains", "must not hold empty strings"),
        ({"probe": '"1"'}, 7, "limitation.probe", "unknown key"),
        ({"probes": '["link"]', "fails": '["error"]'}, 7, "limitation.probes", "'link' is no probe"),
        ({"probes": '["f.g"]', "fails": '["broken"]'}, 8, "limitation.fails", "'broken' is no way to fail"),
        ({"probes": '["f.g"]'}, 1, "limitation.fails", "probes need what they document, and the other way round"),
        (
            {"probes": '["f.g"]', "fails": '["error"]', "unprobed": '"why"'},
            9,
            "limitation.unprobed",
            "a limitation with probes needs no excuse",
        ),
        ({"page_probes": '["page.run"]'}, 1, "limitation.fails", "probes need what they document"),
        ({"page_probes": '["run"]', "fails": '["error"]'}, 7, "limitation.page_probes", "'run' is no probe"),
        (
            {"page_probes": '["page.run"]', "fails": '["error"]', "unprobed": '"why"'},
            9,
            "limitation.unprobed",
            "a limitation with probes needs no excuse",
        ),
        ({"skips": '["("]'}, 7, "limitation.skips", "'(' is no regular expression"),
        ({"intermittent": '["a bad trap"]'}, 7, "limitation.intermittent", "'a bad trap' is no signature of a failure"),
        ({"fault": "true"}, 1, "limitation.when", "must say which versions have the fault"),
        (
            {"fault": "true", "source": '"README"', "when": "{ pthreads = false }"},
            5,
            "limitation.source",
            "must be an https address",
        ),
        ({"when": "3"}, 7, "limitation.when", "must be an inline table, { target = ... }"),
        ({"when": "{ pthread = true }"}, 7, "limitation.when.pthread", "unknown axis"),
        ({"when": '{ wasi_sdk = "25" }'}, 7, "limitation.when", "can never hold for emscripten"),
    ],
)
def test_mistakes_are_reported_with_line_and_key(
    tmp_path: Path, changes: dict[str, str], line: int, key: str, message: str
) -> None:
    (problem,) = problems(tmp_path, table(**changes))
    assert problem[:2] == (line, key)
    assert problem[2].startswith(message)


@pytest.mark.parametrize(
    ("entry", "key", "message"),
    [
        ('[[need]]\nid = "hard-links"\nskips = []\n', "need.id", "must be lower-case words with underscores between"),
        ('[[need]]\nid = "x"\nskips = ["["]\n', "need.skips", "'[' is no regular expression"),
        ('[[need]]\nid = "x"\n', "need", "'skips' is missing"),
        (
            '[[circumstance]]\nid = "x"\nstatement = "y"\nskips = []\nneeds = ["z"]\n',
            "circumstance.needs",
            "'z' is no [[need]] of this file",
        ),
        (NEED + NEED, "need.id", "stands already in this file"),
    ],
)
def test_mistakes_of_needs_and_circumstances_are_reported(tmp_path: Path, entry: str, key: str, message: str) -> None:
    ((_, found, text),) = problems(tmp_path, entry)
    assert found == key
    assert text.startswith(message)


def test_an_id_is_used_once(tmp_path: Path) -> None:
    assert problems(tmp_path, table() + table()) == [(8, "limitation.id", "stands already in this file")]


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
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
        "the-web-example",
        "running-from-node",
    }
    assert {target for item in limitations for target in item.targets} == set(Target)
    statements = [item.statement for item in limitations]
    assert len(set(statements)) == len(statements)
