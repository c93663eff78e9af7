# As test_exit_in_atexit, with a status that WASI does not allow.

import atexit
import os
import unittest


class T(unittest.TestCase):
    def test_a(self):
        atexit.register(os._exit, 200)
