# A class whose cases do not even start.

import unittest


class T(unittest.TestCase):
    def run(self, result=None):
        pass

    def test_a(self):
        pass


class U(unittest.TestCase):
    def test_b(self):
        pass
