# A case calls os.abort(); the others run.

import os
import unittest


class T(unittest.TestCase):
    def test_a(self):
        pass

    def test_b(self):
        os.abort()

    def test_c(self):
        pass
