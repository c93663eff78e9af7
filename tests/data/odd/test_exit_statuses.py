# Each case ends the interpreter with another status, some of them outside of what WASI allows.

import os
import unittest


class T(unittest.TestCase):
    def test_0(self):
        os._exit(0)

    def test_126(self):
        os._exit(126)

    def test_200(self):
        os._exit(200)

    def test_256(self):
        os._exit(256)

    def test_minus_1(self):
        os._exit(-1)

    def test_pass(self):
        pass
