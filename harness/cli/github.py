"""The matrix for GitHub's workflows: which jobs build, which jobs test, and under which keys they keep things. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from harness.build.keys import keys_of
from harness.bundles.index import FORMAT
from harness.errors import ConfigError
from harness.matrix.cells import Cell
from harness.matrix.pins import Pins

# GitHub's own limit for the jobs that one matrix makes.
JOBS_OF_A_MATRIX = 256


def job_outputs(cells: Sequence[Cell], pins: Pins, shards: int) -> str:
    """Two lines for the file $GITHUB_OUTPUT, each a matrix for `strategy.matrix`. `build` has a job for each build,
    which cells that differ in their runtime share, and `test` one for each shard of each cell.

    ConfigError when GitHub would refuse them, UnavailableError when a cell's parts are not pinned.
    """
    if not cells:
        raise ConfigError("no cell is named", hint="`python -m harness cells --github wasi`, or -t TAG")
    if shards < 1:
        raise ConfigError(f"--shards {shards}: a suite has one shard or more")
    if len(cells) * shards > JOBS_OF_A_MATRIX:
        raise ConfigError(
            f"{len(cells)} cells in {shards} shards each are {len(cells) * shards} jobs, and GitHub starts at most "
            f"{JOBS_OF_A_MATRIX} of a matrix",
            hint="fewer --shards, or fewer cells",
        )
    builds: dict[str, dict[str, str]] = {}
    tests = []
    for cell in cells:
        keys = keys_of(cell, pins, FORMAT)
        # The first cell of each build stands for it.
        first = {"cell": cell.id, "key": keys.build, "source": keys.source, "toolchain": keys.toolchain}
        builds.setdefault(keys.build, first)
        for number in range(1, shards + 1):
            name = f"{cell.id}-{number}-of-{shards}"
            tests.append({"cell": cell.id, "shard": f"{number}/{shards}", "name": name, "key": keys.build})
    matrices = {"build": list(builds.values()), "test": tests}
    return "".join(
        f"{name}={json.dumps({'include': jobs}, separators=(',', ':'))}\n" for name, jobs in matrices.items()
    )
