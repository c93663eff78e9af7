# Classes whose id() is something else, or raises: the case that aborts is known by the library's id.

import os
import unittest


class Same(unittest.TestCase):
    def id(self):
        return "the same for all"

    def test_a(self):
        os.abort()

    def test_b(self):
        pass


class Raises(unittest.TestCase):
    def id(self):
        raise SystemExit("no id")

    def test_a(self):
        os.abort()

    def test_b(self):
        pass

    def test_c(self):
        self.fail("on purpose")
