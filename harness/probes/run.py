"""Runs the probes of a cell, each in an instance of its own."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.cache import disk_faults, remove_tree
from harness.conditions import facts_of, libraries_of
from harness.engines import EngineSession, GuestRun, Mount
from harness.limitations import Registry
from harness.prepared import Prepared
from harness.probes.host import Host
from harness.probes.observation import Observation, read_observation
from harness.probes.results import CellProbes, answer_all, probes_for, write_probes

PROBES_FOLDER = Path(__file__).parent / "guest"
# The probes of this group are typed into the interactive interpreter; the function only looks at what came of it.
TYPED_GROUP = "shell"
TYPED = "6 * 7\nanswer()\n"
# Seconds; the longest probe, a native `ensurepip`, takes four, and over thirty on a machine with much else to do.
PROBE_TIMEOUT = 120.0


def probe_cell(
    prepared: Prepared,
    registry: Registry,
    folder: Path,
    *,
    packages: Path | None = None,
    say: Callable[[str], None],
) -> CellProbes:
    """What the cell's interpreter says of every limitation; written into `folder`, which is the cell's own. `packages`
    is the folder of the npm packages that its Node is given.
    """
    manifest = prepared.build.manifest
    toolchain = str(manifest["toolchain"]["version"])
    libraries = libraries_of(manifest)
    facts = facts_of(prepared.cell, python=str(manifest["python"]), toolchain=toolchain, libraries=libraries)
    with disk_faults(folder):
        (folder / "logs").mkdir(parents=True, exist_ok=True)
    engine = prepared.open_engine(folder / "logs" / "probes-engine.log", 0, packages)
    try:
        observed = run_probes(
            probes_for(registry, facts),
            engine,
            folder / "probes",
            python=f"/{manifest['layout']['program']}",
            mounts=(Mount(host=prepared.build.root, guest="/", sealed=True),),
            env=prepared.guest_environment,
            say=say,
        )
    finally:
        engine.close()
    tested = {
        "python": str(manifest["python"]),
        "toolchain": toolchain,
        "engine": f"{prepared.cell.engine} {prepared.cell.runtime}",
    }
    found = CellProbes(cell=prepared.cell.id, tested=tested, answers=answer_all(registry, facts, observed))
    write_probes(folder, found)
    return found


def run_probes(
    probes: Sequence[str],
    engine: EngineSession,
    folder: Path,
    *,
    python: str,
    mounts: tuple[Mount, ...],
    env: Mapping[str, str],
    say: Callable[[str], None],
    timeout: float = PROBE_TIMEOUT,
) -> dict[str, Observation]:
    """What each probe did, by its name. `folder` gets what each one printed; `timeout` is in seconds."""
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
            guest = _typed(guest, folder / f"{probe}-typed.txt")
        observed[probe] = _observe(probe, engine, guest, Host(engine, guest.output, scratch), timeout)
        say(f"probe {probe}: {observed[probe]}")
    remove_tree(scratch)
    return observed


def _typed(guest: GuestRun, text: Path) -> GuestRun:
    """The guest as an interactive interpreter that reads what is typed from the file `text`."""
    text.write_text(TYPED, encoding="utf-8")
    program, *arguments = guest.argv
    return dataclasses.replace(guest, argv=(program, "-i", "-q", *arguments), input=text)


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
