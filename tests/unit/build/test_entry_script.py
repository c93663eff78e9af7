"""CPython's entry script in a copy of the folder where it was made."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from harness.build.entry_script import script_in

SCRIPT = """\
# node_entry.mjs can set sys.executable correctly.
exec node $NODEFLAGS /builds/python/node_entry.mjs --this-program="$($REALPATH "$0")" "$@"
"""


@pytest.mark.parametrize("folder", ["/other", "/a b", r"""/srv/it's "a" \1 $HOME copy"""])
def test_it_starts_the_copy_whatever_its_folder_is_called(folder: str) -> None:
    comment, command = script_in(SCRIPT, Path(folder)).splitlines()
    assert comment == SCRIPT.splitlines()[0]
    assert shlex.split(command)[3] == f"{folder}/node_entry.mjs"


def test_an_ordinary_folder_is_not_quoted() -> None:
    assert script_in(SCRIPT, Path("/other")) == SCRIPT.replace("/builds/python/", "/other/")
