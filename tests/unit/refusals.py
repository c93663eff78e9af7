"""A replacement of `prepare` for tests of mistakes that have to be found before anything is built."""

from __future__ import annotations

from typing import NoReturn


def no_build(*_: object) -> NoReturn:
    raise AssertionError("something is built before the mistake is found")
