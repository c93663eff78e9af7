# A case leaves a changed environment behind.

import os
import unittest


class T(unittest.TestCase):
    def test_a(self):
        os.environ["ODD"] = "1"
