"""Rewrites the texts of the lists as a plan requires. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.curation.update.causes import LimitationGuess
from harness.curation.update.infer_condition import narrowed
from harness.curation.update.plan import ListsPlan, Piece
from harness.curation.update.toml_text import (
    Block,
    Fields,
    ListText,
    edited,
    insert_sorted,
    new_entry,
    split,
    trimmed,
    without_comment,
)
from harness.errors import ConfigError
from harness.expectations.entries import Expectation
from harness.results.case_ids import module_of, subject_of

ALL_TARGETS = "all"


@dataclass(frozen=True, kw_only=True)
class Addition:
    """A new entry for tests. `file` is its list, which may not exist yet."""

    file: str
    piece: Piece
    tests: tuple[str, ...]
    cause: LimitationGuess


def additions(
    plan: ListsPlan, folder: str, modules: Iterable[str], cause_of: Callable[[str, Piece], LimitationGuess]
) -> list[Addition]:
    """The new entries of the plan, one for each module, piece and cause."""
    known = frozenset(modules)
    found: dict[tuple[str, Piece, LimitationGuess], list[str]] = {}
    for piece, tests in plan.added.items():
        for test in tests:
            # Each target and module has a file of its own, so that two people seldom change the same one.
            targets = sorted(target.value for target in piece.when.targets)
            name = module_of(test, known) or ".".join(subject_of(test).split(".")[:2])
            area = f"{targets[0] if len(targets) == 1 else ALL_TARGETS}/{name.removeprefix('test.')}"
            file = f"{folder}/{area}.toml"
            cause = cause_of(test, piece)
            # In settings without a run an entry must not hold beyond its limitation.
            narrow = piece._replace(when=narrowed(piece.when, cause.when))
            found.setdefault((file, narrow, cause), []).append(test)
    return [
        Addition(file=file, piece=piece, tests=tuple(sorted(tests)), cause=cause)
        for (file, piece, cause), tests in found.items()
    ]


def assemble(
    texts: Mapping[str, str], entries: Sequence[Expectation], plan: ListsPlan, added: Iterable[Addition]
) -> dict[str, str]:
    """The text of every list after the plan; empty for a list without any entry."""
    by_file: dict[str, list[Expectation]] = {}
    for entry in entries:
        by_file.setdefault(entry.place.rpartition(":")[0], []).append(entry)
    new: dict[str, list[Addition]] = {}
    for addition in added:
        new.setdefault(addition.file, []).append(addition)
    return {
        name: _assemble_file(name, texts.get(name, ""), by_file.get(name, ()), plan, new.get(name, []))
        for name in sorted({*texts, *new})
    }


def _assemble_file(
    name: str, text: str, entries: Sequence[Expectation], plan: ListsPlan, new: Sequence[Addition]
) -> str:
    if not new and all(plan.kept[entry.place] == ((_own(entry), entry.tests),) for entry in entries):
        return text
    listing = split(text)
    blocks = {block.line: block for block in listing.blocks}
    kept: list[Block] = []
    firsts: list[str] = []
    joined = _Joins(new)
    for entry in entries:
        block = blocks.get(int(entry.place.rpartition(":")[2]))
        if block is None:
            raise ConfigError(
                f"{entry.place}: the updater cannot edit this entry", hint=f"write {name} with [[expect]] tables"
            )
        pieces = joined.into(entry, plan.kept[entry.place])
        kept.append(Block(line=block.line, text=_edited_block(block, entry, pieces)))
        firsts.append(pieces[0][1][0] if pieces else entry.tests[0])
    fresh = [(addition.tests[0], new_entry(_fields_of(addition))) for addition in joined.left]
    left = [(block, first) for block, first in zip(kept, firsts, strict=True) if block.text]
    result = insert_sorted(
        ListText(listing.head, tuple(block for block, _ in left)), fresh, [first for _, first in left]
    )
    return result if "[[" in result else ""


def _own(entry: Expectation) -> Piece:
    return Piece(entry.outcome, entry.signature, entry.when)


Pieces = tuple[tuple[Piece, tuple[str, ...]], ...]


class _Joins:
    """Moves additions into existing entries of the same file that differ only in their tests. `left` has the additions
    that still need an entry of their own.
    """

    def __init__(self, new: Sequence[Addition]) -> None:
        self.left = list(new)

    def into(self, entry: Expectation, pieces: Pieces) -> Pieces:
        for addition in list(self.left):
            cause = (addition.cause.limitation, "", addition.cause.reason)
            if cause != (entry.limitation, entry.issue, entry.reason):
                continue
            for index, (piece, tests) in enumerate(pieces):
                if piece == addition.piece:
                    grown = (piece, tuple(sorted({*tests, *addition.tests})))
                    pieces = (*pieces[:index], grown, *pieces[index + 1 :])
                    self.left.remove(addition)
                    break
        return pieces


def _edited_block(block: Block, entry: Expectation, pieces: Pieces) -> str:
    """The text of the entry, followed by a copy for each further piece; empty if the entry has no piece."""
    if not pieces:
        return ""
    if pieces == ((_own(entry), entry.tests),):
        return block.text
    own = next((index for index, (piece, _) in enumerate(pieces) if piece == _own(entry)), None)
    first = max(range(len(pieces)), key=lambda index: len(pieces[index][1])) if own is None else own
    text = edited(block.text, _fields(*pieces[first]))
    copied = trimmed(without_comment(block.text))
    for index, piece in enumerate(pieces):
        if index != first:
            text = text.rstrip("\n") + "\n\n" + edited(copied, _fields(*piece))
    return text


def _fields(piece: Piece, tests: tuple[str, ...]) -> Fields:
    return Fields(
        tests=tests,
        outcome=tuple(outcome.value for outcome in piece.outcome),
        signature=piece.signature,
        when=piece.when,
    )


def _fields_of(addition: Addition) -> Fields:
    return dataclasses.replace(
        _fields(addition.piece, addition.tests),
        limitation=addition.cause.limitation,
        reason=addition.cause.reason,
    )
