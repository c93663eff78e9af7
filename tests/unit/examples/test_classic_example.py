"""The web example as it is built until 3.13: each change is made where it counts, the packed library stays whole."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import zipfile
from pathlib import Path

import pytest

from harness.build.recipes.emscripten import LARGER_STACK
from harness.errors import ConfigError
from harness.examples.causes import HALF_ERASED, NO_FS, NO_ZLIB, NOT_READY, SHORT_LINES, SMALL_STACK
from harness.examples.classic_example import WORKER, ClassicExample
from harness.examples.trials import Cause
from harness.examples.web_page import PAGE

# A short form of those of CPython 3.13.5.
TEXTS = {
    PAGE: """\
    this.input = this.input.slice(0, -1)
        programRunning(false)
        pythonWorkerManager.reset()
    programRunning(false)
""",
    WORKER: "new SharedArrayBuffer(128 * Int32Array.BYTES_PER_ELEMENT)\nModule.FS.writeFile(filename, contents)\n",
}
MARKER, CODE = b"# os.py", b"code" * 100


def library(comment: int = 0) -> bytes:
    """A zip file of 1,000 bytes, filled up with that many of a comment."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("os.pyc"), CODE, zipfile.ZIP_DEFLATED)
        archive.comment = bytes(comment)
    packed = stream.getvalue()
    return packed if comment else library(1000 - len(packed))


def optimized(package: object) -> str:
    """As Emscripten writes it from -O2 on."""
    short = re.sub(r'"(\w+)":', r"\1:", json.dumps(package, separators=(",", ":")))
    return re.sub(r"\b1000\b", "1e3", short)


@pytest.fixture(params=[json.dumps, optimized])
def example(tmp_path: Path, request: pytest.FixtureRequest) -> ClassicExample:
    form = request.param
    folder, packed = tmp_path / "built", library()
    files = [
        {"filename": "/usr/local/lib/python313.zip", "start": 0, "end": len(packed)},
        {"filename": "/usr/local/lib/python3.13/os.py", "start": len(packed), "end": len(packed) + len(MARKER)},
    ]
    package = {"files": files, "remote_package_size": len(packed) + len(MARKER)}
    for place in (folder, folder / LARGER_STACK):
        place.mkdir(parents=True)
        (place / "python.js").write_text(f"loadPackage({form(package)})}})();{place.name}")
        (place / "python.data").write_bytes(packed + MARKER)
        (place / "python.wasm").write_text(place.name)
    server = tmp_path / "wasm_webserver.py"
    server.write_text("the server")
    return ClassicExample(folder=folder, server=server, texts=TEXTS, has_zlib=False)


def laid(example: ClassicExample, target: Path, *changes: Cause) -> dict[str, str]:
    """The files of the example with those changes, without `python.data`."""
    example.lay(changes, target)
    return {path.name: path.read_text() for path in target.iterdir() if path.name != "python.data"}


def test_without_a_cause_the_example_is_as_it_is_shipped(example: ClassicExample, tmp_path: Path) -> None:
    files = laid(example, tmp_path / "page")
    assert {name: files[name] for name in TEXTS} == TEXTS
    assert (files["server.py"], files["python.wasm"]) == ("the server", "built")
    assert (tmp_path / "page" / "python.data").read_bytes() == library() + MARKER


@pytest.mark.parametrize(
    ("cause", "name", "new"),
    [
        (NOT_READY, PAGE, "    stopButton.setAttribute('disabled', true)\n        pythonWorkerManager.reset()"),
        (NO_FS, WORKER, "\nFS.writeFile(filename, contents)"),
        (SHORT_LINES, WORKER, "SharedArrayBuffer(8192 *"),
        (HALF_ERASED, PAGE, "[...this.input].slice(0, -1)"),
        (SMALL_STACK, "python.wasm", LARGER_STACK),
    ],
)
def test_each_change_is_made_where_it_counts(
    example: ClassicExample, tmp_path: Path, cause: Cause, name: str, new: str
) -> None:
    assert new in laid(example, tmp_path / "page", cause)[name]
    # The next trial is laid over this one.
    assert new not in laid(example, tmp_path / "page")[name]


def test_the_packed_library_is_stored_and_every_file_is_where_the_script_says(
    example: ClassicExample, tmp_path: Path
) -> None:
    script = laid(example, tmp_path / "page", SMALL_STACK, NO_ZLIB)["python.js"]
    found = re.fullmatch(r"loadPackage\((.*)\)\}\)\(\);" + LARGER_STACK, script)
    assert found
    package, data = json.loads(found[1]), (tmp_path / "page" / "python.data").read_bytes()
    packed, marker = (data[file["start"] : file["end"]] for file in package["files"])
    assert (marker, package["remote_package_size"]) == (MARKER, len(data))
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.getinfo("os.pyc").compress_type == zipfile.ZIP_STORED
        assert archive.read("os.pyc") == CODE


def test_a_script_that_says_nothing_of_its_files_is_refused(example: ClassicExample, tmp_path: Path) -> None:
    (example.folder / "python.js").write_text("loadPackage(other)")
    with pytest.raises(ConfigError, match=r"python\.js does not say what python\.data holds"):
        example.lay((NO_ZLIB,), tmp_path / "page")


def test_a_build_with_zlib_reads_the_library_as_it_is(example: ClassicExample) -> None:
    assert example.causes == (NO_FS, NO_ZLIB)
    assert dataclasses.replace(example, has_zlib=True).causes == (NO_FS,)
