"""The type of a toolchain, and how a toolchain is put into the cache and tried there."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UnavailableError
from harness.util.cache import make_entry
from harness.util.files import write_atomically
from harness.util.hashing import content_key
from harness.util.locks import locked
from harness.util.process import Command, capture, run

_RECORD = "toolchain.json"
_UNTRIED = "untried.json"
_PROGRAM = '#include <stdio.h>\n#include <errno.h>\nint main(void) { return printf("%d", ENOSYS) < 0; }\n'


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """A compiler that is installed and works.

    `id` is made of the provider and all versions, and is a part of names of folders. `root` has the shape of a WASI SDK
    (bin/clang, bin/wasm-ld and so on, share/wasi-sysroot), or the one that `emscripten/layout.py` describes.
    `facts` go to the manifest of what is built with it.
    """

    id: str
    kind: str
    version: str
    provider: str
    root: Path
    facts: Mapping[str, str]


def new_toolchain(kind: str, provider: str, version: str, root: Path, facts: Mapping[str, str]) -> Toolchain:
    """A toolchain with the id that its parts give it."""
    key = content_key([kind, provider, version, dict(facts)])
    name = f"{kind}-{version}-{provider}-{key}"
    return Toolchain(id=name, kind=kind, version=version, provider=provider, root=root, facts=facts)


def wasi_toolchain(provider: str, version: str, root: Path, facts: Mapping[str, str]) -> Toolchain:
    """A toolchain that is a WASI SDK."""
    return new_toolchain("wasi-sdk", provider, version, root, facts)


def try_wasi(toolchain: Toolchain) -> Toolchain:
    """The same toolchain, if it compiles a C program; else UnavailableError."""
    check_compiles(toolchain.root)
    return toolchain


def cached(entry: Path, record: str = _RECORD) -> Toolchain | None:
    """The toolchain of that cache entry; None unless it was finished and tried. Only reads its record."""
    try:
        data = json.loads((entry / record).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Toolchain(**data, root=entry / "sdk")


def make_toolchain(
    entry: Path,
    fill: Callable[[Path], Toolchain],
    *,
    try_it: Callable[[Toolchain], Toolchain] = try_wasi,
) -> Toolchain:
    """The toolchain of that cache entry. If the entry does not exist, `fill(folder)` makes `folder/sdk`.

    Its programs may contain the final path of the entry, so they can be tried only there. `try_it` does that, and may
    add facts. Until then the entry is not used, and one that fails is removed.
    """
    make_entry(entry, lambda folder: _record(fill(folder), folder / _UNTRIED))
    if (tried := cached(entry)) is None:
        with locked(entry.with_name(f"{entry.name}.lock")):
            tried = cached(entry) or _try(entry, try_it)
    return tried


def _try(entry: Path, try_it: Callable[[Toolchain], Toolchain]) -> Toolchain:
    """Tries the entry while its lock is held, so that no other process tries, uses or removes it meanwhile."""
    untried = cached(entry, _UNTRIED)
    if untried is None and not entry.exists():
        raise UnavailableError(f"another run has tried {entry}, in vain", hint="that run tells why, or try again")
    if untried is None:
        raise UnavailableError(f"the cache entry {entry} is damaged", hint="delete it and try again")
    try:
        tried = try_it(untried)
    except UnavailableError:
        shutil.rmtree(entry, ignore_errors=True)
        raise
    _record(tried, entry / _RECORD)
    (entry / _UNTRIED).unlink(missing_ok=True)
    return tried


def _record(toolchain: Toolchain, path: Path) -> None:
    record = {name: value for name, value in vars(toolchain).items() if name != "root"}
    write_atomically(path, json.dumps(record, indent=2) + "\n")


def clang_version(root: Path) -> str:
    """`19.1.7` of `clang --version`; empty when clang does not run."""
    found = re.search(r"clang version (\d+(?:\.\d+)*)", capture([str(root / "bin" / "clang"), "--version"]))
    return found.group(1) if found else ""


def check_compiles(root: Path) -> None:
    """UnavailableError, with the compiler's output, unless a C program becomes a WebAssembly module."""
    clang, sysroot = root / "bin" / "clang", root / "share" / "wasi-sysroot"
    with tempfile.TemporaryDirectory() as scratch:
        program, module = Path(scratch) / "probe.c", Path(scratch) / "probe.wasm"
        program.write_text(_PROGRAM, encoding="utf-8")
        argv = (str(clang), f"--sysroot={sysroot}", "-o", str(module), str(program))
        done = run(Command(argv=argv, cwd=Path(scratch), timeout=120))
        if done.ok and module.exists() and module.read_bytes()[:4] == b"\0asm":
            return
    raise UnavailableError(
        f"the toolchain at {root} does not make WebAssembly: clang {done.ending}\n{done.tail()}".rstrip(),
        hint=f"what was tried: {done.command}",
    )
