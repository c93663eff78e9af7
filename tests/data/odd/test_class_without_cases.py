import unittest


class T(unittest.TestCase):
    def helper(self):
        pass
