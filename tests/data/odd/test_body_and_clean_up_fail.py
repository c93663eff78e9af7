# A case fails in its body and breaks in its clean-up: outcome and detail are of the same exception.

import unittest


class T(unittest.TestCase):
    def tearDown(self):
        raise OSError(44, "in the clean-up")

    def test_a(self):
        self.fail("in the body")

    def test_b(self):
        self.skipTest("in the body")

    @unittest.expectedFailure
    def test_c(self):
        self.fail("in the body")


class U(unittest.TestCase):
    def setUp(self):
        self.addCleanup(self.fail, "in the clean-up")

    def test_d(self):
        raise OSError(44, "in the body")

    def test_e(self):
        with self.subTest(number=1):
            raise KeyError("in the subtest")
