# Two cases of one id, and the second aborts.

import os
import unittest


class T(unittest.TestCase):
    times = 0

    def test_a(self):
        T.times += 1
        if T.times == 2:
            os.abort()

    def test_b(self):
        pass


def load_tests(loader, tests, pattern):
    tests.addTest(T("test_a"))
    return tests
