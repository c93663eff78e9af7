"""The native reference: the suite of the same commit on the native build Python, with the same agent and the same ids.

It separates what is skipped everywhere from what is skipped only on WebAssembly. Its results are in the cache, by the
build Python. A module with a result is not run again.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness.build.artifact import Build
from harness.build.stage import link_tree, make_folders_read_only
from harness.engines.native import NativeEngine
from harness.engines.protocol import Mount
from harness.errors import BuildError, ConfigError, UnavailableError, did_you_mean
from harness.limitations.native_results import load_reference, reference_folder
from harness.matrix.cells import Cell
from harness.matrix.load import load_configuration
from harness.results.outcomes import ModuleResult, Outcome, encode_module
from harness.run.prepare import BuildRequest, prepare
from harness.run.prepared import GUEST_FOLDER, Prepared
from harness.suite.durations import source_sizes
from harness.suite.module import ModuleJob, run_module
from harness.suite.pool import side_by_side
from harness.suite.shards import longest_first
from harness.util.cache import make_entry
from harness.util.files import disk_errors_as_unavailable, write_atomically
from harness.util.paths import expanded
from harness.util.process import capture

logger = logging.getLogger(__name__)

PYTHON = Path("natives", "python", "python")
_LEFT_OUT = shutil.ignore_patterns("*.o", "*.a", "_bootstrap_python", "logs")
# The reference must not depend on a network, a screen or a sound device.
NATIVE_RESOURCES = "-network,-urlfetch,-gui,-audio"


_NAME_ONE = "--native PATH names a Python of this machine that has the version of the suite, and its tests"
# The script also imports the tests, which Debian has in a package of their own.
_ASK = "import platform, test.libregrtest; print(platform.python_version())"


def check_has_native(cell_id: str, prebuilt: str = "", named: str = "") -> None:
    """ConfigError for a cell with a published interpreter, or with one from the path `prebuilt`, unless a native Python
    is `named`: only a build of the harness has one.
    """
    cell = load_configuration()[0].cell(cell_id)
    if (cell.is_prebuilt or prebuilt) and not named:
        raise ConfigError(
            f"{cell.id} is an interpreter that is built already, and has no native Python of the same source",
            hint=_NAME_ONE,
        )


def with_native(prepared: Prepared, named: str) -> Prepared:
    """The cell with the native Python at the path `named`, or with that of its build if the path is empty.

    UnavailableError when that Python does not start, has no tests, or is not on this machine; ConfigError when its
    version differs from that of the suite.
    """
    manifest = prepared.build.manifest
    if not named:
        if not Path(manifest.native).is_file():
            raise UnavailableError(
                f"the native Python of this build is not on this machine: {manifest.native or 'it names none'}",
                hint=_NAME_ONE,
            )
        return prepared
    python, suite = expanded(Path(named)), manifest.suite or manifest.python
    found = capture([str(python), "-c", _ASK])
    if not found:
        raise UnavailableError(
            f"{python} is no Python that can run the suite: it does not start, or cannot import test.libregrtest",
            hint="Debian has the tests in a package such as libpython3.13-testsuite",
        )
    if found != suite:
        raise ConfigError(f"{python} is Python {found}, and the suite is that of {suite}", hint=_NAME_ONE)
    build = dataclasses.replace(prepared.build, manifest=dataclasses.replace(manifest, native=str(python)))
    return dataclasses.replace(prepared, build=build)


def refer(cell: str, request: BuildRequest, only: Sequence[str], workers: int, native: str = "") -> str:
    """Runs the modules of a cell's reference that have no result yet, or those of them in `only`, with the Python
    `native` or that of the build. Returns a line with the counts of the whole reference.
    """
    check_has_native(cell, request.prebuilt, native)
    prepared = with_native(prepare(cell, request), native)
    found = run_reference(prepared, only=only, workers=workers, in_place=bool(native))
    counts = sum((module.counts() for module in found), Counter[Outcome]())
    listed = ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in Outcome if counts[outcome])
    return f"native reference: {len(found)} modules of {len(prepared.build.modules())}, {listed}"


def run_reference(
    prepared: Prepared, *, only: Sequence[str], workers: int, in_place: bool = False
) -> tuple[ModuleResult, ...]:
    """Runs the modules of the suite that have no result yet, or those of them in `only`, with so many `workers` in
    parallel, and returns the results. With `in_place` the installed native Python is run with its own tests, and not a
    copy of it next to the source of the build.

    ConfigError for a module that the suite does not have. After an interrupt the finished results are kept.
    """
    build, suite = prepared.build, prepared.build.modules()
    for name in only:
        if name not in suite:
            raise ConfigError(f"the suite has no module {name!r}; {did_you_mean(name, suite)}")
    folder = reference_folder(build.manifest, prepared.cache, in_place=in_place)
    if in_place:
        python = Path(build.manifest.native)
    else:
        python = make_entry(folder / "tree", lambda aside: _lay_out(build, aside)) / PYTHON
    records = folder / "modules"
    with disk_errors_as_unavailable(records):
        records.mkdir(parents=True, exist_ok=True)
    lacking = [name for name in only or suite if not (records / f"{name}.json").exists()]
    wanted = longest_first(lacking, {}, source_sizes(build.root / "Lib", lacking))
    if wanted:
        logger.info("native reference: %s modules to run with %s", len(wanted), build.manifest.native)
        _Pool(prepared.cell, python, records).run(wanted, workers)
    return load_reference(build.manifest, prepared.cache, in_place=in_place)


def _lay_out(build: Build, tree: Path) -> None:
    """Makes a tree for the reference, so that no test writes into the source or the build Python.

    An uninstalled Python finds its library by a relative path, so that both have the same relative places in the tree.
    """
    native = Path(build.manifest.native)
    ask = "import sysconfig; print(sysconfig.get_config_var('srcdir'))"
    source = capture([str(native), "-c", ask])
    if not source:
        raise BuildError(
            f"{native} does not start", hint="remove its folder from the cache; the next run makes it again"
        )
    place = (tree / PYTHON).parent
    below = Path(os.path.normpath(place / os.path.relpath(source, native.parent)))
    if not below.is_relative_to(tree):
        raise BuildError(f"the source {source} does not lie next to {native.parent}")
    # Copies, since these files are writable, and a test that changes them must not change the build Python.
    shutil.copytree(native.parent, place, symlinks=True, ignore=_LEFT_OUT)
    layout = build.manifest.layout.build_folder.split("/", maxsplit=1)[0]
    link_tree(build.root, below, leave_out=(layout, "tmp"))
    make_folders_read_only(below)


class _Pool:
    """Runs modules in parallel, and writes the result of each as soon as it is finished."""

    def __init__(self, cell: Cell, python: Path, records: Path) -> None:
        self._cell = cell
        self._python = python
        self._records = records
        self._stopping = threading.Event()

    def run(self, modules: Sequence[str], workers: int) -> None:
        # Not in the cache, since the paths of Unix sockets must be short.
        with tempfile.TemporaryDirectory(prefix="native-") as folder:
            jobs = [
                ModuleJob(
                    module=module,
                    folder=Path(folder, str(number)),
                    python=(str(self._python),),
                    mounts=(Mount(host=GUEST_FOLDER, guest="/harness"),),
                    env={},
                    resources=f"{self._cell.resources},{NATIVE_RESOURCES}",
                    case_timeout=self._cell.case_timeout,
                    module_timeout=self._cell.module_timeout,
                    should_stop=self._stopping.is_set,
                )
                for number, module in enumerate(modules)
            ]
            with side_by_side(self._one, jobs, workers, self._stopping) as results:
                for done, result in enumerate(results, 1):
                    logger.info(
                        "native %s/%s %s: %s %.1f s", done, len(jobs), result.module, result.outcome, result.seconds
                    )

    def _one(self, job: ModuleJob) -> ModuleResult:
        result = run_module(job, NativeEngine())
        write_atomically(self._records / f"{job.module}.json", encode_module(result))
        shutil.rmtree(job.folder, ignore_errors=True)
        return result
