"""The docstring of the module is a case whose id is the module's own. It passes, and another case fails.

>>> 1 + 1
2
"""

import doctest
import unittest


class T(unittest.TestCase):
    def test_a(self):
        self.fail("on purpose")


def load_tests(loader, tests, pattern):
    tests.addTest(doctest.DocTestSuite())
    return tests
