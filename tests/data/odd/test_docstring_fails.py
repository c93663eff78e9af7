"""The docstring of the module is a case whose id is the module's own. It fails, and another case passes.

>>> 1 + 1
3
"""

import doctest
import unittest


class T(unittest.TestCase):
    def test_a(self):
        pass


def load_tests(loader, tests, pattern):
    tests.addTest(doctest.DocTestSuite())
    return tests
