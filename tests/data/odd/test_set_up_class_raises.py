# Class fixtures raise something that is not an Exception: their errors; their classes do not run, the next one does.

import unittest


class A(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise SystemExit(3)

    def test_a(self):
        pass


class B(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise KeyboardInterrupt

    def test_b(self):
        pass


class C(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise GeneratorExit

    def test_c(self):
        pass


class D(unittest.TestCase):
    def test_d(self):
        pass
