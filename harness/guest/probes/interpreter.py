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


def _shows(template: str, wanted: str) -> None:
    """For a Sunday in January, two in the afternoon."""
    shown = time.strftime(template, (2020, 1, 5, 14, 0, 0, 6, 5, 0))
    if shown != wanted:
        raise NoEffect(f"{template} gives {shown!r}, not {wanted!r}")


def time_in_lower_case() -> None:
    _shows("%P", "pm")


def time_in_upper_case() -> None:
    _shows("%^a", "SUN")


def time_in_the_other_case() -> None:
    _shows("%#Z", time.tzname[0].lower())


def time_with_a_space() -> None:
    """%k is the hour with a space in front where it has one digit."""
    _shows("%k %l", "14  2")


def time_without_padding() -> None:
    _shows("%-d %_d", "5  5")


def unknown_locale() -> None:
    """A locale that nobody has must be refused, whatever it is asked for."""
    import locale

    taken = []
    for category in ("LC_ALL", "LC_CTYPE", "LC_COLLATE", "LC_TIME", "LC_MONETARY", "LC_NUMERIC"):
        try:
            locale.setlocale(getattr(locale, category), "xx_YY.UTF-8")
        except locale.Error:
            continue
        taken.append(category)
    if taken:
        raise NoEffect(f"setlocale() takes a locale that nobody has for {', '.join(taken)}")


def _german(category: str) -> bool:
    """Whether the C library says that it has German conventions for this; where it has not it must not say so."""
    import locale

    try:
        locale.setlocale(getattr(locale, category), "de_DE.UTF-8")
    except locale.Error:
        return False
    return True


def locale_of_numbers() -> None:
    import locale

    if _german("LC_NUMERIC") and locale.localeconv()["decimal_point"] != ",":
        raise NoEffect(f"the German decimal point is {locale.localeconv()['decimal_point']!r}")


def locale_of_money() -> None:
    import locale

    if _german("LC_MONETARY") and locale.localeconv()["int_curr_symbol"].strip() != "EUR":
        raise NoEffect(f"the German currency is {locale.localeconv()['int_curr_symbol']!r}")


def locale_of_days() -> None:
    if _german("LC_TIME"):
        _shows("%A", "Sonntag")


def locale_of_sorting() -> None:
    """In German \xe4 is sorted as a."""
    import locale

    if _german("LC_COLLATE") and locale.strcoll("\xe4", "z") >= 0:
        raise NoEffect("\xe4 is sorted behind z")


def subinterpreter() -> None:
    """CPython's own name for the module changed with 3.13."""
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    made = interpreters.create()
    interpreters.destroy(made)


def fma_of_small_numbers() -> None:
    import math

    product = math.fma(1e-300, -1e-300, 0.0)
    if math.copysign(1, product) != -1:
        raise NoEffect(f"1e-300 * -1e-300 + 0.0 is {product}")
