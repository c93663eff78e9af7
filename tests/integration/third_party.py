"""A test that needs an archive of somebody else's (Debian, PyPI, npm) skips when that archive does not have the file.

What the harness does with such an answer is tested against servers of our own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from harness.errors import OriginError


@contextlib.contextmanager
def skipped_without_origin(item: pytest.Item) -> Iterator[None]:
    """Turns an OriginError of a test with the mark `toolchain` into a skip with its reason.

    A toolchain that is there and does not work is another error, and stays one.
    """
    try:
        yield
    except OriginError as error:
        if not item.get_closest_marker("toolchain"):
            raise
        pytest.skip(f"an archive that is not ours does not have it: {' '.join(error.message.split())}")
