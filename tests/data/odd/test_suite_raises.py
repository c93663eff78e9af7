# A suite of its own kind raises after its cases, whenever it runs: an error of the module, and what comes after it cannot run.

import unittest


class T(unittest.TestCase):
    def test_a(self):
        pass


class U(unittest.TestCase):
    def test_b(self):
        pass


class Odd(unittest.TestSuite):
    def run(self, result, debug=False):
        super().run(result, debug)
        raise SystemExit(3)


def load_tests(loader, tests, pattern):
    odd = Odd([T("test_a")])
    return unittest.TestSuite([odd, loader.loadTestsFromTestCase(U)])
