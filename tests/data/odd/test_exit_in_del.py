# All cases pass, and an object that dies with its module ends the interpreter with a status of its own.

import os
import unittest


class EndsAll:
    def __del__(self, leave=os._exit):
        leave(9)


kept = EndsAll()


class T(unittest.TestCase):
    def test_a(self):
        pass
