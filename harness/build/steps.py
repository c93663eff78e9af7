"""Runs the steps of a recipe. The output of each goes to a log, whose end is shown when the step fails."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

from harness.build.recipes.configure_errors import configure_refusal, without_command
from harness.build.recipes.model import Recipe, Step
from harness.errors import BuildError
from harness.util.files import disk_error, write_atomically
from harness.util.process import last_lines, run
from harness.util.progress import Progress

logger = logging.getLogger(__name__)

LOG_LINES = 25
# A step that fails with less disk space than this is taken to have failed for lack of it.
FULL_DISK_BYTES = 64 << 10
# make prints nothing for as long as this while it writes a file: when it links the interpreter, or freezes modules.
UNDER_WAY_SECONDS = 60


def run_recipe(
    recipe: Recipe, work: Path, logs: Path, progress: Progress, *, held: tuple[int, ...]
) -> list[dict[str, Any]]:
    """Runs the steps that an earlier, interrupted try has not finished: each leaves a file in `work` when it is done.

    Returns what the manifest says of each. `held` is as in `run_step`.
    """
    done = []
    finished = None
    for step in recipe.steps:
        mark = work / f".{step.name}.done"
        if mark.exists():
            progress.done += 1
            logger.info("%s %s: finished by an earlier run", progress.title, step.name)
            done.append(json.loads(mark.read_text()))
            finished = mark
            continue
        log = logs / f"{step.name}.log"
        under_way = work / f".{step.name}.under-way"
        if finished and log.exists() and under_way.exists():
            _drop_unfinished(work, since=finished.stat().st_mtime, until=log.stat().st_mtime)
        under_way.touch()
        record = run_step(step, log, progress, held=held)
        write_atomically(mark, json.dumps(record))
        under_way.unlink()
        done.append(record)
        finished = mark
    return done


def _drop_unfinished(work: Path, *, since: float, until: float) -> None:
    """Removes the files that an earlier try of a step may have been writing when it was killed or the disk was full:
    make would take half of a file for a finished one.

    These were last written about `until`, the time of make's last output. Files from before `since`, when the previous
    step ended, are finished. Both are in seconds.
    """
    for path in work.rglob("*"):
        # Files of the harness itself.
        if path.parent == work and path.name.startswith("."):
            continue
        if path.is_file() and not path.is_symlink() and path.stat().st_mtime > max(since, until - UNDER_WAY_SECONDS):
            path.unlink()


def run_step(step: Step, log: Path, progress: Progress, *, held: tuple[int, ...] = ()) -> dict[str, Any]:
    """Runs one step and returns what the manifest says of it. BuildError when it fails.

    `held` are locks that the processes of the step keep open.
    """
    with progress.step(step.name, str(step.command)) as tick:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"+ {step.command.reproduce()}\n", encoding="utf-8")
        done = run(step.command, log=log, keep_open=held, on_tick=lambda elapsed: tick(elapsed, last_lines(log, 1)))
        if not done.ok and shutil.disk_usage(log.parent).free < FULL_DISK_BYTES:
            raise disk_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), log.parent)
        if not done.ok:
            words = last_lines(log, LOG_LINES)
            indented = "\n".join(f"    {line}" for line in without_command(words).splitlines())
            raise BuildError(
                f"{progress.title}: the step {step.name} {done.ending}{configure_refusal(words)}. "
                f"The last lines of its log:\n{indented}\n  the whole log: {log}",
                hint=f"run it again by hand: {step.command.reproduce()}",
            )
    return {"name": step.name, "command": list(step.command.argv), "seconds": round(done.seconds, 1)}
