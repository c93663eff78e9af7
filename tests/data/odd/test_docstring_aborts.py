"""The docstring of the module is a case whose id is the module's own. It ends the interpreter; the others run.

>>> __import__("os")._exit(6)
"""

import doctest
import unittest


class T(unittest.TestCase):
    def test_a(self):
        pass


def load_tests(loader, tests, pattern):
    return unittest.TestSuite([doctest.DocTestSuite(), tests])
