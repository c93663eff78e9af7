"""A source tree that looks like CPython to the harness and builds in a second: shell scripts in the place of
C.
"""

from __future__ import annotations

import sys
from pathlib import Path

CONFIGURE = """#!/bin/sh
echo "$@" >> "{log}"
for argument in "$@"; do
  case $argument in --cache-file=*) echo cached > "${{argument#*=}}";; esac
done
cat > Makefile <<'MAKE'
include {rules}
MAKE
"""

# `make` under a cross compiler makes a wasm, else an interpreter: this one, under another name.
RULES = """all:
\t@echo made >> {log}
\t@{fault}
\tif [ -n "$$WASI_SDK_PATH" ]; then \\
\t  mkdir -p build/lib.wasi-wasm32-3.13 && echo build/lib.wasi-wasm32-3.13 > pybuilddir.txt && \\
\t  echo object > x.o && echo wasm > python.wasm; \\
\telse printf '#!/bin/sh\\nexec {python} "$$@"\\n' > python && chmod +x python; fi
"""

# What the harness needs of CPython's own script: it finds the checkout by its own path, and the build Python in it.
SCRIPT = """
import os, subprocess, sys
from pathlib import Path

checkout = Path(__file__).parents[2]
work = checkout / "cross-build" / "wasm32-wasip1"
python = checkout / "cross-build" / "build" / "python"
command, *arguments = sys.argv[1:]
options = arguments[: arguments.index("--")]
shown = ["--script=" + command, "--options=" + ",".join(options)]
ours = ["--host=wasm32-wasip1", "--with-build-python=" + str(python)]
configure = os.path.relpath(checkout / "configure", work)
subprocess.check_call([configure, *shown, *ours, *arguments[arguments.index("--") + 1 :]], cwd=work)
"""

PATCHLEVEL = '#define PY_VERSION "3.13.5"\n'


def write_tree(root: Path, log: Path, fault: str = "true") -> None:
    """Writes the tree. Each configure and make adds a line to `log`; `fault` is a shell command that make
    runs first.
    """
    files = {
        "Include/patchlevel.h": PATCHLEVEL,
        "Lib/os.py": "",
        "Lib/test/__init__.py": "",
        "Lib/test/__main__.py": "print('test_a\\ntest_b')",
        "Lib/test/test_a.py": "",
        "Modules/Setup.stdlib.in": "",
        "Modules/Setup.local": "",
        "Tools/wasm/config.site-wasm32-wasi": "",
        "Tools/wasm/wasi.py": "",
        "configure": CONFIGURE.format(log=log, rules=root / "rules.mk"),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "configure").chmod(0o755)
    set_fault(root, log, fault)


def add_script(root: Path) -> None:
    """Makes it a tree of the layout that has `Platforms/WASI`, with a script and settings of its own."""
    folder = root / "Platforms" / "WASI"
    folder.mkdir(parents=True)
    (folder / "__main__.py").write_text(SCRIPT)
    (folder / "config.site-wasm32-wasi").touch()
    (folder / "config.toml").write_text('[targets]\nwasi-sdk = 33\nhost-triple = "wasm32-wasip1"\n')


def set_fault(root: Path, log: Path, fault: str) -> None:
    """Makes the next `make` run this shell command first."""
    (root / "rules.mk").write_text(RULES.format(log=log, fault=fault, python=sys.executable))
