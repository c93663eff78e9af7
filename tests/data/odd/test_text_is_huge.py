import os
import unittest


class T(unittest.TestCase):
    def test_a(self):
        self.fail("x" * 10_000_000)

    def test_b(self):
        os.write(1, b"\0\xff\x1b[31m" * 1000)
        self.fail("a\0b\x1b[31m")

    def test_c(self):
        pass
