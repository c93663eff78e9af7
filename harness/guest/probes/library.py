"""The library of the web example: a zip file next to its page. Natively the interpreter's own library stands for it."""

import glob
import os
import sys
import zipfile

from observed import NotApplicable


def _names() -> "set[str]":
    if sys.platform != "emscripten":
        folder = os.path.dirname(os.__file__)
        return {os.path.relpath(path, folder) for path in glob.iglob(f"{folder}/**/*.py*", recursive=True)}
    found = glob.glob("/cross-build/**/web_example/python*.zip", recursive=True)
    if not found:
        raise NotApplicable("this build has no web example")
    with zipfile.ZipFile(found[0]) as archive:
        return set(archive.namelist())


def _has(*modules: str) -> None:
    """ImportError, as it would be there, for those that are missing."""
    names = _names()
    missing = [module for module in modules if not {f"{module}.py", f"{module}.pyc"} & names]
    if missing:
        raise ImportError(f"not in the library: {', '.join(missing)}")


def networking() -> None:
    _has("socketserver", "ftplib", "http/client", "urllib/request", "asyncio/__init__")


def multiprocessing() -> None:
    _has("multiprocessing/__init__")


def dbm() -> None:
    _has("dbm/__init__")


def tests() -> None:
    _has("test/__init__")


def sources() -> None:
    """Whether there are .py files."""
    if not any(name.endswith(".py") for name in _names()):
        raise ImportError("there are no .py files")
