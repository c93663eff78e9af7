# Reasons of skips whose text raises something that is not an Exception.

import unittest


class Odd(unittest.SkipTest):
    def __str__(self):
        raise SystemExit("no text")


class T(unittest.TestCase):
    def test_a(self):
        raise Odd

    def test_b(self):
        pass
