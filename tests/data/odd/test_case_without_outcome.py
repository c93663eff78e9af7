# A class that runs its cases in a way of its own: one says nothing of its outcome, one ends by an exception.

import unittest


class T(unittest.TestCase):
    def run(self, result=None):
        result.startTest(self)
        if self._testMethodName == "test_b":
            raise ValueError("in run")
        result.stopTest(self)

    def test_a(self):
        pass

    def test_b(self):
        pass

    def test_c(self):
        pass


class U(unittest.TestCase):
    def test_d(self):
        pass
