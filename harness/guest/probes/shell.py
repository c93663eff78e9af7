"""The interactive interpreter. What is tried here is typed: the probe runner starts it with -i and types a sum."""

import builtins
import sys

from observed import NoEffect

SUM = 42


def interactive() -> None:
    """Typed after a sum, whose value an interactive interpreter shows and keeps as `_`."""
    if not sys.flags.interactive or getattr(builtins, "_", None) != SUM:
        raise NoEffect("the interpreter does not show and keep the value of what is typed")
