# sys.exit() in a case, with all kinds of values, is an error of that case.

import sys
import unittest


class T(unittest.TestCase):
    def test_0(self):
        sys.exit()

    def test_300(self):
        sys.exit(300)

    def test_huge(self):
        sys.exit(1 << 70)

    def test_text(self):
        sys.exit("a text")

    def test_tuple(self):
        sys.exit((1, 2))

    def test_pass(self):
        pass
