import builtins
import unittest


class T(unittest.TestCase):
    def test_a(self):
        builtins.len = builtins.isinstance = builtins.open = None

    def test_b(self):
        self.fail("on purpose")
