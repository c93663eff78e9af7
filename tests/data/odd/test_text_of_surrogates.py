# Texts that cannot be encoded, in a message, a subtest, a reason and what is printed.

import unittest


class T(unittest.TestCase):
    def test_a(self):
        raise ValueError("\udc80 and \ud800")

    def test_b(self):
        with self.subTest(name="\udcff"):
            self.fail("\udc80")

    def test_c(self):
        self.skipTest("no \udc80")

    def test_d(self):
        print(ascii("\udc80"))
