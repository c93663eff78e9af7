# The module's fixture raises SystemExit: an error of the fixture, and no case runs.

import sys
import unittest


def setUpModule():
    unittest.addModuleCleanup(sys.exit, 4)
    sys.exit(3)


class T(unittest.TestCase):
    def test_a(self):
        pass


class U(unittest.TestCase):
    def test_b(self):
        pass
