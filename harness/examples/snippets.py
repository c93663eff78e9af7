"""The snippets of CPython's own README that embed Python in a JavaScript application, cut out of it. Pure."""

from __future__ import annotations

import json
import re
from pathlib import Path

from harness.errors import ConfigError, UnavailableError

# Where the trees have it: until 3.14.3, and from 3.14.4 on.
READMES = ("Tools/wasm/README.md", "Platforms/emscripten/README.md")
_BLOCK = re.compile(r"^```js\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FACTORY = "createEmscriptenModule"
# The version for which the browser's snippet is written, and the path in Node's that stands for the reader's own.
_ZIP = re.compile(r"python(\d+)\.(\d+)")
_ZIP_SHORT = re.compile(r"python\d{3,}(?=\.zip)")
_PLACEHOLDER = '"/path/to/python/stdlib"'


def read_text(readme: Path) -> str:
    """ConfigError for a file that cannot be read, or is no text."""
    try:
        return readme.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise ConfigError(f"{readme} cannot be read: {why}", hint="--readme names a file with the snippets") from None


def readme_with_snippets(root: Path) -> Path:
    """The README of the tree in that folder which has them. UnavailableError when none does."""
    for name in READMES:
        path = root / name
        if path.is_file() and _FACTORY in path.read_text(encoding="utf-8"):
            return path
    raise UnavailableError(
        f"the README of this CPython shows no embedding in JavaScript: {' and '.join(READMES)}",
        hint="3.14 and later have it; --readme FILE takes the snippets of another tree's",
    )


def node_snippet(readme: str, stdlib: Path) -> str:
    """The one for Node, with that folder in the place of its placeholder."""
    return _snippet(readme, "NODEFS", _PLACEHOLDER).replace(_PLACEHOLDER, json.dumps(str(stdlib)))


def browser_snippet(readme: str, series: str) -> str:
    """The one for browsers, for Python of that series: `3.14`."""
    snippet = _ZIP.sub(f"python{series}", _snippet(readme, "fetch(", ".zip"))
    return _ZIP_SHORT.sub(f"python{series.replace('.', '')}", snippet)


def _snippet(readme: str, *marks: str) -> str:
    found = [block for block in _BLOCK.findall(readme) if all(mark in block for mark in (_FACTORY, *marks))]
    if len(found) != 1:
        raise ConfigError(
            f"the README has {len(found) or 'no'} snippets with {_FACTORY}, {' and '.join(marks)}: one is known",
            hint="CPython has changed it: harness/examples/snippets.py has to follow",
        )
    return str(found[0])


def with_setting(snippet: str, setting: str) -> str:
    """The snippet with one more setting for the module, first among them."""
    return _changed(snippet, f"{_FACTORY}({{", f"{_FACTORY}({{ {setting},")


def with_statement(snippet: str, statement: str) -> str:
    """The snippet with one more statement at the beginning of its preRun."""
    return _changed(snippet, "preRun(Module) {", f"preRun(Module) {{ {statement}")


def _changed(snippet: str, old: str, new: str) -> str:
    if snippet.count(old) != 1:
        raise ConfigError(
            f"the snippet cannot be changed: {old!r} is in it {snippet.count(old)} times",
            hint="CPython has changed it: harness/examples/snippets.py has to follow",
        )
    return snippet.replace(old, new)
