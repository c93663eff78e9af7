"""A new pin goes to its place in the file, and nothing else in the file changes."""

from __future__ import annotations

from pathlib import Path

import tomli

from harness.curation.pins.text import NewTable, with_emsdk, with_table

OWN = Path(__file__).parents[4] / "matrices" / "pins.toml"
SHA = "ab" * 32
FILE = """\
# Head.

[emsdk]
url = "https://example.org"
commit = "old" # the newest

# One for each wheel.

[[runtime]]
name = "wasmtime"
version = "46.0.1"
sha256 = ["x"]

[[runtime]]
name = "wasmtime"
version = "50.0.1"
sha256 = ["x"]

# Node is a wheel.

# This one is special.
[[runtime]]
name = "node"
version = "24.9.0"
sha256 = ["x"]

# The end.
"""


def runtime(name: str, version: str) -> NewTable:
    return NewTable(table="runtime", values={"name": name, "version": version, "sha256": (SHA, SHA)})


def added(text: str, changed: str) -> tuple[str, str]:
    """What is before an addition, and the addition; everything else must be as it was."""
    start = next(index for index in range(len(changed)) if not text.startswith(changed[: index + 1]))
    rest = changed[start:]
    length = len(changed) - len(text)
    assert text == changed[:start] + rest[length:]
    return text[:start], rest[:length]


def order(text: str) -> list[str]:
    return [f"{pin['name']} {pin['version']}" for pin in tomli.loads(text)["runtime"]]


def test_a_pin_is_put_after_the_next_lower_version() -> None:
    changed = with_table(FILE, runtime("wasmtime", "49.0.0"))
    assert order(changed) == ["wasmtime 46.0.1", "wasmtime 49.0.0", "wasmtime 50.0.1", "node 24.9.0"]
    added(FILE, changed)


def test_versions_are_numbers() -> None:
    assert order(with_table(FILE, runtime("node", "24.21.0")))[-2:] == ["node 24.9.0", "node 24.21.0"]


def test_the_lowest_version_is_put_before_the_first_and_after_the_comment_on_all() -> None:
    changed = with_table(FILE, runtime("wasmtime", "38.0.0"))
    assert order(changed)[:2] == ["wasmtime 38.0.0", "wasmtime 46.0.1"]
    assert changed.index("# One for each wheel.") < changed.index('"38.0.0"')


def test_a_comment_stays_with_the_pin_below_it() -> None:
    changed = with_table(FILE, runtime("node", "20.0.0"))
    assert '# This one is special.\n[[runtime]]\nname = "node"\nversion = "24.9.0"' in changed
    assert order(changed)[2:] == ["node 20.0.0", "node 24.9.0"]


def test_a_comment_behind_the_last_pin_stays_at_the_end() -> None:
    assert with_table(FILE, runtime("node", "25.0.0")).endswith("\n\n# The end.\n")


def test_the_first_of_its_kind_is_put_at_the_end() -> None:
    new = NewTable(table="cpython", values={"version": "3.14.10"}, comment="Signed.")
    assert with_table(FILE, new) == FILE + '\n# Signed.\n[[cpython]]\nversion = "3.14.10"\n'
    assert with_table("", new) == '# Signed.\n[[cpython]]\nversion = "3.14.10"\n'


def test_hashes_are_written_one_to_a_line() -> None:
    assert f'sha256 = [\n  "{SHA}",\n  "{SHA}",\n]\n' in with_table(FILE, runtime("node", "25.0.0"))


def test_a_short_list_is_written_in_one_line() -> None:
    new = NewTable(table="wasi_sdk", values={"version": "34", "apt_packages": ("a", "b")})
    assert 'apt_packages = ["a", "b"]' in with_table("", new)


def test_the_commit_of_emsdk_is_replaced_and_its_comment_kept() -> None:
    assert with_emsdk(FILE, "https://example.org", "new") == FILE.replace('"old"', '"new"')


def test_a_file_without_emsdk_is_given_one() -> None:
    assert with_emsdk("# Mine.\n", "https://example.org", "new") == (
        '# Mine.\n\n[emsdk]\nurl = "https://example.org"\ncommit = "new"\n'
    )


def test_our_own_file_keeps_every_byte() -> None:
    text = OWN.read_text(encoding="utf-8")
    changed = with_table(text, runtime("node", "24.20.9"))
    before, addition = added(text, changed)
    assert "24.19.0" in before
    assert addition.count("[[runtime]]") == 1
    assert tomli.loads(changed)["runtime"] != tomli.loads(text)["runtime"]
