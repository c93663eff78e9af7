"""The stack of wasm functions at a trap, shortened to a few lines. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

FRAMES_SHOWN = 20
# A cycle of more functions than this is shown frame by frame.
LONGEST_CYCLE = 16
# How many recursive functions are named at most, and which part of all frames each must have.
RECURSIVE_SHOWN = 6
RECURSIVE_PART = 0.05
# A stack with as many frames is recursive.
DEEP = 500


def wasm_stack(frames: Sequence[str], *, is_overflow: bool = False) -> str:
    """The stack as text, the innermost function first; empty without frames.

    Repeated calls are shown once, with their number. For an overflow, and any stack that is as deep, the recursive
    functions are named first, the most frequent first. So a, b, a, b, a, b, c becomes::

        wasm stack, the innermost of 7 frames first; a 3 times, b 3 times:
          3 times these 2:
            a
            b
          c
    """
    if not frames:
        return ""
    frequent = _recursive(frames) if is_overflow or len(frames) >= DEEP else ""
    return "\n".join([f"wasm stack, the innermost of {len(frames):,} frames first{frequent}:", *_lines(frames)])


def _recursive(frames: Sequence[str]) -> str:
    least = max(2, RECURSIVE_PART * len(frames))
    frequent = [(name, count) for name, count in Counter(frames).most_common(RECURSIVE_SHOWN) if count >= least]
    return "; " + ", ".join(f"{name} {count:,} times" for name, count in frequent) if frequent else ""


def _lines(frames: Sequence[str]) -> Iterator[str]:
    at = shown = 0
    while at < len(frames) and shown < FRAMES_SHOWN:
        length, times = _cycle(frames, at)
        if times == 1:
            yield f"  {frames[at]}"
        elif length == 1:
            yield f"  {frames[at]}, {times:,} times"
        else:
            yield f"  {times:,} times these {length}:"
            yield from (f"    {name}" for name in frames[at : at + length])
        shown += length
        at += length * times


def _cycle(frames: Sequence[str], at: int) -> tuple[int, int]:
    """The length of the cycle that begins at that frame, and how often it repeats; (1, 1) if there is no cycle."""
    best = (1, 1)
    for length in range(1, min(LONGEST_CYCLE, (len(frames) - at) // 2) + 1):
        end = at + length
        while end < len(frames) and frames[end] == frames[end - length]:
            end += 1
        times = (end - at) // length
        if times > 1 and length * times > best[0] * best[1]:
            best = (length, times)
    return best
