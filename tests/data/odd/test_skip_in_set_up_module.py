import unittest


def setUpModule():
    raise unittest.SkipTest("the module is not for here")


class T(unittest.TestCase):
    def test_a(self):
        pass
