"""Takes privileges from the children of engines, so that file permissions count for every user, root included.

Run by path with these children, so it imports nothing of the harness.
"""

from __future__ import annotations

import ctypes
import os
import sys

# From <linux/capability.h> and <linux/prctl.h>.
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE, _CAP_FOWNER = 1 << 1, 1 << 3
_PR_SET_NO_NEW_PRIVS = 38


def give_up_override() -> None:
    """Gives up the capabilities, on Linux, to override file permissions, which protect the staged library. root has
    them, and other users may.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, 32 bits low and then high
    if libc.capget(header, sets) == 0:
        for index in range(3):
            sets[index] &= ~(_CAP_DAC_OVERRIDE | _CAP_FOWNER)
        libc.capset(header, sets)


def become(argv: list[str]) -> None:
    """Executes the program in this process, without the capabilities to override file permissions."""
    give_up_override()
    if sys.platform == "linux":
        # Otherwise root would get all capabilities back when it executes a program.
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0)))
    # New files have the same permissions for each user that runs the suite.
    os.umask(0o022)
    try:
        os.execv(argv[0], argv)
    except OSError as error:
        sys.exit(f"cannot start {argv[0]}: {error.strerror}")
