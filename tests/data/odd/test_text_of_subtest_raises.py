# Parameters of subtests whose text raises something that is not an Exception.

import unittest


class Odd:
    def __repr__(self):
        raise SystemExit("no text")


class T(unittest.TestCase):
    def test_a(self):
        with self.subTest(odd=Odd()):
            self.fail("on purpose")

    def test_b(self):
        with self.subTest(odd=Odd()):
            pass

    def test_c(self):
        with self.subTest(odd=Odd()):
            self.skipTest("no reason")

    def test_d(self):
        pass
