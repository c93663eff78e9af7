# Endless recursion in Python is an exception.

import unittest


def again():
    return again() + 1


class T(unittest.TestCase):
    def test_a(self):
        again()

    def test_b(self):
        pass
