import unittest


class T(unittest.TestCase):
    @unittest.expectedFailure
    def test_fails(self):
        self.fail("as expected")

    @unittest.expectedFailure
    def test_passes(self):
        pass

    @unittest.expectedFailure
    def test_subtest_fails(self):
        with self.subTest(number=1):
            self.fail("as expected")

    @unittest.expectedFailure
    def test_skips(self):
        self.skipTest("first")
