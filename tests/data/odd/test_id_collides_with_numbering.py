# Two cases of one id, and one whose own name is what the second of them is called by. That one aborts.

import os
import unittest


class T(unittest.TestCase):
    def test_a(self):
        pass

    def test_b(self):
        pass


setattr(T, "test_a#2", lambda self: os.abort())


def load_tests(loader, tests, pattern):
    tests.addTest(T("test_a"))
    return tests
