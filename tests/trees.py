"""Small stand-ins: a tree with CPython's landmarks, and an SDK whose clang is a shell script."""

from __future__ import annotations

from pathlib import Path

PATCHLEVEL = '#define PY_MAJOR_VERSION 3\n#define PY_VERSION      \t"{version}"\n'
CLANG = """#!/bin/sh
if [ "$1" = --version ]; then echo "clang version {llvm}.5-wasi-sdk (https://example.org)"; exit 0; fi
while [ $# -gt 0 ]; do if [ "$1" = -o ]; then printf '\\0asm' > "$2"; fi; shift; done
"""


def cpython_tree(root: Path, version: str = "3.13.5") -> Path:
    """A folder that looks like CPython's source."""
    files = {
        "Include/patchlevel.h": PATCHLEVEL.format(version=version),
        "Lib/os.py": "import sys\n",
        "Modules/Setup.stdlib.in": "",
        "configure": "#!/bin/sh\n",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (root / "configure").chmod(0o755)
    return root


def wasi_sdk_tree(root: Path, version: str = "25.0", llvm: str = "19.1", clang: str = CLANG) -> Path:
    """A folder that looks like a WASI SDK."""
    (root / "bin").mkdir(parents=True)
    (root / "share" / "wasi-sysroot").mkdir(parents=True)
    program = root / "bin" / "clang"
    program.write_text(clang.replace("{llvm}", llvm), encoding="utf-8")
    program.chmod(0o755)
    if version:
        (root / "VERSION").write_text(f"{version}\nwasi-libc: 574b88da4815\n", encoding="utf-8")
    return root
