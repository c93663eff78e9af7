# A handler of atexit raises SystemExit: Python prints it, and ends as if nothing had happened.

import atexit
import sys
import unittest

atexit.register(sys.exit, 5)


class T(unittest.TestCase):
    def test_a(self):
        pass
