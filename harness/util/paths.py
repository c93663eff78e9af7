"""Paths as users write them."""

from __future__ import annotations

import re
from pathlib import Path

from harness.errors import ConfigError

# What /bin/sh, make (also in PATH-like lists and in pattern rules) or sed take for something else than a name.
_SPECIAL = re.compile(r"""[\s"#$%&'()*:;<>?\[\]\\`{|}!]""")


def build_fault(path: Path) -> str:
    """The reason why CPython cannot be built at the path; empty when it can.

    Neither configure nor CPython's Makefile quotes paths.
    """
    found = _SPECIAL.search(str(path))
    if not found:
        return ""
    character = "white space" if found.group().isspace() else f"the character {found.group()}"
    return f"{str(path)!r} has {character} in it, with which CPython cannot be built"


def expanded(path: Path) -> Path:
    """The absolute path; `~` and `~name` at its beginning are home folders. ConfigError when there is no such one."""
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ConfigError(
            f"{path}: {path.parts[0]} is no home folder on this machine",
            hint="write the path from / on; a folder whose name begins with ~ is ./~...",
        ) from None


def shown(path: Path) -> str:
    """A path as short as it can be: relative when it lies below the current folder."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
