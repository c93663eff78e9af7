# A case asks for all memory: an exception.

import unittest


class T(unittest.TestCase):
    def test_a(self):
        bytearray((1 << 31) - 64)

    def test_b(self):
        pass
