"""What stands in the place of `prepare` where a mistake is to be found before anything is built."""

from __future__ import annotations

from typing import NoReturn


def no_build(*_: object) -> NoReturn:
    raise AssertionError("something is built before the mistake is found")
