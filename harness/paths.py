"""Paths as users write them."""

from __future__ import annotations

from pathlib import Path

from harness.errors import ConfigError


def expanded(path: Path) -> Path:
    """The absolute path; `~` and `~name` at its beginning are home folders. ConfigError when there is no such one."""
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ConfigError(
            f"{path}: {path.parts[0]} is no home folder on this machine",
            hint="write the path from / on; a folder whose name begins with ~ is ./~...",
        ) from None
