"""Reads the number in the version text that a program prints. Pure.

A toolchain that is no release adds something to its number: an Emscripten of a git checkout is `3.1.73-git`, a WASI SDK
that was built after 25 is `25.5g0fd1d10e1c5f`, a nightly Node is `v26.0.0-nightly20261101`.
"""

from __future__ import annotations

import re

from harness.manifest import ToolchainRecord

# A WASI SDK's release adds it when its tree had local changes, as that of 33 had.
_OF_RELEASES = "+m"


_VERSION = re.compile(r"\d+\.\d+(\.\d+)?((a|b|rc)\d+)?")


def is_version(python: str) -> bool:
    """Whether that names a version of CPython, and not a path or a commit."""
    return bool(_VERSION.fullmatch(python))


def number(text: str) -> str:
    """`3.1.73` of `3.1.73-git`; empty when the text does not begin with a number."""
    found = re.match(r"\d+(?:\.\d+)*", text)
    return found.group() if found else ""


def is_number(text: str) -> bool:
    """Whether that is a released version of a toolchain or runtime, such as `3.1.73`, and not a path."""
    return bool(text) and number(text) == text


def shown_version(toolchain: ToolchainRecord) -> str:
    """The version of a build's toolchain, for people; all that it says of itself when it is no release, and the
    wasi-libc that has taken the place of its own.

    Empty when none is recorded.
    """
    stated = (toolchain.stated or toolchain.version).removesuffix(_OF_RELEASES)
    version = toolchain.version if number(stated) == stated else stated
    return f"{version} with the sysroot {toolchain.sysroot}" if toolchain.sysroot else version
