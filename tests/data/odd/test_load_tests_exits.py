# load_tests() raises SystemExit.

import unittest


class T(unittest.TestCase):
    def test_a(self):
        pass


def load_tests(loader, tests, pattern):
    raise SystemExit(3)
