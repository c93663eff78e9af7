import unittest


def fail():
    raise RuntimeError("in a clean-up")


unittest.addModuleCleanup(fail)


class OfCase(unittest.TestCase):
    def test_a(self):
        self.addCleanup(fail)


class OfClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(fail)

    def test_a(self):
        pass
