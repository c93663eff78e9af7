# All cases pass, and a handler of atexit ends the interpreter with a status of its own.

import atexit
import os
import unittest

atexit.register(os._exit, 7)


class T(unittest.TestCase):
    def test_a(self):
        pass
