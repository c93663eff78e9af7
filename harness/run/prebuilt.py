"""From a cell whose interpreter somebody else has built to its first test: no toolchain and no compiler is needed."""

from __future__ import annotations

import dataclasses
import json
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness.build.artifact import Build
from harness.build.prebuilt import lay_out_prebuilt, prebuilt_folder
from harness.build.stage import make_read_only
from harness.errors import BuildError, UnavailableError
from harness.matrix.cells import Cell
from harness.matrix.pins import Pins
from harness.matrix.python_source import PythonSource
from harness.run.identify import ensure_identity
from harness.run.prepared import Prepared
from harness.sources import Source, obtain_source
from harness.toolchains.runtimes import check_runtime, obtain_prebuilt, obtain_runtime
from harness.util.cache import make_entry
from harness.util.files import write_atomically
from harness.util.process import last_lines

logger = logging.getLogger(__name__)

LISTING_SECONDS = 300.0


def prepare_prebuilt(
    cell: Cell, pins: Pins, cache: Path, *, suite: str, own_runtime: Path | None, check_source: Callable[[Path], None]
) -> Prepared:
    """The cell with the published interpreter, the tests of its CPython or of `suite`, and its runtime.

    UnavailableError when one of them is not available; BuildError when the interpreter says that it is something else
    than the cell.
    """
    pin = pins.prebuilt_pin(cell.distribution.value, cell.release)
    if not own_runtime:
        check_runtime(cell.engine.value, cell.runtime, pins, cache)
    tests = _suite(cell, suite, pins, cache)
    check_source(tests.root)
    package = obtain_prebuilt(pin, cache)
    runtime = own_runtime or obtain_runtime(cell.engine.value, cell.runtime, pins, cache)

    def make(folder: Path) -> None:
        lay_out_prebuilt(cell, pin, package, tests, folder)
        unlisted = Prepared(cell=cell, build=Build.load(folder), runtime=runtime, cache=cache)
        logger.info("%s: asking the interpreter which tests there are", cell.id)
        write_atomically(folder / "modules.json", json.dumps(list_tests(unlisted)))
        make_read_only(folder / "root")

    build = Build.load(make_entry(prebuilt_folder(cell, pin, tests, cache), make))
    prepared = Prepared(cell=cell, build=build, runtime=runtime, cache=cache)
    return dataclasses.replace(prepared, identity=ensure_identity(prepared, dict))


def _suite(cell: Cell, suite: str, pins: Pins, cache: Path) -> Source:
    """The CPython whose tests are run: that of the interpreter's own version, unless the user names another one."""
    python = PythonSource.parse(suite) if suite else cell.python
    try:
        return obtain_source(python, pins, cache)
    except UnavailableError as refusal:
        if suite:
            raise
        raise UnavailableError(
            f"{cell.distribution} {cell.release} has no tests of its own, and those of CPython {cell.python} are not "
            f"available:\n{refusal.message}",
            hint="--suite PATH takes them from a checkout of that version; --suite VERSION those of another one, of "
            "which some fail for that alone",
        ) from refusal


def list_tests(prepared: Prepared) -> list[str]:
    """The modules of the suite, as regrtest lists them in the interpreter. BuildError when it lists none."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        engine = prepared.open_engine(folder / "engine.log", 0)
        deadline = time.monotonic() + LISTING_SECONDS
        guest = prepared.guest_python(("-m", "test", "--list-tests"), (), folder / "output")
        try:
            ending = engine.run(guest, lambda: "it took too long" if time.monotonic() > deadline else None)
        finally:
            engine.close()
        said = (folder / "output").read_text(encoding="utf-8", errors="replace") if guest.output.exists() else ""
        modules = [line for line in said.splitlines() if line.startswith("test") and " " not in line]
        if not modules:
            how = ending.reason or f"it exited with status {ending.status}"
            raise BuildError(
                f"regrtest lists no test module in {prepared.cell.id}: {how}\n{last_lines(guest.output)}".rstrip(),
                hint="its tests may be those of a CPython that it cannot import: --suite names another one",
            )
        return modules
