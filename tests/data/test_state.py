"""Prints what an interpreter knows of itself; run as a module of the suite (tests/integration/test_guest.py)."""

import gc
import json
import os
import random
import secrets
import sys
import tempfile
import time
import unittest
import uuid

try:
    import js
except ImportError:
    js = None


def is_open(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


class State(unittest.TestCase):
    def test_state(self):
        same = {
            "environment": dict(os.environ),
            "folder": os.getcwd(),
            "umask": os.umask(0o022) if hasattr(os, "umask") else None,
            "flags": str(sys.flags),
            "path": sys.path,
            "arguments": sys.argv,
            "open files": [number for number in range(64) if is_open(number)],
            "modules": sorted(sys.modules),
            "process": os.getpid(),
            "seeded by regrtest": random.random(),
            "garbage": [gc.isenabled(), gc.get_freeze_count()],
            "recursion": sys.getrecursionlimit(),
            "standard streams": [str(sys.stdin), str(sys.__stdout__), sys.__stderr__.line_buffering],
            "left": [name for name in ("/tmp/left", "/home/left", "/dev/left", "/left") if os.path.exists(name)],
            "of JavaScript": [hasattr(js, "left"), hasattr(js.Math, "left")] if js else None,
        }
        other = {
            "urandom": os.urandom(8).hex(),
            "secrets": secrets.token_hex(8),
            "random": random.Random().random(),
            "uuid": str(uuid.uuid4()),
            "scratch name": tempfile.mktemp(),
        }
        text = json.dumps({"same": same, "other": other, "time": time.time()})
        os.write(1, f"STATE {text}\n".encode())  # regrtest keeps what a test that passes prints
