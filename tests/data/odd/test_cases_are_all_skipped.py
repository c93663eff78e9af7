import unittest


@unittest.skip("not here")
class T(unittest.TestCase):
    def test_a(self):
        pass

    def test_b(self):
        pass
