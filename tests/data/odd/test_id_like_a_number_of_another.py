# As test_id_like_a_number, and there is a case of the name without the number.

import os
import unittest


class T(unittest.TestCase):
    def test_a(self):
        pass

    def test_b(self):
        pass


setattr(T, "test_a#2", lambda self: os.abort())
