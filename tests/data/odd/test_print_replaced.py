# The module breaks what regrtest needs for its summary: the interpreter ends with a traceback.

import builtins
import unittest


class T(unittest.TestCase):
    def test_a(self):
        builtins.print = None

    def test_b(self):
        pass
