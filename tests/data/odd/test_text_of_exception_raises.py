# Exceptions whose text or type raises something that is not an Exception: errors of their cases.

import unittest


class TextExits(Exception):
    def __str__(self):
        raise SystemExit("no text")

    __repr__ = __str__


class TextInterrupts(AssertionError):
    def __str__(self):
        raise KeyboardInterrupt

    __repr__ = __str__


class TextIsGone(Exception):
    def __str__(self):
        raise GeneratorExit

    __repr__ = __str__


class TextIsNoText(Exception):
    def __str__(self):
        return 3


class Kind(type):
    def __repr__(cls):
        raise SystemExit("no name")

    __str__ = __repr__


class NamelessKind(Exception, metaclass=Kind):
    pass


class T(unittest.TestCase):
    def test_a(self):
        raise TextExits

    def test_b(self):
        raise TextInterrupts

    def test_c(self):
        raise TextIsGone

    def test_d(self):
        raise TextIsNoText

    def test_e(self):
        raise NamelessKind

    def test_f(self):
        pass
