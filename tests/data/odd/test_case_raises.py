# Cases that end by something that is not an Exception: the reason is the exception that it was.

import unittest


class Odd(BaseException):
    pass


class T(unittest.TestCase):
    def test_a(self):
        raise KeyboardInterrupt

    def test_b(self):
        raise GeneratorExit

    def test_c(self):
        raise SystemExit(3)

    def test_d(self):
        raise Odd("on purpose")

    def test_e(self):
        pass


class U(unittest.TestCase):
    def tearDown(self):
        raise KeyboardInterrupt("in the clean-up")

    def test_f(self):
        self.fail("in the body")

    def test_g(self):
        pass


class V(unittest.TestCase):
    def test_h(self):
        with self.subTest(number=1):
            raise KeyboardInterrupt

    def test_i(self):
        pass
