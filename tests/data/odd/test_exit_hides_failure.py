# A case fails, and a handler of atexit ends the interpreter with status 0.

import atexit
import os
import unittest

atexit.register(os._exit, 0)


class T(unittest.TestCase):
    def test_a(self):
        self.fail("on purpose")

    def test_b(self):
        pass
