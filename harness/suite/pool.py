"""Modules run side by side without pytest: for what is no test run, the native reference and the audit of skips."""

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
    """Gives `work` of each item, in their order, `workers` at a time in threads of their own.

    When the block is left by an exception, `stopping` is set: what is under way is to end by that, and nothing more is
    begun.
    """
    with ThreadPoolExecutor(workers) as pool:
        try:
            yield pool.map(work, items)
        except BaseException:
            stopping.set()
            pool.shutdown(cancel_futures=True)
            raise
