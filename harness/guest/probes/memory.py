"""Emscripten's file system in memory, which is what a guest has where nothing else is mounted."""

import os
import sys

from observed import NoEffect, NotApplicable, scratch

# Emscripten makes it; natively the folder that the harness names stands for it.
HOME = "/home/web_user"
TEXT = "left by the interpreter before"


def kept_between_runs() -> None:
    """Run twice: a file that the first interpreter leaves, the second one looks for."""
    folder = HOME if sys.platform == "emscripten" else scratch("")
    if not os.path.isdir(folder):
        raise NotApplicable(f"there is no {folder}")
    path = os.path.join(folder, "left")
    try:
        with open(path) as stream:
            found = stream.read()
    except FileNotFoundError:
        found = ""
    with open(path, "w") as stream:
        stream.write(TEXT)
    if found != TEXT:
        raise NoEffect("what an interpreter wrote is gone in the next one")
