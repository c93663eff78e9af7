"""Prepares a cell whose interpreter somebody else has published: no toolchain and no compiler is needed."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.build.artifact import Build
from harness.build.identity import Identity, check
from harness.build.prebuilt import PREBUILT, lay_out_prebuilt, prebuilt_folder, read_release
from harness.build.stage import make_read_only
from harness.engines.protocol import Mount
from harness.errors import BuildError, ConfigError, UnavailableError
from harness.manifest import other_suite
from harness.matrix.cells import Cell
from harness.matrix.pins import PackagePin, Pins
from harness.matrix.python_source import PythonSource
from harness.run.identify import ask_interpreter, ensure_identity, short_engine
from harness.run.prepared import Prepared
from harness.sources import Source, obtain_source, obtain_suite
from harness.toolchains.runtimes import check_runtime, obtain_prebuilt, obtain_runtime
from harness.util.cache import make_entry
from harness.util.files import write_atomically
from harness.util.hashing import content_key, file_sha256
from harness.util.paths import expanded
from harness.util.process import last_lines
from harness.util.versions import is_version

logger = logging.getLogger(__name__)

LISTING_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Named:
    """What the user has named: the folder of the interpreter, the CPython whose tests it runs, a runtime of this
    machine. Empty for the default.
    """

    folder: str = ""
    suite: str = ""
    runtime: Path | None = None


def prepare_prebuilt(
    cell: Cell, pins: Pins, cache: Path, named: Named, check_source: Callable[[Path], None]
) -> Prepared:
    """The cell with the published interpreter, the tests of its CPython or of another one, and its runtime.

    UnavailableError when one of them is not available; BuildError when the interpreter identifies itself as something
    else than the cell.
    """
    folder = expanded(Path(named.folder)) if named.folder else None
    cell, pin = _of_folder(cell, folder) if folder else _of_release(cell, pins)
    if not named.runtime:
        check_runtime(cell.engine.value, cell.runtime, pins, cache)
    tests = _suite(cell, named.suite, pins, cache)
    check_source(tests.root)
    package = folder or obtain_prebuilt(pin, cache)
    runtime = named.runtime or obtain_runtime(cell.engine.value, cell.runtime, pins, cache)

    answer: dict[str, Any] = {}

    def make(aside: Path) -> None:
        lay_out_prebuilt(cell, pin, package, tests, aside, provider="path" if folder else "npm")
        unlisted = Prepared(cell=cell, build=Build.load(aside), runtime=runtime, cache=cache)
        logger.info("%s: asking the interpreter to identify itself", cell.id)
        answer.update(ask_interpreter(unlisted))
        check(cell, unlisted.build.manifest, Identity(interpreter=answer, compiler={}))
        logger.info("%s: asking the interpreter which tests there are", cell.id)
        write_atomically(aside / "modules.json", json.dumps(list_tests(unlisted)))
        obtain_own_suite(cell.python.version, tests.version, pins, cache)
        make_read_only(aside / "root")

    build = Build.load(make_entry(prebuilt_folder(cell, pin, tests, cache), make))
    prepared = Prepared(cell=cell, build=build, runtime=runtime, cache=cache)
    return dataclasses.replace(prepared, identity=ensure_identity(prepared, dict, answer or None))


def _of_release(cell: Cell, pins: Pins) -> tuple[Cell, PackagePin]:
    """The cell, and the pin of its release. ConfigError when it names none."""
    if not cell.release:
        raise ConfigError(
            f"{cell.id} takes its interpreter from a folder, and none is named",
            hint=f"--prebuilt PATH names it; a cell such as {cell.id}-VERSION takes a release",
        )
    return cell, pins.prebuilt_pin(cell.distribution.value, cell.release)


def _of_folder(cell: Cell, folder: Path) -> tuple[Cell, PackagePin]:
    """The cell with the versions of the release in the folder, and a pin with the hash of its contents. ConfigError
    when it is another release than the cell's.
    """
    release = read_release(cell.distribution, folder)
    if cell.release not in {"", release.version}:
        raise ConfigError(
            f"{folder} is {cell.distribution} {release.version}, and the cell is {cell.id}",
            hint=f"`{cell.distribution} --prebuilt PATH` takes whatever release is there",
        )
    python = PythonSource.parse(release.python)
    found = dataclasses.replace(cell, release=release.version, toolchain=release.emscripten, python=python)
    paths = sorted(path for pattern in PREBUILT[cell.distribution].files for path in folder.glob(pattern))
    contents = content_key([[path.name, file_sha256(path)] for path in paths if path.is_file()])
    return found, PackagePin(name=cell.distribution.value, version=release.version, sha256=contents)


def _suite(cell: Cell, suite: str, pins: Pins, cache: Path) -> Source:
    """The CPython whose tests are run: that of the interpreter's own version, unless the user names another one."""
    if suite:
        return obtain_suite(suite, pins, cache)
    try:
        return obtain_source(cell.python, pins, cache)
    except UnavailableError as refusal:
        raise UnavailableError(
            f"{cell.distribution} {cell.release} has no tests of its own, and those of CPython {cell.python} are not "
            f"available:\n{refusal.message}",
            hint="--suite PATH takes them from a checkout of that version; --suite VERSION those of another one, of "
            "which some fail for that alone",
        ) from refusal


def obtain_own_suite(python: str, suite: str, pins: Pins, cache: Path) -> None:
    """Downloads the source of the interpreter's own version if its tests are those of another one, to compare the two.

    A source that is not available is passed over. It is tried only while a build is made, so that not every run waits
    for a download that fails.
    """
    if other_suite(python, suite) and is_version(python):
        with contextlib.suppress(UnavailableError):
            obtain_source(PythonSource.parse(python), pins, cache)


def list_tests(prepared: Prepared) -> list[str]:
    """The modules of the suite, as regrtest lists them in the interpreter. BuildError when it lists none."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        deadline = time.monotonic() + LISTING_SECONDS
        # regrtest does not start without a folder for temporary files.
        (folder / "tmp").mkdir()
        mounts = (Mount(host=folder / "tmp", guest="/tmp", writable=True),)
        guest = prepared.guest_python(("-m", "test", "--list-tests"), mounts, folder / "output")
        with short_engine(prepared, folder) as engine:
            ending = engine.run(guest, lambda: "it took too long" if time.monotonic() > deadline else None)
        said = (folder / "output").read_text(encoding="utf-8", errors="replace") if guest.output.exists() else ""
        modules = [line for line in said.splitlines() if line.startswith("test") and " " not in line]
        if not modules:
            how = ending.reason or f"it exited with status {ending.status}"
            raise BuildError(
                f"regrtest lists no test module in {prepared.cell.id}: {how}\n{last_lines(guest.output)}".rstrip(),
                hint="its tests may be those of a CPython that it cannot import: --suite names another one",
            )
        return modules
