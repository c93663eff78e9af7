"""Source trees as the recipes see them, one for each layout."""

from __future__ import annotations

from pathlib import Path

from harness.build.recipes.cpython_tree import Tree

_RUNNER = '"--wasm max-wasm-stack={} "'
_OLD_SITES = {"Tools/wasm/config.site-wasm32-wasi": "", "Tools/wasm/config.site-wasm32-emscripten": ""}
_EMSCRIPTEN = 'configure = [\n"CFLAGS=-DPY_CALL_TRAMPOLINE -sUSE_BZIP2",\n"--with-x"]\n'


def tree(texts: dict[str, str]) -> Tree:
    return Tree(name="the tree", texts=texts)


PY311 = tree({"Tools/wasm/wasm_build.py": "", **_OLD_SITES})
PY313 = tree({**PY311.texts, "Tools/wasm/wasi.py": _RUNNER.format(8 << 20)})
EARLY_314 = tree(
    {**PY313.texts, "Tools/wasm/wasi.py": _RUNNER.format(16 << 20), "Tools/wasm/emscripten/__main__.py": _EMSCRIPTEN}
)
PY314 = tree(
    {
        **PY311.texts,
        "Tools/wasm/wasi.py": "# a shim",
        "Tools/wasm/wasi/__main__.py": f"WASI_SDK_VERSION = 24\n{_RUNNER.format(16 << 20)}",
        "Tools/wasm/wasi/config.site-wasm32-wasi": "",
        "Tools/wasm/emscripten/__main__.py": _EMSCRIPTEN,
        "Tools/wasm/emscripten/config.site-wasm32-emscripten": "",
        "Tools/wasm/emscripten/emscripten_version.txt": "4.0.11\n",
    }
)
PY315 = tree(
    {
        "Tools/wasm/wasi.py": "# a shim",
        "Tools/wasm/wasi/__main__.py": "# a shim",
        "Tools/wasm/emscripten/__main__.py": "# a shim",
        "Platforms/WASI/__main__.py": "",
        "Platforms/WASI/config.site-wasm32-wasi": "",
        "Platforms/WASI/config.toml": '[targets]\nwasi-sdk = 33\nhost-triple = "wasm32-wasip1"\n',
        "Platforms/WASI/wasmtime.toml": "[wasm]\nmax-wasm-stack = 33_554_432\n",
        "Platforms/emscripten/__main__.py": _EMSCRIPTEN,
        "Platforms/emscripten/config.site-wasm32-emscripten": "",
        "Platforms/emscripten/config.toml": 'emscripten-version = "6.0.5"\nnode-version = "24"\n'
        '[dependencies.libffi]\nversion = "3.4.6"\n[dependencies.mpdec]\nversion = "4.0.1"\n',
        "Python/emscripten_trampoline_inner.c": "",
    }
)


def lay_build(root: Path, folder: str) -> None:
    """What the harness reads of a staged 3.13, whose build is in that folder of `root`."""
    texts = {**PY313.texts, f"{folder}/pybuilddir.txt": "build/lib.wasi-wasm32-3.13"}
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
