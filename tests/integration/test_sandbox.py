"""A guest changes nothing but its scratch folder, whichever user runs the harness."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.engines.protocol import Ending
from harness.run.prepared import Prepared
from tests.integration.hostile import CANNOT, FRESH, WARM, attack

pytestmark = pytest.mark.toolchain
ROOT = Path(__file__).parents[2]
ORDINARY_USER = 12345


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not below /tmp: the guest has a /tmp of its own."""
    made = Path(tempfile.mkdtemp(dir="/var/tmp"))
    yield made
    for path in made.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(made)


def by_an_ordinary_user(prepared: Prepared, folder: Path, start: str) -> dict[str, Any]:
    """What `attack` gives; skips the test where root cannot become an ordinary user."""
    given = folder / "prepared"
    given.write_bytes(pickle.dumps(prepared))
    place = folder / "place"
    place.mkdir()
    if os.geteuid() == 0:
        folder.chmod(0o755)
        os.chown(place, ORDINARY_USER, ORDINARY_USER)
    argv = [sys.executable, "-m", "tests.integration.hostile", str(given), str(place), start, str(ORDINARY_USER)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode == CANNOT:
        pytest.skip(f"root cannot become an ordinary user here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("user", ["root", "ordinary"])
@pytest.mark.parametrize(("cell", "start"), [("wasi", WARM), ("wasi", FRESH), ("emscripten", WARM)])
def test_a_guest_changes_nothing_but_its_scratch_folder(
    request: pytest.FixtureRequest, folder: Path, cell: str, start: str, user: str
) -> None:
    if user == "root" and os.geteuid() != 0:
        pytest.skip("the harness does not run as root")
    prepared: Prepared = request.getfixturevalue(cell)
    found = attack(prepared, folder, start) if user == "root" else by_an_ordinary_user(prepared, folder, start)
    assert found["ended"] == [Ending.EXITED, 0, ""], found["printed"]
    assert found["printed"] == ["end"]
    assert found["changed"] == []
    assert found["journal"] == ["first", "last"]
    assert (found["left"], found["scratch"]) == (True, False)
