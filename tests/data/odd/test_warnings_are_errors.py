import unittest
import warnings


class T(unittest.TestCase):
    def test_a(self):
        warnings.simplefilter("error")
        warnings.warn("now an error", stacklevel=1)

    def test_b(self):
        warnings.warn("not one any more", stacklevel=1)
