"""The web example's files: what is wrong with them is seen, and each change is made where it counts."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from harness.errors import ConfigError, UnavailableError
from harness.examples.causes import ENDED_RUNTIME, HALF_ERASED, NO_ZLIB, SHORT_LINES, UNCLOSED_SCRIPT
from harness.examples.web_page import (
    PAGE,
    WORKER,
    WebExample,
    changed,
    check_makes_web_example,
    foreign_files,
    has_unclosed_script,
)

XTERM = b"the terminal"
HASH = f"sha384-{base64.b64encode(hashlib.sha384(XTERM).digest()).decode()}"
# A short form of CPython's page at 3b18af964da9.
TEXTS = {
    PAGE: f"""<link rel="stylesheet"
    href="https://unpkg.com/xterm@4.18.0/css/xterm.css" crossorigin integrity="sha384-AAAA" />
<script
    src="https://unpkg.com/xterm@4.18.0/lib/xterm.js"
    crossorigin
    integrity="{HASH}"
/>
<script type="module">
  finished() {{ this.finishedCallback(); }}
  erase() {{ this.input = this.input.slice(0, -1); }}
</script>
""",
    WORKER: "this.sab = new SharedArrayBuffer(128 * Int32Array.BYTES_PER_ELEMENT);\n",
}


def example(folder: Path, compression: int, *, zlib: bool) -> WebExample:
    library = folder / "python3.14.zip"
    with zipfile.ZipFile(library, "w", compression) as archive:
        archive.writestr("os.pyc", b"code" * 100)
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    return WebExample(folder=folder, texts=TEXTS, library=library, has_zlib=zlib)


def test_a_script_element_that_html_does_not_close_is_closed() -> None:
    assert has_unclosed_script(TEXTS[PAGE])
    page = changed(TEXTS, [UNCLOSED_SCRIPT])[PAGE]
    assert not has_unclosed_script(page)
    assert f'integrity="{HASH}"></script>\n<script type="module">' in page
    # This is how elements without content are closed.
    assert 'integrity="sha384-AAAA" />' in page


@pytest.mark.parametrize(
    ("cause", "name", "new"),
    [
        (ENDED_RUNTIME, PAGE, "this.worker.terminate(); this.worker = null; this.initialiseWorker();"),
        (HALF_ERASED, PAGE, "[...this.input].slice(0, -1)"),
        (SHORT_LINES, WORKER, "SharedArrayBuffer(8192 *"),
    ],
)
def test_each_change_is_to_one_file(cause: object, name: str, new: str) -> None:
    texts = changed(TEXTS, [cause])  # type: ignore[list-item] # pytest's parameters have no types
    assert new in texts[name]
    assert [other for other in TEXTS if other != name and texts[other] != TEXTS[other]] == []


def test_an_example_that_has_changed_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be changed for lines-of-127-bytes"):
        changed(TEXTS | {WORKER: "new SharedArrayBuffer(256 * 4)"}, [SHORT_LINES])


def test_what_comes_from_elsewhere_is_known_by_its_hash() -> None:
    style, script = foreign_files(TEXTS[PAGE])
    assert (script.address, script.package, script.version, script.file) == (
        "https://unpkg.com/xterm@4.18.0/lib/xterm.js",
        "xterm",
        "4.18.0",
        "lib/xterm.js",
    )
    assert script.is_right(XTERM)
    assert not script.is_right(b"another terminal")
    assert not style.is_right(XTERM)


@pytest.mark.parametrize("makefile", [None, "all: build_platform\n"])
def test_a_tree_whose_makefile_makes_no_web_example_is_refused(tmp_path: Path, makefile: str | None) -> None:
    (tmp_path / "Include").mkdir()
    (tmp_path / "Include" / "patchlevel.h").write_text('#define PY_VERSION "3.13.5"\n')
    if makefile is not None:
        (tmp_path / "Makefile.pre.in").write_text(makefile)
    with pytest.raises(UnavailableError, match=r"CPython 3\.13\.5 has no web example"):
        check_makes_web_example(tmp_path)
    # As 3.14 makes it, and as 3.13 does.
    for rule in ("web_example/python.html: $(WEBEX_DIR)/python.html", "python.html: $(srcdir)/Tools/wasm/python.html"):
        (tmp_path / "Makefile.pre.in").write_text(f"{rule}\n")
        check_makes_web_example(tmp_path)


def test_a_tree_whose_page_has_no_programs_is_refused(tmp_path: Path) -> None:
    """CPython 3.11 has a page with nothing but a REPL."""
    (tmp_path / "Include").mkdir()
    (tmp_path / "Include" / "patchlevel.h").write_text('#define PY_VERSION "3.11.2"\n')
    (tmp_path / "Makefile.pre.in").write_text("python.html: $(srcdir)/Tools/wasm/python.html\n")
    page = tmp_path / "Tools" / "wasm" / "python.html"
    page.parent.mkdir(parents=True)
    page.write_text('<button id="repl" disabled>Start REPL</button>')
    with pytest.raises(UnavailableError, match=r"the web example of CPython 3\.11\.2 is a REPL without a box"):
        check_makes_web_example(tmp_path)
    page.write_text('<button id="run" disabled>Run</button>')
    check_makes_web_example(tmp_path)


@pytest.mark.parametrize(
    ("compression", "zlib", "names"),
    [
        (zipfile.ZIP_DEFLATED, False, ["unclosed-script", "deflated-zip-without-zlib"]),
        (zipfile.ZIP_DEFLATED, True, ["unclosed-script"]),
        (zipfile.ZIP_STORED, False, ["unclosed-script"]),
    ],
)
def test_what_keeps_it_from_running_is_seen_in_its_files(
    tmp_path: Path, compression: int, zlib: bool, names: list[str]
) -> None:
    assert [cause.name for cause in example(tmp_path, compression, zlib=zlib).causes] == names


def test_a_copy_has_the_changes_that_it_is_made_with_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "shipped").mkdir()
    shipped = example(tmp_path / "shipped", zipfile.ZIP_DEFLATED, zlib=False)
    target = tmp_path / "page"
    shipped.lay((UNCLOSED_SCRIPT, NO_ZLIB), target)
    assert not has_unclosed_script((target / PAGE).read_text())
    with zipfile.ZipFile(target / "python3.14.zip") as archive:
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED
    shipped.lay((), target)
    assert (target / PAGE).read_text() == TEXTS[PAGE]
    with zipfile.ZipFile(target / "python3.14.zip") as archive:
        assert archive.infolist()[0].compress_type == zipfile.ZIP_DEFLATED
