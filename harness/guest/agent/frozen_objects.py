"""Frozen objects: those of a paused interpreter, which the garbage collector of a guest does not look at."""

import contextlib
import gc
import re
import sys

# The functions of gc whose results show that objects are frozen; `trace`, which regrtest has imported, calls one of
# them.
SHOWS_FROZEN = re.compile(
    rb"\b(get_objects|get_referrers|get_count|get_stats|get_freeze_count|freeze|unfreeze|(import|from) trace)\b"
)
# The names of the modules that were imported before the pause.
_imported_before: set[str] = set()


def freeze_objects() -> None:
    """Freezes all objects that exist.

    None of them is garbage. A collection that looked at them would take 4 ms and write to all of their memory, which
    an engine would have to copy; regrtest alone collects six times for a module.
    """
    gc.freeze()
    _imported_before.update(sys.modules)


def unfreeze_for(test_module: str) -> None:
    """Makes the objects visible to the collector again if the test module might notice that they are not."""
    if would_notice(test_module):
        gc.unfreeze()


def would_notice(test_module: str) -> bool:
    """Whether the source of a module that was imported since the pause names a function that shows frozen objects. Of
    test files every one is searched, since they may import gc late; of others those that have imported gc.
    """
    for name, module in list(sys.modules.items()):
        if name in _imported_before or type(module) is not type(sys):
            continue
        path, knows_gc = vars(module).get("__file__"), vars(module).get("gc") is gc
        if type(path) is str and (name == test_module or name.startswith("test.") or knows_gc):
            with contextlib.suppress(OSError), open(path, "rb") as source:  # noqa: PTH123 - pathlib, as everywhere here
                if SHOWS_FROZEN.search(source.read()):
                    return True
    return False
