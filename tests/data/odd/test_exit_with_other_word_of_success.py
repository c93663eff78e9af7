# All cases pass, and the interpreter ends with the status that regrtest has for a module without tests.

import atexit
import os
import unittest

atexit.register(os._exit, 4)


class T(unittest.TestCase):
    def test_a(self):
        pass
