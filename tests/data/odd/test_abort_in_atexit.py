# All cases pass, and the interpreter aborts while it ends.

import atexit
import os
import unittest

atexit.register(os.abort)


class T(unittest.TestCase):
    def test_a(self):
        pass
