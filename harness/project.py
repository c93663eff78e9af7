"""Where the project's own files are: lists, matrices, history."""

from __future__ import annotations

from pathlib import Path

CACHE_VARIABLE = "WASM_HARNESS_CACHE"
"""The environment variable that moves the cache."""
HISTORY_FILE = "history.sqlite"
"""The history's usual name; it lies next to the run folders."""


def project_root() -> Path:
    """The folder that holds matrices/ and expected_failures/: the current one, or else this checkout."""
    here, checkout = Path.cwd(), Path(__file__).resolve().parents[1]
    return here if (here / "matrices" / "default.toml").is_file() else checkout


def matrix_file() -> Path:
    """The file that stands for the matrix where pytest wants a path."""
    return project_root() / "matrices" / "default.toml"
