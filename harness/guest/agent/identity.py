"""Writes down what the interpreter says of itself: `python /harness/identity.py JOURNAL`. It judges nothing.

JOURNAL is the number of a descriptor that can only be appended to.
"""

import _imp
import importlib.util
import json
import os
import sys
import sysconfig
from typing import Any

_CONFIGURED = ("CONFIG_ARGS", "CC", "HOST_GNU_TYPE", "MULTIARCH", "SOABI", "Py_DEBUG", "Py_GIL_DISABLED")
# What a library makes possible.
_MODULES = ("zlib", "_bz2", "_sqlite3", "_ctypes")


def identity() -> dict[str, Any]:
    """From the running interpreter itself where it knows; `sysconfig` is what configure and make left in a file."""
    return {
        "platform": sys.platform,
        "version": sys.version,
        "uname": list(os.uname()),
        "threads": sys.thread_info.name,
        "pydebug": hasattr(sys, "gettotalrefcount"),
        "dynamic_loading": bool(_imp.extension_suffixes()),
        "emscripten": emscripten(),
        "modules": {name: importlib.util.find_spec(name) is not None for name in _MODULES},
        "sysconfig": {name: sysconfig.get_config_var(name) for name in _CONFIGURED},
    }


def emscripten() -> dict[str, Any] | None:
    info = getattr(sys, "_emscripten_info", None)
    if info is None:
        return None
    return {
        "version": ".".join(str(part) for part in info.emscripten_version),
        "runtime": info.runtime,
        "pthreads": info.pthreads,
        "shared_memory": info.shared_memory,
    }


if __name__ == "__main__":
    os.pwrite(int(sys.argv[1]), json.dumps(identity()).encode(), 0)
