"""The suite under Node and in browsers, on the same build."""

from __future__ import annotations

from pathlib import Path

from harness.bench.memory import PeakMemory
from harness.bench.suite import say
from harness.diagnostics.oracle import run_harness
from harness.errors import ConfigError, UnavailableError
from harness.matrix.cells import Cell, Matrix
from harness.matrix.load import load_configuration
from harness.run.prepare import BuildRequest, prepare
from harness.targets import Engine


def measure(cell: str, modules: tuple[str, ...], workers: int, folder: Path) -> None:
    """Runs the suite under Node, then in each browser of this machine, and prints seconds, cases, memory and the ratio.
    What is expected to stand still is waited for.
    """
    matrix, _ = load_configuration()
    node = matrix.cell(cell)
    # A cell without a browser is refused before anything runs.
    browsers = in_browsers(matrix, node)
    seconds = _run(node, modules, workers, folder)
    for each in browsers:
        try:
            prepare(each.id, BuildRequest())
        except UnavailableError as error:
            print(f"{each.engine.value + ':':9} {error}")
        else:
            ratio = _run(each, modules, workers, folder) / seconds
            print(f"ratio:    {ratio:7.2f} of Node's time", flush=True)


def in_browsers(matrix: Matrix, node: Cell) -> list[Cell]:
    """The cells that run the build of a cell of Node in a browser. ConfigError where there is none."""
    found = [each for each in matrix.cells if each.engine.is_browser and each.id == f"{node.id}-{each.engine.value}"]
    if node.engine is not Engine.NODE or not found:
        raise ConfigError(
            f"no cell runs the build of {node.id} in a browser", hint="choose a cell of Node, such as emscripten-3.1.69"
        )
    return found


def _run(cell: Cell, modules: tuple[str, ...], workers: int, folder: Path) -> float:
    """Seconds of the whole run, by the harness's own command."""
    memory = PeakMemory()
    done, results = run_harness(cell.id, " or ".join(modules), workers, folder, on_tick=memory)
    say(f"{cell.engine.value}:", done.seconds, results.counts(), memory.peak)
    return done.seconds
