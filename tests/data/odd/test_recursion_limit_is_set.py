import sys
import unittest


class T(unittest.TestCase):
    def test_a(self):
        sys.setrecursionlimit(120)

    def test_b(self):
        self.fail("on purpose")
