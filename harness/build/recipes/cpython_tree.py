"""What a recipe must know of a source tree: which of CPython's own build scripts it has, and what they pin.

A script stands for a layout. Its settings are read from the tree and not copied here, so that they are those of the
CPython that is built. Pure but for `read_tree`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import tomli

from harness.errors import ConfigError
from harness.targets import Target


class Script(StrEnum):
    """CPython's own build scripts for WebAssembly, by their paths in the tree."""

    WASM_BUILD = "Tools/wasm/wasm_build.py"
    WASI_PY = "Tools/wasm/wasi.py"
    TOOLS_WASI = "Tools/wasm/wasi/__main__.py"
    PLATFORMS_WASI = "Platforms/WASI/__main__.py"
    TOOLS_EMSCRIPTEN = "Tools/wasm/emscripten/__main__.py"
    PLATFORMS_EMSCRIPTEN = "Platforms/emscripten/__main__.py"

    @property
    def folder(self) -> str:
        """Where it lies, and with it what it reads."""
        return self.rpartition("/")[0]


# Newest first: a tree keeps the older scripts, as shims or broken.
_SCRIPTS = {
    Target.WASI: (Script.PLATFORMS_WASI, Script.TOOLS_WASI, Script.WASI_PY, Script.WASM_BUILD),
    Target.EMSCRIPTEN: (Script.PLATFORMS_EMSCRIPTEN, Script.TOOLS_EMSCRIPTEN, Script.WASM_BUILD),
}
# The C file whose compiler must know how to ask a function pointer for its signature (LLVM 22).
TRAMPOLINE = "Python/emscripten_trampoline_inner.c"
_VERSION_FILE = "emscripten_version.txt"
_CONFIG = "config.toml"
_WASMTIME = "wasmtime.toml"
# What CPython's own scripts read there without asking whether it is there.
_SDK_KEY, _EMSCRIPTEN_KEY, _NODE_KEY = "wasi-sdk", "emscripten-version", "node-version"
_VERSION_KEYS = {
    Target.WASI: {_SDK_KEY: "--toolchain"},
    Target.EMSCRIPTEN: {_EMSCRIPTEN_KEY: "--toolchain", _NODE_KEY: "--runtime"},
}
_SITES = {Target.WASI: "config.site-wasm32-wasi", Target.EMSCRIPTEN: "config.site-wasm32-emscripten"}
# Every file that the functions below ask for.
FILES = tuple(
    dict.fromkeys(
        [
            *Script,
            *(f"{script.folder}/{name}" for script in Script for name in (_CONFIG, _VERSION_FILE, _WASMTIME)),
            *(f"{script.folder}/{site}" for script in Script for site in _SITES.values()),
            TRAMPOLINE,
        ]
    )
)


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A source tree: the texts of those of `FILES` that it has, and how to call it in messages."""

    name: str
    texts: Mapping[str, str]

    def script(self, target: Target) -> Script:
        """The script that builds this tree for the target: its layout. ConfigError when it has none that is known."""
        for script in _SCRIPTS[target]:
            if script in self.texts:
                return script
        known = ", ".join(reversed(_SCRIPTS[target]))
        raise ConfigError(
            f"{self.name}: the layout is not known: it has none of CPython's build scripts for {target.value}",
            hint=f"known are {known}; CPython has had one of them since 3.11",
        )

    def config_site(self, target: Target) -> str:
        """configure's answers for this target; in its early days a script had them above its own folder."""
        places = (self.script(target).folder, "Tools/wasm")
        paths = [f"{folder}/{_SITES[target]}" for folder in places]
        for path in paths:
            if path in self.texts:
                return path
        raise ConfigError(f"{self.name}: the layout is not known: it has no {' and no '.join(dict.fromkeys(paths))}")

    def settings(self, target: Target) -> Mapping[str, Any]:
        """The script's config.toml; empty where it has none. ConfigError when it is not TOML."""
        return self._toml(self.config_path(target))

    def pinned_toolchain(self, target: Target) -> str:
        """The version that CPython builds this tree with: an Emscripten, or the major version of a WASI SDK.

        Empty where the tree does not say.
        """
        return _PINNED[target](self)

    def pinned_node(self) -> str:
        """The version of Node that CPython runs this tree's tests on; empty where the tree does not say."""
        return self.version_under(Target.EMSCRIPTEN, _NODE_KEY)

    def lacking_settings(self, target: Target) -> dict[str, str]:
        """The versions that a config.toml of the script lacks, by their keys, with the option that names each instead;
        none where there is no such file.
        """
        if self.config_path(target) not in self.texts:
            return {}
        return {key: option for key, option in _VERSION_KEYS[target].items() if not self.version_under(target, key)}

    def config_path(self, target: Target) -> str:
        """Where the script's settings are, if it has any."""
        return f"{self.script(target).folder}/{_CONFIG}"

    def pinned_resources(self, target: Target) -> str:
        """The resources with which CPython runs this tree's tests, as regrtest's `-u`; empty where it does not say."""
        words = self.settings(target).get("test-args", [])
        if not isinstance(words, list):
            raise ConfigError(f"{self.name}: {self.config_path(target)}: test-args is no list, but {words!r}")
        found = [re.fullmatch(r"(?:-u|--use=)(\S+)", str(word)) for word in words]
        return ",".join(match[1] for match in found if match)

    def pinned_libraries(self) -> dict[str, str]:
        """Name and version of each library that CPython builds for Emscripten, as far as the tree's settings say."""
        settings = self.settings(Target.EMSCRIPTEN)
        tables = self._table(f"{self.script(Target.EMSCRIPTEN).folder}/{_CONFIG}", "dependencies") or settings
        return {name: str(table.get("version", "")) for name, table in tables.items() if isinstance(table, dict)}

    def upstream(self, target: Target) -> dict[str, Any]:
        """For the manifest: the script, and what it pins."""
        found: dict[str, Any] = {"script": self.script(target), "toolchain": self.pinned_toolchain(target)}
        if not target.traits.no_libraries:
            found |= {"node": self.pinned_node(), "libraries": self.pinned_libraries()}
        return found

    def wasi_triple(self) -> str:
        """What configure calls WASI."""
        if self.script(Target.WASI) is Script.WASM_BUILD:
            return "wasm32-unknown-wasi"
        if self.config_path(Target.WASI) not in self.texts:
            return "wasm32-wasip1"
        triple = self.wasi_targets().get("host-triple")
        if not isinstance(triple, str):
            raise ConfigError(
                f"{self.name}: {self.config_path(Target.WASI)}: "
                + ("targets has no host-triple" if triple is None else f"host-triple is no text, but {triple!r}"),
                hint='CPython\'s own script reads it there; its value is "wasm32-wasip1"',
            )
        return triple

    def wasm_stack(self) -> int:
        """Bytes of wasm stack that the tree's own runner asks wasmtime for: 8 MiB where it does not say."""
        script = self.script(Target.WASI)
        stack = self._table(f"{script.folder}/{_WASMTIME}", "wasm").get("max-wasm-stack")
        if stack is not None and type(stack) is not int:
            raise ConfigError(f"{self.name}: {script.folder}/{_WASMTIME}: max-wasm-stack is no number, but {stack!r}")
        found = re.search(r"max-wasm-stack=(\d+)", self.texts[script])
        return int(stack or (found[1] if found else 8 << 20))

    def wasi_targets(self) -> Mapping[str, Any]:
        """What the script's settings say of WASI as a target; empty where it has none."""
        return self._table(self.config_path(Target.WASI), "targets")

    def version_under(self, target: Target, key: str) -> str:
        """The version that the script's settings have under that key; empty where they have none. ConfigError where it
        is neither text nor a whole number.
        """
        table = self.wasi_targets() if target is Target.WASI else self.settings(target)
        value = table.get(key, "")
        if not isinstance(value, str) and type(value) is not int:
            raise ConfigError(f"{self.name}: {self.config_path(target)}: {key} is no version, but {value!r}")
        return str(value)

    def _table(self, path: str, name: str) -> Mapping[str, Any]:
        """The table of that name in a file of settings; empty where it has none."""
        table = self._toml(path).get(name, {})
        if not isinstance(table, dict):
            raise ConfigError(f"{self.name}: {path}: {name} is no table, but {table!r}")
        return table

    def _toml(self, path: str) -> Mapping[str, Any]:
        try:
            return tomli.loads(self.texts.get(path, ""))
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{self.name}: {path} is not valid TOML: {error}") from error


def _pinned_wasi_sdk(tree: Tree) -> str:
    found = re.search(r"^WASI_SDK_VERSION = (\d+)$", tree.texts[tree.script(Target.WASI)], re.MULTILINE)
    return tree.version_under(Target.WASI, _SDK_KEY) or (found[1] if found else "")


def _pinned_emscripten(tree: Tree) -> str:
    version = tree.texts.get(f"{tree.script(Target.EMSCRIPTEN).folder}/{_VERSION_FILE}", "").strip()
    return tree.version_under(Target.EMSCRIPTEN, _EMSCRIPTEN_KEY) or version


_PINNED = {Target.WASI: _pinned_wasi_sdk, Target.EMSCRIPTEN: _pinned_emscripten}


def read_tree(root: Path, name: str = "") -> Tree:
    """What the tree in that folder has; `name` is what messages call it."""
    texts = {}
    for path in FILES:
        if (root / path).is_file():
            try:
                texts[path] = (root / path).read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise ConfigError(f"{name or root}: {path} is not text in UTF-8: {error}") from error
    return Tree(name=name or str(root), texts=texts)
