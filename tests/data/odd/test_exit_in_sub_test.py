import os
import unittest


class T(unittest.TestCase):
    def test_a(self):
        with self.subTest(number=1):
            self.fail("on purpose")
        with self.subTest(number=2):
            os._exit(0)

    def test_b(self):
        pass
