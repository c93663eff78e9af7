"""Asks the interpreter and its compiler to identify themselves: once for each build and runtime."""

from __future__ import annotations

import contextlib
import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.build.identity import MACROS, Identity, check, read_macros
from harness.engines.protocol import EngineSession
from harness.errors import BuildError, EngineFailedError, SettingRefusedError
from harness.matrix.cells import Cell
from harness.run.prepared import Prepared
from harness.toolchains import Toolchain, toolchain_environment
from harness.toolchains.macros import predefined_macros
from harness.util.files import disk_errors_as_unavailable, write_atomically
from harness.util.hashing import content_key
from harness.util.process import indented, last_lines

logger = logging.getLogger(__name__)

SCRIPT = Path(__file__).parents[1] / "guest" / "agent" / "identity.py"
ANSWER_SECONDS = 120.0


def ensure_identity(
    prepared: Prepared, compiler: Callable[[], Mapping[str, str]], known: Mapping[str, Any] | None = None
) -> Identity:
    """What interpreter and compiler report of themselves, from the cache if they were asked before.

    `compiler` returns the macros of the compiler. `known` is the interpreter's answer where it was asked already.
    BuildError when the interpreter does not answer or is not the cell's; then nothing is cached.
    """
    answer = prepared.cache / "identities" / f"{prepared.cell.id}-{answer_key(prepared)}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):
        identity = Identity(**json.loads(answer.read_text(encoding="utf-8")))
        check(prepared.cell, prepared.build.manifest, identity)
        return identity
    interpreter = known
    if interpreter is None:
        logger.info("%s: asking the interpreter to identify itself", prepared.cell.id)
        interpreter = ask_interpreter(prepared)
    identity = Identity(interpreter=interpreter, compiler=compiler())
    check(prepared.cell, prepared.build.manifest, identity)
    with disk_errors_as_unavailable(answer):
        answer.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(answer, json.dumps(identity.to_json(), indent=1))
    return identity


def ask_compiler(cell: Cell, toolchain: Toolchain, cache: Path) -> dict[str, str]:
    """The macros that identify the compiler of a cell."""
    pthreads = cell.pthreads and cell.target.traits.has_pthread_option
    return read_macros(predefined_macros(toolchain, toolchain_environment(toolchain, cache), pthreads=pthreads))


def answer_key(prepared: Prepared) -> str:
    """The key of all that the answer depends on: a changed file or another runtime makes another key."""
    build = prepared.build
    files = [build.wasm, build.program, *([prepared.runtime] if prepared.runtime.is_file() else [])]
    stamps = [(path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    question = SCRIPT.read_text(encoding="utf-8")
    return content_key(
        [build.folder.name, prepared.runtime.name, prepared.cell.runtime, stamps, question, MACROS.pattern]
    )


@contextlib.contextmanager
def short_engine(prepared: Prepared, folder: Path) -> Iterator[EngineSession]:
    """An engine for a single guest. Its log is in the temporary `folder`, so an EngineFailedError has the end of it."""
    log = folder / "engine.log"
    engine = prepared.open_engine(log, 0)
    try:
        yield engine
    except SettingRefusedError:
        raise
    except EngineFailedError as error:
        end_of_log = indented(last_lines(log))
        raise EngineFailedError(
            f"the interpreter of {prepared.cell.id} does not start: {error.message}\n{end_of_log}".rstrip(),
            hint=_start_hint(prepared),
        ) from error
    finally:
        engine.close()


def _start_hint(prepared: Prepared) -> str:
    files = "its files may be no interpreter, or not whole"
    if not prepared.cell.engine.is_browser:
        return f"{files}; `python -m harness doctor` tries the runtimes"
    return f"`python -m harness doctor` tries the browsers, and --runtime path:PROGRAM names another one; or {files}"


def ask_interpreter(prepared: Prepared) -> dict[str, Any]:
    """The answer of guest/agent/identity.py, which the interpreter runs under its own engine."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        deadline = time.monotonic() + ANSWER_SECONDS
        with short_engine(prepared, folder) as engine:
            ending = engine.run(
                prepared.guest(SCRIPT.name, folder),
                lambda: f"no answer within {ANSWER_SECONDS:.0f} s" if time.monotonic() > deadline else None,
            )
        try:
            answer: dict[str, Any] = json.loads((folder / "answer").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            how = ending.reason or f"it exited with status {ending.status}"
            printed = indented(last_lines(folder / "output"))
            raise BuildError(
                f"the interpreter of {prepared.cell.id} did not identify itself: {how}\n{printed}".rstrip(),
                hint=f"its build is {prepared.build.folder}",
            ) from error
    return answer
