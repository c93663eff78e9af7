"""The functions of wasm in few lines: a function that is called again and again is shown once."""

from __future__ import annotations

from harness.suite.wasm_stack import FRAMES_SHOWN, wasm_stack


def test_without_frames_there_is_no_stack() -> None:
    assert wasm_stack([], is_overflow=True) == ""


def test_a_short_stack_has_every_frame() -> None:
    assert wasm_stack(["abort", "raise", "main"]).splitlines() == [
        "wasm stack, the innermost of 3 frames first:",
        "  abort",
        "  raise",
        "  main",
    ]


def test_a_cycle_is_shown_once_with_its_count() -> None:
    """The first call of a cycle may have been entered in its middle."""
    assert wasm_stack(["b", *["a", "b"] * 1500, "c"], is_overflow=True).splitlines() == [
        "wasm stack, the innermost of 3,002 frames first; b 1,501 times, a 1,500 times:",
        "  1,500 times these 2:",
        "    b",
        "    a",
        "  b",
        "  c",
    ]


def test_the_shortest_cycle_is_the_one_that_is_shown() -> None:
    assert wasm_stack(["a"] * 6).splitlines()[1:] == ["  a, 6 times"]


def test_only_the_innermost_functions_are_kept() -> None:
    lines = wasm_stack(list(map(str, range(600)))).splitlines()
    assert lines[1:] == [f"  {number}" for number in range(FRAMES_SHOWN)]


def test_functions_that_recurse_are_named_of_a_deep_stack_too() -> None:
    """An overflow in linear memory is another kind of trap. A function that appears now and then does not recurse."""
    deep = ["memcpy", *["visit"] * 495, *["call"] * 4]
    assert wasm_stack(deep).splitlines()[0].endswith("of 500 frames first; visit 495 times:")
