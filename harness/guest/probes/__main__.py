"""Runs one probe and says what it did: `python /probes GROUP.NAME`, inside the interpreter that was built.

A probe is a function that tries what the documentation says does not work, and returns when it worked. Whatever it
raises is how it failed. The last line of the output is `probe: ` and the observation as JSON. It stands there as a
crash before the attempt begins; when there is none at all, the interpreter ended in the probe's preparations.

With -i it only says that the attempt begins: the interactive interpreter itself is tried, and `answer()` is typed.
"""

import errno
import importlib
import json
import os
import sys
import traceback

from observed import NoEffect, NotApplicable, attempt


def errno_names(number: object) -> list[str]:
    """Every name of an error number: some systems have two for one."""
    return [name for name in dir(errno) if name.startswith("E") and getattr(errno, name) == number]


def failure(error: BaseException) -> dict[str, object]:
    """What an exception says, in JSON's terms."""
    return {
        "did": "error",
        "kinds": [kind.__name__ for kind in type(error).__mro__ if kind is not object],
        "errno": errno_names(getattr(error, "errno", None)),
        "message": str(error)[:400],
        "line": traceback.extract_tb(error.__traceback__)[-1].line or "",
    }


def observe(name: str) -> dict[str, object]:
    group, _, function = name.partition(".")
    probe = getattr(importlib.import_module(group), function)
    if not getattr(probe, "prepares", False):
        attempt()
    try:
        probe()
    except NotApplicable as reason:
        return {"did": "not-applicable", "message": str(reason)}
    except NoEffect as what:
        return {"did": "no-effect", "message": str(what)}
    except BaseException as error:
        return failure(error)
    return {"did": "works"}


def answer() -> None:
    line = "\nprobe: " + json.dumps(observe(sys.argv[1])) + "\n"
    # Around every buffer, and out at once: threads that still run, or a clean-up that crashes, are no part of it.
    sys.stdout.flush()
    os.write(1, line.encode())
    os._exit(0)


if sys.flags.interactive:
    attempt()
else:
    answer()
