"""What `python -m test.pythoninfo` prints in a cell, for its folder in a run: asked once for a build and a runtime."""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path

from harness.engines.protocol import Ending, Mount
from harness.errors import HarnessError
from harness.results.run_folder import PYTHON_INFO_FILE
from harness.run.identify import answer_key
from harness.run.prepared import Prepared
from harness.util.files import disk_errors_as_unavailable, remove_tree, write_atomically

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 60.0


def keep_python_info(prepared: Prepared, folder: Path, *, ask: bool = True) -> None:
    """Leaves what the interpreter prints in the cell's folder of a run, as pythoninfo.txt; without `ask` only what
    it has printed before.

    It costs a run nothing but the seconds that it takes: of an answer that breaks off the run has what came, and the
    next run asks again. An engine that does not work is reported where the suite begins.
    """
    kept = prepared.cache / "identities" / f"{prepared.cell.id}-{answer_key(prepared)}-{PYTHON_INFO_FILE}"
    try:
        if not ask and not kept.is_file():
            return
        if kept.is_file():
            text = kept.read_text(encoding="utf-8")
        else:
            logger.info("%s: python -m test.pythoninfo", prepared.cell.id)
            text, is_whole = ask_python_info(prepared)
            if is_whole:
                with disk_errors_as_unavailable(kept):
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    write_atomically(kept, text)
        write_atomically(folder / PYTHON_INFO_FILE, text)
    except (HarnessError, OSError) as error:
        logger.warning("%s: no pythoninfo: %s", prepared.cell.id, error)


def ask_python_info(prepared: Prepared) -> tuple[str, bool]:
    """What `python -m test.pythoninfo` prints under the cell's own engine, and whether that is all of it: a last line
    says where it broke off.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        temporary = Mount(host=folder / "tmp", guest="/tmp", writable=True)
        temporary.host.mkdir()
        engine = prepared.open_engine(folder / "engine.log", 0)
        deadline = time.monotonic() + ANSWER_SECONDS
        try:
            ending = engine.run(
                prepared.guest_python(("-m", "test.pythoninfo"), (temporary,), folder / "output"),
                lambda: f"no end within {ANSWER_SECONDS:.0f} s" if time.monotonic() > deadline else None,
            )
        finally:
            engine.close()
            remove_tree(temporary.host)
        printed = (folder / "output").read_text(encoding="utf-8", errors="replace")
    # pythoninfo itself prints the errors for which it ends with 1.
    if ending.ending is Ending.EXITED and ending.status in {0, 1}:
        return printed, True
    how = ending.reason.strip() or f"it exited with status {ending.status}"
    return f"{printed}\nIt broke off here: {how}\n", False
