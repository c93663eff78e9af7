# Cases that cannot be described: str(), repr() and shortDescription() raise something that is not an Exception.

import unittest


class Described(unittest.TestCase):
    def shortDescription(self):
        raise SystemExit("no description")

    def test_a(self):
        self.fail("on purpose")

    def test_b(self):
        pass


class Written(unittest.TestCase):
    def __str__(self):
        raise KeyboardInterrupt

    __repr__ = __str__

    def test_a(self):
        self.fail("on purpose")


class Z(unittest.TestCase):
    def test_z(self):
        pass
