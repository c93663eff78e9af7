"""The web example as CPython's makefile makes it until 3.13: a build for the target `browser`, whose interpreter is a
script with its library packed into a file next to it.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.build.artifact import Build
from harness.build.recipes.emscripten import LARGER_STACK
from harness.errors import ConfigError
from harness.examples.causes import HALF_ERASED, NO_FS, NO_ZLIB, NOT_READY, SHORT_LINES, SMALL_STACK
from harness.examples.stdlib import store_into
from harness.examples.trials import Cause
from harness.examples.web_page import LONGER_LINES, PAGE, WHOLE_CHARACTER, Changes, changed, in_text

WORKER = "python.worker.js"
SERVER = "Tools/wasm/wasm_webserver.py"
_SCRIPT, _DATA = "python.js", "python.data"
_LINKED = (_SCRIPT, _DATA, "python.wasm")
# What Emscripten's file_packager puts into the script, with the place of each file in `python.data`. From -O2 on it is
# written as short as JavaScript takes it: `{files:[{filename:"/a",start:0,end:1e3}],remote_package_size:1e3}`.
_PACKAGE = re.compile(r"(?<=loadPackage\()\{\s*\"?files\"?\s*:[^()]*\}(?=\))")
_BARE_KEY = re.compile(r"(?<=[{,])\s*(\w+)\s*:")
# The changes to the texts of the example.
_CHANGES: Changes = {
    NO_FS.name: (WORKER, in_text("Module.FS.writeFile(", "FS.writeFile(", NO_FS)),
    NOT_READY.name: (
        PAGE,
        in_text(
            "programRunning(false)\n        pythonWorkerManager.reset()",
            "stopButton.setAttribute('disabled', true)\n        pythonWorkerManager.reset()",
            NOT_READY,
        ),
    ),
    SHORT_LINES.name: (WORKER, LONGER_LINES),
    HALF_ERASED.name: (PAGE, WHOLE_CHARACTER),
}


@dataclass(frozen=True, kw_only=True)
class ClassicExample:
    """The web example of such a build: the folder that it was built in, the server of the tree, page and Worker."""

    folder: Path
    server: Path
    texts: Mapping[str, str]
    has_zlib: bool

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What keeps it from running a program, in the order in which it is met."""
        return (NO_FS, *(() if self.has_zlib else (NO_ZLIB,)))

    @property
    def faults(self) -> tuple[Cause, ...]:
        """What keeps parts of it from working, once it runs a program. For a page CPython does not link with
        -sEXIT_RUNTIME: what runs next in the same instance prints too.
        """
        return (NOT_READY, SMALL_STACK, SHORT_LINES, HALF_ERASED)

    def lay(self, changes: Sequence[Cause], target: Path) -> None:
        """Makes the folder `target` a copy of the example with the changes for those causes."""
        target.mkdir(exist_ok=True)
        shutil.copyfile(self.server, target / "server.py")
        linked = self.folder / LARGER_STACK if SMALL_STACK in changes else self.folder
        for name in _LINKED:
            shutil.copyfile(linked / name, target / name)
        for name, text in changed(self.texts, changes, _CHANGES).items():
            (target / name).write_text(text, encoding="utf-8")
        if NO_ZLIB in changes:
            _store_library(target)


def is_classic(build: Build) -> bool:
    """Whether it is a build for the target `browser`."""
    return (build.root / build.manifest.layout.build_folder / LARGER_STACK).is_dir()


def classic_example_of(build: Build) -> ClassicExample:
    """The example that such a build has made."""
    folder = build.root / build.manifest.layout.build_folder
    return ClassicExample(
        folder=folder,
        server=build.root / SERVER,
        texts={name: (folder / name).read_text(encoding="utf-8") for name in (PAGE, WORKER)},
        has_zlib="zlib" in (build.manifest.libraries or {}),
    )


def _store_library(folder: Path) -> None:
    """Packs `python.data` again with its zip file stored, and says in the script where each file is now."""
    script, data = folder / _SCRIPT, folder / _DATA
    text, content = script.read_text(encoding="utf-8"), data.read_bytes()
    found = _PACKAGE.search(text)
    if not found:
        raise ConfigError(
            f"the web example cannot be changed for {NO_ZLIB.name}: {_SCRIPT} does not say what {_DATA} holds",
            hint="Emscripten has changed its file_packager: harness/examples/classic_example.py has to follow",
        )
    package = json.loads(_BARE_KEY.sub(r'"\1":', found.group()))
    packed = bytearray()
    for file in package["files"]:
        part = content[int(file["start"]) : int(file["end"])]
        if file["filename"].endswith(".zip"):
            part = _stored(part)
        file["start"], file["end"] = len(packed), len(packed) + len(part)
        packed += part
    package["remote_package_size"] = len(packed)
    data.write_bytes(packed)
    there = json.dumps(package, separators=(",", ":"))
    script.write_text(f"{text[: found.start()]}{there}{text[found.end() :]}", encoding="utf-8")


def _stored(packed: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        store_into(archive, target)
    return target.getvalue()
