# Clean-ups of classes raise something that is not an Exception: earlier cases have results, the next class runs.

import sys
import unittest


class A(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        raise SystemExit(3)

    def test_a(self):
        pass


class B(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(cls.fail_later)
        cls.addClassCleanup(sys.exit, 4)

    @classmethod
    def fail_later(cls):
        raise ValueError("after the exit")

    def test_b(self):
        pass


class C(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(sys.exit, 5)
        raise KeyboardInterrupt

    def test_c(self):
        pass


class D(unittest.TestCase):
    def test_d(self):
        pass
