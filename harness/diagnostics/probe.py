"""Runs the probes of a cell, each in an instance of its own."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.diagnostics.probe_host import Host
from harness.engines.protocol import Ending, EngineSession, GuestExit, GuestRun, Mount
from harness.errors import ConfigError, UnavailableError
from harness.limitations.findings import CellProbes, answer_all, load_probes, probes_for, write_probes
from harness.limitations.findings_table import markdown, summary_line, text_table
from harness.limitations.observation import Did, Observation
from harness.limitations.page import load_page_observations
from harness.limitations.registry import Registry, load_registry
from harness.matrix.conditions import condition_values
from harness.matrix.load import load_configuration
from harness.matrix.pins import load_pins
from harness.project import project_root
from harness.results.run_folder import new_run_folder
from harness.run.prepare import BuildRequest, named_cell, prepare
from harness.run.prepared import Prepared
from harness.suite.regrtest import trap_headline
from harness.targets import Engine
from harness.toolchains.runtimes import obtain_package
from harness.util.files import disk_errors_as_unavailable, remove_tree, write_atomically

logger = logging.getLogger(__name__)

PROBES_FOLDER = Path(__file__).parents[1] / "guest" / "probes"
# Follows the id of a cell whose guests run on the main thread of a browser's page.
ON_PAGE = "-page"
# The probes of this group are typed into the interactive interpreter; the probe function only checks the effect.
TYPED_GROUP = "shell"
TYPED = "6 * 7\nanswer()\n"
# These probes run in two interpreters, one after the other; the observation is that of the second.
TWICE = frozenset({"memory.kept_between_runs"})
# Seconds. The longest probe, a native `ensurepip`, takes four, and more than thirty on a busy machine.
PROBE_TIMEOUT = 120.0


def probe_cell(
    prepared: Prepared,
    registry: Registry,
    folder: Path,
    *,
    packages: Path | None = None,
) -> CellProbes:
    """Probes every limitation with the cell's interpreter, and writes the results into `folder`, which is the cell's
    own. Returns the results. `packages` is the folder with the npm packages for its Node, if any.
    """
    manifest = prepared.build.manifest
    toolchain = manifest.toolchain.version
    facts = condition_values(prepared.cell, python=manifest.python, toolchain=toolchain, libraries=manifest.libraries)
    with disk_errors_as_unavailable(folder):
        (folder / "logs").mkdir(parents=True, exist_ok=True)
    engine = prepared.open_engine(folder / "logs" / "probes-engine.log", 0, packages)
    try:
        observed = run_probes(
            probes_for(registry, facts),
            engine,
            folder / "probes",
            python=f"/{manifest.layout.program}",
            mounts=(Mount(host=prepared.build.root, guest="/", sealed=True),),
            env=prepared.guest_environment,
        )
        if prepared.cell.engine is Engine.CHROMIUM and not prepared.on_page:
            # Only Chromium is used for probes on the page.
            observed |= load_page_observations(folder)
    finally:
        engine.close()
    tested = {
        "python": manifest.python,
        "toolchain": toolchain,
        "engine": f"{prepared.cell.engine} {prepared.cell.runtime}",
    }
    found = CellProbes(cell=label_of(prepared), tested=tested, answers=answer_all(registry, facts, observed))
    write_probes(folder, found)
    return found


def label_of(prepared: Prepared) -> str:
    """The name of the cell in the table, which is also that of its folder in the run."""
    return f"{prepared.cell.id}{ON_PAGE}" if prepared.on_page else prepared.cell.id


def run_probes(
    probes: Sequence[str],
    engine: EngineSession,
    folder: Path,
    *,
    python: str,
    mounts: tuple[Mount, ...],
    env: Mapping[str, str],
    timeout: float = PROBE_TIMEOUT,
) -> dict[str, Observation]:
    """Runs the probes and returns their observations by name. Their output is written into `folder`. `timeout` is in
    seconds, for each probe.
    """
    remove_tree(folder)
    folder.mkdir(parents=True)
    scratch = folder / "scratch"
    observed = {}
    for probe in probes:
        remove_tree(scratch)
        scratch.mkdir()
        guest = GuestRun(
            argv=(python, "/probes", probe),
            mounts=(
                *mounts,
                Mount(host=PROBES_FOLDER, guest="/probes"),
                Mount(host=scratch, guest="/tmp", writable=True),
            ),
            output=folder / f"{probe}.txt",
            env=env,
        )
        if probe.startswith(f"{TYPED_GROUP}."):
            # The interactive interpreter reads the typed text from a file.
            text = folder / f"{probe}-typed.txt"
            text.write_text(TYPED, encoding="utf-8")
            program, *arguments = guest.argv
            guest = dataclasses.replace(guest, argv=(program, "-i", "-q", *arguments), input=text)
        for _ in range(2 if probe in TWICE else 1):
            observed[probe] = _observe(probe, engine, guest, Host(engine, guest.output, scratch), timeout)
        logger.info("probe %s: %s", probe, observed[probe])
    remove_tree(scratch)
    return observed


def _observe(probe: str, engine: EngineSession, guest: GuestRun, host: Host, timeout: float) -> Observation:
    guest.output.touch()
    began = time.monotonic()
    late = f"no answer in {timeout:.0f} s"

    def watch() -> str | None:
        host.look()
        return late if time.monotonic() - began > timeout else None

    ending = engine.run(guest, watch)
    output = guest.output.read_text(encoding="utf-8", errors="replace")
    return read_observation(probe, output, ending, time.monotonic() - began)


_WORD = "\nprobe: "


_MESSAGE_LIMIT = 400


def read_observation(probe: str, output: str, ending: GuestExit, seconds: float) -> Observation:
    """The observation that the guest wrote about its probe; if it wrote no final one, that of how the guest ended."""
    said = _last_word(probe, output, seconds)
    if said is not None and said.did is not Did.CRASH:
        return said
    if ending.ending is Ending.STOPPED:
        return Observation(probe=probe, did=Did.TIMEOUT, message=ending.reason, seconds=seconds)
    reason = trap_headline(ending.reason) or f"the interpreter exited with status {ending.status}"
    return Observation(
        probe=probe, did=Did.CRASH, message=reason[:_MESSAGE_LIMIT], seconds=seconds, reached=said is not None
    )


def _last_word(probe: str, output: str, seconds: float) -> Observation | None:
    _, word, line = f"\n{output}".rpartition(_WORD)
    if not word:
        return None
    try:
        return Observation.from_json(probe, json.loads(line.splitlines()[0]) | {"seconds": seconds})
    except (KeyError, TypeError, ValueError, IndexError):
        return None


# The npm package that Emscripten's sockets load when one listens or connects.
SOCKETS_PACKAGE = "ws"


def probe_cells(cells: Sequence[str], request: BuildRequest, run_dir: str, *, on_page: bool = False) -> str:
    """Runs the probes of each cell. Returns the table of these cells and of all others with probes in the run folder.
    With `on_page` the probes run on the main thread of a browser's page; ConfigError, before anything is built, for a
    cell that runs in no browser.
    """
    registry = load_registry(project_root() / "expected_failures" / "limitations.toml")
    names = dict.fromkeys(cells)
    for cell in [named_cell(name, request) for name in names]:
        if on_page and not cell.engine.is_browser:
            raise ConfigError(
                f"--on-page is for cells that run in a browser, and {cell.id} runs under {cell.engine}",
                hint="`python -m harness cells -t browser` lists them",
            )
    prepared = [dataclasses.replace(prepare(name, request), on_page=on_page) for name in names]
    base = Path(run_dir).absolute() if run_dir else new_run_folder()
    for ready in prepared:
        probe_cell(ready, registry, base / label_of(ready), packages=packages_for(ready, request.pins))
    found = load_probes(base)
    write_atomically(base / "probes.md", markdown(registry, found))
    lines = [text_table(registry, found), "", *map(summary_line, found), f"results: {base / 'probes.md'}"]
    return "\n".join(lines)


def packages_for(prepared: Prepared, more_pins: str) -> Path | None:
    """The folder with the npm packages for a cell under Node; None for other cells. Also None, with a message, if npm
    cannot provide them: the probes that need them then fail in their preparations.
    """
    if prepared.cell.engine is not Engine.NODE:
        return None
    _, pins = load_configuration()
    pins = load_pins(Path(more_pins), pins) if more_pins else pins
    try:
        return obtain_package(SOCKETS_PACKAGE, pins, prepared.cache)
    except UnavailableError as error:
        logger.info(
            "probes: the sockets of %s are not tried, %s is not available: %s", prepared.cell.id, SOCKETS_PACKAGE, error
        )
        return None
