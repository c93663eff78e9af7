# A class fixture ends the interpreter: its class does not run, the next one does.

import os
import unittest


class A(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os._exit(130)

    def test_a(self):
        pass


class B(unittest.TestCase):
    def test_b(self):
        pass
