"""Leaves behind whatever a guest can; run as a module of the suite (tests/integration/test_guest.py)."""

import contextlib
import gc
import os
import random
import signal
import sys
import tempfile
import threading
import unittest

kept = []


class Leaving(unittest.TestCase):
    """Each case ends its guest, so that the next one runs in another."""

    def leave(self):
        os.write(1, f"LEFT {self.id()}\n".encode())
        os._exit(0)

    def test_files_and_settings(self):
        os.environ["LEFT"] = os.environ["HOME"] = "/tmp/left"
        for name in ("/tmp/left", "/home/left", "/dev/left", "/left"):
            with contextlib.suppress(OSError):
                os.mkdir(name)
        os.chdir("/tmp")
        if hasattr(os, "umask"):
            os.umask(0o077)
        kept.extend([open(__file__), open("/tmp/file", "w"), tempfile.TemporaryFile()])
        with contextlib.suppress(OSError, AttributeError):
            kept.append(os.pipe())
        with contextlib.suppress(OSError, AttributeError):
            os.dup2(1, 40)
        os.close(0)
        sys.path.insert(0, "/tmp/left")
        sys.argv = ["left"]
        sys.setrecursionlimit(200)
        random.seed(1)
        gc.unfreeze()
        gc.disable()
        threading.left = True
        self.leave()

    def test_timers(self):
        with contextlib.suppress(AttributeError, OSError):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
        self.leave()

    def test_javascript(self):
        with contextlib.suppress(ImportError):
            import js
            from pyodide.ffi import create_once_callable

            js.left = True
            js.Math.left = True
            js.setTimeout(create_once_callable(lambda: None), 10_000)
        self.leave()
