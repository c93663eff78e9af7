# A function as a case has an id of one word. It aborts, and is a part of the ids of other cases.

import os
import unittest


def test_a():
    os.abort()


class T(unittest.TestCase):
    def test_a(self):
        pass

    def test_b(self):
        pass


def load_tests(loader, tests, pattern):
    return unittest.TestSuite([unittest.FunctionTestCase(test_a), tests])
