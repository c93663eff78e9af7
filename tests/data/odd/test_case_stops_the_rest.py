# A case asks unittest to stop after it.

import unittest


class T(unittest.TestCase):
    def test_a(self):
        self._outcome.result.stop()

    def test_b(self):
        pass

    def test_c(self):
        self.fail("on purpose")
