"""What a compiler predefines: its own word on what it is."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from harness.errors import UnavailableError
from harness.toolchains.base import Toolchain
from harness.toolchains.emscripten import layout
from harness.util.process import Command, run

# Newer Emscriptens tell their version in this header alone.
_PROGRAM = "#if __has_include(<emscripten/version.h>)\n#include <emscripten/version.h>\n#endif\n"


def predefined_macros(toolchain: Toolchain, env: Mapping[str, str], *, pthreads: bool = False) -> str:
    """The `#define` lines of `-dM -E`. UnavailableError, with the compiler's output, when it does not run."""
    program = "emcc" if toolchain.kind == layout.TOOLCHAIN_KIND else "clang"
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "empty.c"
        source.write_text(_PROGRAM, encoding="utf-8")
        flags = ("-pthread",) if pthreads else ()
        argv = (str(toolchain.root / "bin" / program), *flags, "-dM", "-E", str(source))
        done = run(Command(argv=argv, cwd=source.parent, env=env, timeout=300))
    if not done.ok:
        raise UnavailableError(
            f"the compiler of {toolchain.id} prints no macros: {program} {done.ending}\n{done.tail()}".rstrip(),
            hint=f"what was tried: {done.command}",
        )
    return done.output
