"""An event for each file of the standard library that a module imports."""

import importlib
import json
import os
import sys
from typing import Any

from harness.guest.agent.journal import JOURNAL, write

# The loader's own method with an event in it. It is compiled under the loader's file name and calls nothing that is
# written in Python, so that a test which traces an import sees the same frames as without it.
PATH_STATS = """\
def path_stats(self, path):
    if type(path) is str and path.startswith(library) and path not in seen and journal.descriptor >= 0:
        seen.add(path)
        write(journal.descriptor, b'\\n{"e": "import", "path": %b}\\n' % quoted(path[len(library):]).encode(), 0)
    st = external._path_stat(path)
    return {'mtime': st.st_mtime, 'size': st.st_size}
"""


def watch_imports() -> None:
    """Journals each file of the standard library that is imported from now on, by its path in the library. What is
    imported already, by regrtest, is the same in every guest and not journaled.

    A loader asks for the time of a source file before it uses the bytecode of it, so every import of one calls
    `path_stats`.
    """
    external: Any = importlib.import_module("_frozen_importlib_external")
    library = os.path.dirname(os.__file__) + "/"  # noqa: PTH120 - pathlib would be imported for the test's part
    stems = [library + name.replace(".", "/") for name in sys.modules]
    loader = external.SourceFileLoader
    old = loader.path_stats
    namespace: dict[str, Any] = {
        "__name__": external.__name__,
        "external": external,
        "library": library,
        "seen": {stem + end for stem in stems for end in (".py", "/__init__.py")},
        "journal": JOURNAL,
        "write": write,
        "quoted": json.encoder.encode_basestring_ascii,
    }
    exec(compile(PATH_STATS, old.__code__.co_filename, "exec"), namespace)
    new = namespace["path_stats"]
    new.__qualname__, new.__doc__ = old.__qualname__, old.__doc__
    loader.path_stats = new
