"""The commands that the page's script puts together are those of the other views."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from harness.results.command_line import RunOptions
from tests.integration.guests import NEEDS_NODE, NODE

pytestmark = [pytest.mark.integration, NEEDS_NODE]
DATA = Path(__file__).parents[2] / "harness" / "report" / "templates" / "data.js"
IDS = {
    "test_math": [
        "test.test_math",
        "test.test_math.T.test_a",
        "test.test_mathx.T.test_a",
        "ieee754_txt",
        "setUpClass (test.test_math.T)",
        "after (func)",
        "test.test_math.T.test_[*] it's $HOME",
        "test.test_math.T.test_a[1]#2",
        "test.test_math.T.*",
    ],
    "test.test_asyncio.test_x": ["test.test_asyncio.test_x.T.test_a", "test.test_asyncio.test_y.T.test_a"],
    "test_mine": ["test_mine.T.test_a", "test.test_mine.T.test_a"],
}


@pytest.mark.parametrize("options", [RunOptions(), RunOptions(tests="/my tests", runtime="20.18.0")])
def test_they_are_the_same(options: RunOptions) -> None:
    data = {
        "cells": [{"again": options.command("wasi"), "own": bool(options.tests)}],
        "kinds": [["absent"], ["pass"]],
        "strings": [""],
        "modules": [[name, [["", ids]]] for name, ids in IDS.items()],
        "results": [[sum(map(len, IDS.values())), 1]],
        "new": [[]],
    }
    script = (
        f"globalThis.document = {{ getElementById: () => ({{ textContent: {json.dumps(json.dumps(data))} }}) }};\n"
        f"{DATA.read_text(encoding='utf-8')}\n"
        "console.log(JSON.stringify(cases.map((_, at) => commandFor(0, at))));"
    )
    done = subprocess.run([NODE, "-"], input=script, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    made = [options.again("wasi", case, module) for module, ids in IDS.items() for case in ids]
    assert list(map(shlex.split, json.loads(done.stdout))) == list(map(shlex.split, made))
