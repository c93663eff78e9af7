"""What the probes of this project find in CPython 3.13.5: one table, which a test holds against real runs.

`python -m tests.probe_findings` prints the part of it that docs/limitations.md shows.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.limitations.observation import Finding
from harness.limitations.registry import Limitation, Registry, load_registry

FINDINGS = Path(__file__).parent / "data" / "probe-findings.toml"
REGISTRY = Path(__file__).parents[1] / "expected_failures" / "limitations.toml"
SEED = "https://github.com/python/cpython/blob/3b18af964da9/Tools/wasm/README.md#"
_CELL, _CELL_WITH_THREADS = "emscripten-3.1.69", "emscripten-3.1.69-pthreads"
_CELL_IN_BROWSER = "emscripten-3.1.69-chromium"
# What the page of the web example says alone.
PAGE = f"{_CELL_IN_BROWSER} --web-example"


def load_findings(path: Path) -> Mapping[str, Mapping[str, Finding]]:
    """The findings by cell, then by limitation."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return {cell: {name: Finding(value) for name, value in found.items()} for cell, found in data.items()}


def seed_statements(registry: Registry) -> tuple[Limitation, ...]:
    """Those of the document with which this project began, CPython's Tools/wasm/README.md."""
    return tuple(item for item in registry.limitations.values() if item.source.startswith(SEED))


def seed_table(statements: Sequence[Limitation], findings: Mapping[str, Mapping[str, Finding]]) -> str:
    """The seed statements with their probes and what these find, as Markdown."""
    head = ("statement", "probes", "on Emscripten 3.1.69", "in Chromium", "in the page of the web example")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for item in statements:
        named = ", ".join(f"`{probe}`" for probe in (*item.probes, *item.page_probes))
        elsewhere = (_word(findings[cell].get(item.id)) for cell in (_CELL_IN_BROWSER, PAGE))
        row = (f"`{item.id}`", named or f"none: {item.unprobed}", _found(item, findings), *elsewhere)
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _word(finding: Finding | None) -> str:
    return finding.value if finding else ""


def _found(item: Limitation, findings: Mapping[str, Mapping[str, Finding]]) -> str:
    if found := findings[_CELL].get(item.id):
        return found.value
    with_threads = findings.get(_CELL_WITH_THREADS, {}).get(item.id)
    return f"{with_threads.value} (with pthreads)" if with_threads else ""


if __name__ == "__main__":
    print(seed_table(seed_statements(load_registry(REGISTRY)), load_findings(FINDINGS)), end="")
