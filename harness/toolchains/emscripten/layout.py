"""The layout of every Emscripten toolchain, whichever provider it is from.

    bin/                    emcc, em++, emar and the others: each starts Emscripten's own script of that name
    emscripten.config       where Emscripten, LLVM, binaryen and Node are
    llvm/, binaryen/        links to the folders of clang and above that of wasm-opt
    seed/                   a link to the system libraries that came built with it, if some did

It runs with the variables of `emscripten_environment`, and without any of the user's own settings of Emscripten.
"""

from __future__ import annotations

import ast
import logging
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.toolchains.base import Toolchain, new_toolchain
from harness.util.cache import make_entry
from harness.util.hashing import content_key

logger = logging.getLogger(__name__)

TOOLCHAIN_KIND = "emscripten"
CONFIG = "emscripten.config"
# In Emscripten's own folder, or in its `tools`.
_SCRIPTS = (
    *("emcc", "em++", "emar", "emranlib", "emnm", "emstrip", "emsize", "emdwp", "emsymbolizer", "emprofile"),
    *("emconfigure", "emmake", "emcmake", "emrun", "emscons", "embuilder", "em-config", "emdump"),
    "file_packager",
)
_NEEDED = ("bin/emcc", "llvm/clang", "llvm/wasm-ld", "binaryen/bin/wasm-opt", CONFIG)
# Emscripten takes any key of its configuration from EM_<key>, and more of its behaviour from the others.
_FOREIGN = ("EM_", "EMCC_", "EMSDK", "EMMAKEN_", "EMPROFILE", "_EMCC_")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of a toolchain: the folder of Emscripten's scripts, that of clang, that of binaryen, and Node."""

    emscripten: Path
    llvm: Path
    binaryen: Path
    node: Path
    seed: Path | None = None


def emscripten_toolchain(provider: str, version: str, root: Path, facts: Mapping[str, str]) -> Toolchain:
    """A toolchain that is an Emscripten."""
    return new_toolchain(TOOLCHAIN_KIND, provider, version, root, facts)


def lay_out(folder: Path, parts: Parts, *, now: Callable[[Path], Path] = lambda path: path) -> None:
    """Makes the layout in `folder`. Its files contain the paths of `parts`; `now` has the paths at which the parts are
    at this moment, before the toolchain is moved into place.
    """
    (folder / "bin").mkdir(parents=True)
    for script in _SCRIPTS:
        places = (parts.emscripten / f"{script}.py", parts.emscripten / "tools" / f"{script}.py")
        if path := next((path for path in places if now(path).is_file()), None):
            launcher = folder / "bin" / script
            launcher.write_text(launcher_text(path), encoding="utf-8")
            launcher.chmod(0o755)
    (folder / CONFIG).write_text(config_text(parts), encoding="utf-8")
    (folder / "llvm").symlink_to(parts.llvm)
    (folder / "binaryen").symlink_to(parts.binaryen)
    if parts.seed and now(parts.seed).is_dir():
        (folder / "seed").symlink_to(parts.seed)


def launcher_text(script: Path) -> str:
    """A program that starts the script with EMSDK_PYTHON, as Emscripten's own launchers do.

    CPython's make sets _PYTHON_SYSCONFIGDATA_NAME for the build Python, and `-E` does not keep it from ours.
    """
    start = f'exec "${{EMSDK_PYTHON:-python3}}" -E {shlex.quote(str(script))} "$@"'
    return f"#!/bin/sh\nunset _PYTHON_SYSCONFIGDATA_NAME\n{start}\n"


def config_text(parts: Parts) -> str:
    """An EM_CONFIG."""
    values = {
        "EMSCRIPTEN_ROOT": str(parts.emscripten),
        "LLVM_ROOT": str(parts.llvm),
        "BINARYEN_ROOT": str(parts.binaryen),
        "NODE_JS": str(parts.node),
        "FROZEN_CACHE": False,
    }
    return "".join(f"{name} = {value!r}\n" for name, value in values.items())


def node_of(toolchain: Toolchain) -> Path:
    """The Node that its configuration names."""
    text = (toolchain.root / CONFIG).read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("NODE_JS = "))
    return Path(ast.literal_eval(line.partition(" = ")[2]))


def is_whole(root: Path) -> bool:
    """Whether the files without which it cannot run still exist."""
    return all((root / name).exists() for name in _NEEDED)


def entry_name(version: str, provider: str, *parts: object) -> str:
    """The name of a cache entry. Its files contain paths and the Node, which are therefore among `parts`."""
    return f"{TOOLCHAIN_KIND}-{version}-{provider}-{content_key([str(part) for part in parts])}"


def em_cache(toolchain: Toolchain, cache: Path) -> Path:
    """Where the system libraries are that this toolchain has built. emcc itself locks it.

    It is that of one place too: Emscripten empties an EM_CACHE when it is used with LLVM at another path.
    """
    return cache / "emscripten-caches" / f"{toolchain.id}-{content_key(str(toolchain.root))[:8]}"


def without_foreign(env: Mapping[str, str]) -> dict[str, str]:
    """The environment without the user's own settings of Emscripten: all of them can change what it does."""
    return {name: value for name, value in env.items() if not name.startswith(_FOREIGN) and name != "PYTHON"}


def emscripten_environment(toolchain: Toolchain, cache: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables to add to `without_foreign(env)`, so that `emcc` is the toolchain's.

    `env` is the harness's own unless one is given. ccache is used where it is installed.
    """
    env = os.environ if env is None else env
    changed = {
        "PATH": os.pathsep.join([str(toolchain.root / "bin"), env.get("PATH", os.defpath)]),
        "EM_CONFIG": str(toolchain.root / CONFIG),
        "EM_CACHE": str(em_cache(toolchain, cache)),
        "EMSDK_PYTHON": sys.executable,
    }
    if ccache := shutil.which("ccache", path=env.get("PATH")):
        changed |= {"EM_COMPILER_WRAPPER": ccache, "CCACHE_DIR": env.get("CCACHE_DIR", str(cache / "ccache"))}
    return changed


def whole_environment(toolchain: Toolchain, cache: Path) -> dict[str, str]:
    """The harness's own environment with the variables of the toolchain."""
    return without_foreign(os.environ) | emscripten_environment(toolchain, cache)


def seed_cache(toolchain: Toolchain, cache: Path) -> None:
    """Makes the toolchain's EM_CACHE, once, from the system libraries that came with it."""

    def fill(folder: Path) -> None:
        seed = toolchain.root / "seed"
        if seed.is_dir():
            logger.info("emscripten: taking over the system libraries that came with %s", toolchain.version)
            # sanity.txt names another LLVM, for which Emscripten would empty the cache. No process has the locks.
            ignored = shutil.ignore_patterns("sanity.txt", "*.lock")
            copy = shutil.copy2 if toolchain.provider == "path" else _link_or_copy
            shutil.copytree(seed, folder, symlinks=True, ignore=ignored, copy_function=copy, dirs_exist_ok=True)

    make_entry(em_cache(toolchain, cache), fill)


def _link_or_copy(source: str, target: str) -> None:
    """Debian's libraries are 1.6 GB, and one cell uses a few: what is ours already is not copied."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
