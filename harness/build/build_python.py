"""The build Python: a native CPython, built once for each source and shared by all cells with that source."""

from __future__ import annotations

import os
from pathlib import Path

from harness.build import incremental
from harness.build.recipes import native
from harness.build.stage import link_to
from harness.build.steps import run_recipe
from harness.sources import Source
from harness.util.hashing import content_key
from harness.util.locks import locked
from harness.util.progress import Progress


def build_python_folder(source: Source, cache: Path) -> Path:
    """The folder in which it is built and stays."""
    name = f"{source.id}-{content_key([source.id, native.VERSION])}"
    if incremental.is_kept(source):
        name = f"checkout-{incremental.kept_key(source, {'native': native.VERSION})}"
    return cache / "natives" / name


def ensure_build_python(
    source: Source, cache: Path, *, other: Path, jobs: int, progress: Progress, held: tuple[int, ...]
) -> Path:
    """The program, built now unless it is there. BuildError when a step fails.

    `other` is the folder of the cross build that needs it. `held` are locks that the processes of the steps keep open.
    """
    folder, root = build_python_folder(source, cache), source.root
    with locked(folder.with_name(f"{folder.name}.lock")) as lock:
        if incremental.is_kept(source):
            incremental.prepare_folder(folder, source, other=other)
            # configure records the path of the source, which therefore has to be the same for every build.
            root = folder.with_name(f"{folder.name}.source")
            link_to(root, source.root)
        if (folder / "done").exists():
            progress.total -= 2
        else:
            folder.mkdir(parents=True, exist_ok=True)
            configure = os.path.relpath(root / "configure", folder)
            recipe = native.native_recipe(work=folder, configure=configure, env=os.environ, jobs=jobs)
            run_recipe(recipe, folder, folder / "logs", progress, held=(*held, lock))
            (folder / "done").touch()
        if incremental.is_kept(source):
            incremental.record_finished(folder, source)
    return folder / "python"
