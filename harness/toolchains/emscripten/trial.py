"""Tries an Emscripten toolchain once, at its final place, before it is used."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.errors import UnavailableError
from harness.toolchains.base import Toolchain, make_toolchain
from harness.toolchains.emscripten import layout
from harness.util.files import remove_tree
from harness.util.locks import locked
from harness.util.process import Command, Completed, run
from harness.util.versions import number

logger = logging.getLogger(__name__)

_PROGRAMS = {"emscripten": "bin/emcc", "llvm": "llvm/clang", "binaryen": "binaryen/bin/wasm-opt"}
_VERSION = re.compile(
    r"^(?:emcc \(.*?\) (\d[\w.+-]*)|(?:.*clang version|wasm-opt version) (\d+(?:\.\d+)*))", re.MULTILINE
)
# Of a git checkout it is HEAD; of a release what is in its emscripten-revision.txt. Debian's has none.
_REVISION = re.compile(r"^emcc \(.*?\) \d\S* \(([0-9a-f]{7,40})\)", re.MULTILINE)
_SAYS = "this is WebAssembly"
# Programs of 3.1.6 take a global `fetch` for a sign that they are in a browser; Node has one from 18 on.
_RUN = "delete globalThis.fetch; require('./probe.js')"
_SOURCE = f"""\
#include <stdio.h>
int main(void) {{ puts("{_SAYS}"); return 0; }}
"""


def make_emscripten(entry: Path, fill: Callable[[Path], Toolchain], cache: Path) -> Toolchain:
    """As `make_toolchain`, for an Emscripten. One that has lost a file is made again."""
    if entry.exists() and not layout.is_whole(entry / "sdk"):
        with locked(entry.with_name(f"{entry.name}.lock")):
            if not layout.is_whole(entry / "sdk"):
                logger.info("emscripten: %s is not whole; it is made again", entry)
                remove_tree(entry)
    return make_toolchain(entry, fill, try_it=lambda toolchain: try_out(toolchain, cache))


def try_out(toolchain: Toolchain, cache: Path) -> Toolchain:
    """The toolchain with the versions that its programs report.

    UnavailableError when it is another version, or does not build a program that its Node can run.
    """
    with tempfile.TemporaryDirectory() as scratch:  # emcc wants an EM_CACHE even to say its version
        env = layout.whole_environment(toolchain, cache) | {"EM_CACHE": scratch}
        facts = {}
        for name, program in _PROGRAMS.items():
            argv = (str(toolchain.root / program), "--version")
            done = run(Command(argv=argv, cwd=toolchain.root, env=env, timeout=60))
            facts[name] = version_in(done.output)
            if revision := revision_in(done.output):
                facts["emscripten_revision"] = revision
            if not done.ok or not facts[name]:
                raise _broken(toolchain, done, f"has a {Path(program).name} that does not work")
    if number(facts["emscripten"]) != number(toolchain.version):
        raise UnavailableError(
            f"{toolchain.provider}: emcc says that it is {facts['emscripten']}, the cell wants {toolchain.version}",
            hint="use another provider (--provider), or choose a cell of that version",
        )
    facts |= toolchain.facts
    tried = layout.emscripten_toolchain(toolchain.provider, toolchain.version, toolchain.root, facts)
    layout.seed_cache(tried, cache)
    logger.info("emscripten: trying %s", tried.id)
    check_runs(tried, cache)
    return tried


def version_in(text: str) -> str:
    """The version in the output of emcc, clang or wasm-opt; empty if there is none. emcc's may be `3.1.73-git`."""
    found = _VERSION.search(text)
    return found.group(1) or found.group(2) if found else ""


def revision_in(text: str) -> str:
    """The commit in the output of `emcc --version`; empty if there is none."""
    found = _REVISION.search(text)
    return found[1] if found else ""


def check_runs(toolchain: Toolchain, cache: Path) -> None:
    """UnavailableError, with the compiler's output, unless a C program compiles, links and runs under Node."""
    env = layout.whole_environment(toolchain, cache)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "probe.c").write_text(_SOURCE, encoding="utf-8")
        # The first link builds the system libraries that did not come with it. Its output is a script and not a
        # module, since modules of 3.1.6 do not run under Node.
        emcc = (str(toolchain.root / "bin" / "emcc"), "probe.c", "-o", "probe.js")
        done = run(Command(argv=emcc, cwd=folder, env=env, timeout=1200))
        if not done.ok:
            raise _broken(toolchain, done, "does not compile and link a C program")
        node = (str(layout.node_of(toolchain)), "--eval", _RUN)
        done = run(Command(argv=node, cwd=folder, env=env, timeout=120))
        if not done.ok or _SAYS not in done.output:
            raise _broken(toolchain, done, f"makes a program that does not say {_SAYS!r}")


def _broken(toolchain: Toolchain, done: Completed, what: str) -> UnavailableError:
    fault = f"the toolchain at {toolchain.root} {what}: {Path(done.command.argv[0]).name} {done.ending}"
    return UnavailableError(f"{fault}\n{done.tail(12)}".rstrip(), hint=f"what was tried: {done.command}")
