import unittest


class T(unittest.TestCase):
    def run(self, result=None):
        super().run(result)
        result.shouldStop = True

    def test_a(self):
        pass

    def test_b(self):
        self.fail("on purpose")
