import unittest


class InClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("the class is not for here")

    def test_a(self):
        pass


class InCase(unittest.TestCase):
    def setUp(self):
        self.skipTest("nor is the case")

    def test_a(self):
        pass
