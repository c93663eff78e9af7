"""Which of the suite's own platform gates are forced open, by their names in CPython 3.11 to 3.15."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from harness.guest.gates.__main__ import open_gates


def refuse() -> Any:
    raise AssertionError("the gate is closed")


def fake_suite(monkeypatch: pytest.MonkeyPatch, **flags: object) -> types.ModuleType:
    """A package `test` whose `test.support` has these names; gives that module."""
    support = types.ModuleType("test.support")
    vars(support).update(flags)
    package = types.ModuleType("test")
    package.support = support  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "test", package)
    monkeypatch.setitem(sys.modules, "test.support", support)
    for name in ("os_helper", "socket_helper", "threading_helper"):
        helper = types.ModuleType(f"test.support.{name}")
        setattr(support, name, helper)
        monkeypatch.setitem(sys.modules, helper.__name__, helper)
    return support


def test_the_flags_of_a_platform_are_off_and_what_it_can_do_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    support = fake_suite(monkeypatch, is_emscripten=True, is_wasi=True, is_wasm32=True, has_fork_support=False)
    open_gates()
    assert [support.is_emscripten, support.is_wasi, support.is_wasm32] == [False] * 3
    assert support.has_fork_support


def test_a_test_behind_a_gate_of_the_stack_is_the_test_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    support = fake_suite(monkeypatch, skip_emscripten_stack_overflow=refuse, skip_wasi_stack_overflow=refuse)
    open_gates()
    for gate in (support.skip_emscripten_stack_overflow, support.skip_wasi_stack_overflow):
        assert gate()(refuse) is refuse


def test_a_gate_that_this_cpython_does_not_have_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    support = fake_suite(monkeypatch, is_wasi=True)
    open_gates()
    assert not hasattr(support, "is_wasm32")
    assert not hasattr(support.os_helper, "_can_chmod")
