# The last case of all raises KeyboardInterrupt.

import unittest


class T(unittest.TestCase):
    def test_a(self):
        pass

    def test_z(self):
        raise KeyboardInterrupt
