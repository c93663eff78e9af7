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


def load_findings(path: Path) -> Mapping[str, Mapping[str, Finding]]:
    """By cell: by limitation the finding."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return {cell: {name: Finding(value) for name, value in found.items()} for cell, found in data.items()}


def seed_statements(registry: Registry) -> tuple[Limitation, ...]:
    """Those of the document with which this project began, CPython's Tools/wasm/README.md."""
    return tuple(item for item in registry.limitations.values() if item.source.startswith(SEED))


def seed_table(statements: Sequence[Limitation], findings: Mapping[str, Mapping[str, Finding]]) -> str:
    """The seed statements with their probes and what these find, as Markdown."""
    lines = ["| statement | probes | on Emscripten 3.1.69 | in Chromium |", "|---|---|---|---|"]
    for item in statements:
        probes = ", ".join(f"`{probe}`" for probe in item.probes) or f"none: {item.unprobed}"
        in_browser = findings[_CELL_IN_BROWSER].get(item.id)
        lines.append(
            f"| `{item.id}` | {probes} | {_found(item, findings)} | {in_browser.value if in_browser else ''} |"
        )
    return "\n".join(lines) + "\n"


def _found(item: Limitation, findings: Mapping[str, Mapping[str, Finding]]) -> str:
    if found := findings[_CELL].get(item.id):
        return found.value
    with_threads = findings.get(_CELL_WITH_THREADS, {}).get(item.id)
    return f"{with_threads.value} (with pthreads)" if with_threads else ""


if __name__ == "__main__":
    print(seed_table(seed_statements(load_registry(REGISTRY)), load_findings(FINDINGS)), end="")
