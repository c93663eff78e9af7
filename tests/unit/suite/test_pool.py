"""Work side by side: in order, and at an end when it is interrupted."""

from __future__ import annotations

import threading

import pytest

from harness.suite.pool import side_by_side


def test_results_come_in_the_order_of_the_items() -> None:
    turn = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            turn.wait(10)
        turn.set()
        return item * 2

    with side_by_side(work, [0, 1, 2], 2, threading.Event()) as results:
        assert list(results) == [0, 2, 4]


def test_an_interruption_ends_what_is_under_way_and_begins_nothing_more() -> None:
    stopping, begun = threading.Event(), []

    def work(item: int) -> int:
        begun.append(item)
        if item == 1:
            stopping.wait(10)
        return item

    def interrupted() -> None:
        with side_by_side(work, list(range(100)), 1, stopping) as results:
            assert next(results) == 0
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert stopping.is_set()
    assert len(begun) <= 2


def test_a_fault_of_the_work_is_reported() -> None:
    stopping = threading.Event()
    with pytest.raises(ZeroDivisionError), side_by_side(lambda item: 1 // item, [1, 0, 1], 1, stopping) as results:
        list(results)
    assert stopping.is_set()
