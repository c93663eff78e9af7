"""Runs modules side by side without pytest, for the native reference and the audit of skips."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


@contextlib.contextmanager
def side_by_side(
    work: Callable[[T], R], items: Sequence[T], workers: int, stopping: threading.Event
) -> Iterator[Iterator[R]]:
    """Yields an iterator over the results of `work` for the items, in their order. `workers` of them run at a time,
    each in a thread.

    When an exception leaves the block, `stopping` is set. Work that has begun has to end because of that, and no other
    work begins.
    """
    with ThreadPoolExecutor(workers) as pool:
        try:
            yield pool.map(work, items)
        except BaseException:
            stopping.set()
            pool.shutdown(cancel_futures=True)
            raise
