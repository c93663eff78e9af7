# A case whose own name ends like the number of a second case of one id aborts.

import os
import unittest


class T(unittest.TestCase):
    def test_b(self):
        pass

    def test_c(self):
        pass


setattr(T, "test_a#2", lambda self: os.abort())
