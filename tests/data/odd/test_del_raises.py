import unittest


class Loud:
    def __del__(self):
        raise RuntimeError("in __del__")


class T(unittest.TestCase):
    def test_a(self):
        Loud()

    def test_b(self):
        self.fail("on purpose")
