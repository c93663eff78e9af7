import unittest


class T(unittest.TestCase):
    def test_a(self):
        with self.subTest(number=1):
            self.fail("the first")
        self.skipTest("the rest")

    def test_b(self):
        self.addCleanup(self.skipTest, "too late")
