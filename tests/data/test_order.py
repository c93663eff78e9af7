"""One of its cases crashes when two others ran before it in the same interpreter."""

import os
import unittest

ran = set()


class Order(unittest.TestCase):
    def test_18_needs_two_others(self):
        if {"test_03", "test_11"} <= ran:
            os.abort()


def add(name):
    setattr(Order, name, lambda _: ran.add(name))


for number in range(18):
    add(f"test_{number:02}")
