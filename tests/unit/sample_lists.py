"""A registry and lists, for the tests of expectations."""

from __future__ import annotations

from pathlib import Path

from harness.expectations.entries import Expectations
from harness.expectations.files import load_expectations
from harness.limitations.registry import Limitation, Registry
from harness.targets import Target


def limitation(name: str, *targets: Target) -> Limitation:
    return Limitation(id=name, section="File system", statement=name, source=f"https://x.org/#{name}", targets=targets)


REGISTRY = Registry(
    {
        "fs-hard-links": limitation("fs-hard-links", Target.EMSCRIPTEN, Target.WASI),
        "wasi-no-dup": limitation("wasi-no-dup", Target.WASI),
    }
)
LINK = {
    "tests": '["test.test_os.LinkTests.test_link"]',
    "outcome": '"error"',
    "limitation": '"fs-hard-links"',
    "reason": '"os.link() fails with ENOSYS"',
}


def entry(**changes: str) -> str:
    """An `[[expect]]`; an empty string leaves a key out."""
    lines = [f"{key} = {value}" for key, value in (LINK | changes).items() if value]
    return "\n".join(["[[expect]]", *lines, "", ""])


def load(folder: Path, text: str, file: str = "fs.toml") -> Expectations:
    path = folder / "expected_failures" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return load_expectations(folder / "expected_failures", REGISTRY)
