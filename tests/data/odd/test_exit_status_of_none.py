import sys
import unittest


class T(unittest.TestCase):
    def test_a(self):
        sys.exit()

    def test_b(self):
        raise SystemExit("a text")

    def test_c(self):
        pass
