# The clean-up of a class ends the interpreter: its cases have their results, the next class runs.

import os
import unittest


class A(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        os._exit(3)

    def test_a(self):
        pass


class B(unittest.TestCase):
    def test_b(self):
        pass
