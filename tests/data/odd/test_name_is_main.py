import unittest


class T(unittest.TestCase):
    def test_a(self):
        self.assertNotEqual(__name__, "__main__")


unittest.main()
