"""Memory, stack, time, locale: what the interpreter has from its C library and its runtime."""

import sys
import time

from observed import NoEffect

# CPython itself stops after ten thousand levels of C code where the stack is not small.
DEPTH = 8000


def python_recursion() -> None:
    """To the limit and no further: an exception, and the interpreter goes on."""

    def down() -> None:
        down()

    try:
        down()
    except RecursionError:
        return


def deep_python_recursion() -> None:
    """The limit is the user's to raise."""

    def down(levels: int) -> int:
        return down(levels - 1) + 1 if levels else 0

    sys.setrecursionlimit(100_000)
    if down(40_000) != 40_000:
        raise NoEffect("it counts wrong")


def deep_nesting() -> None:
    """A value nested deeply is printed by C code that calls itself."""
    nested = []
    for _ in range(DEPTH):
        nested = [nested]
    sys.setrecursionlimit(100_000)
    if len(repr(nested)) != 2 * DEPTH + 2:
        raise NoEffect("it prints something else")


def endless_nesting() -> None:
    """Nested far too deeply: an exception, and the interpreter goes on."""
    import json

    try:
        json.loads("[" * 10**6)
    except RecursionError:
        return
    raise NoEffect("a million open brackets are read")


def deep_source() -> None:
    """The compiler calls itself for each level."""
    sys.setrecursionlimit(100_000)
    compile("+".join(["x"] * DEPTH), "deep", "eval")


def large_allocation() -> None:
    size = 0x7F00_0000
    if len(bytearray(size)) != size:
        raise NoEffect("the memory is smaller")


def object_allocator() -> None:
    """CPython's own allocator counts its blocks; without it there is nothing to count."""
    if sys.getallocatedblocks() == 0:
        raise NoEffect("no block is allocated by CPython's own allocator")


def glibc_time_formats() -> None:
    moment = (2020, 1, 5, 14, 0, 0, 6, 5, 0)
    wrong = {
        template: shown
        for template, wanted in {"%P": "pm", "%^a": "SUN", "%k": "14", "%-d": "5"}.items()
        if (shown := time.strftime(template, moment)) != wanted
    }
    if wrong:
        raise NoEffect(f"the formats give {wrong}")


def unknown_locale() -> None:
    """A locale that nobody has must be refused."""
    import locale

    try:
        locale.setlocale(locale.LC_ALL, "xx_YY.UTF-8")
    except locale.Error:
        return
    raise NoEffect("setlocale() takes a locale that nobody has")


def subinterpreter() -> None:
    """CPython's own name for the module changed with 3.13."""
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    made = interpreters.create()
    interpreters.destroy(made)
