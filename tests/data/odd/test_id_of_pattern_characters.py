# The name of a case that aborts, read as a pattern, matches another case.

import os
import unittest


class T(unittest.TestCase):
    def test_a(self):
        pass

    def test_b(self):
        pass

    def test_1(self):
        pass


for name in ("test_?", "test_[1]"):
    setattr(T, name, lambda self: os.abort())
