import sys
import unittest


class T(unittest.TestCase):
    def test_a(self):
        for name in [name for name in sys.modules if name.startswith("unittest")]:
            del sys.modules[name]

    def test_b(self):
        self.fail("on purpose")
