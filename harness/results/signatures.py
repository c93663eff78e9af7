"""Failure signatures: what identifies a failure in every run. Pure.

A signature is the type of an exception with the errno of an OSError (`PermissionError EPERM`), the kind of a trap
(`trap: memory out of bounds`), the exit status of the interpreter (`exit: 3`), or how the engine itself ended
(`died: signal 11`). Messages are not part of it, since they contain paths, addresses and numbers.

Where the stack of Python is known, the signature of a trap has a place as well, the file and the function:
`trap: stack exhausted at json/encoder.py:_iterencode`. Line numbers change with every version. A signature without a
place stands for the same trap at any place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from harness.results.outcomes import CaseResult, Detail, Outcome

_SIGNED = frozenset({Outcome.FAIL, Outcome.ERROR, Outcome.CRASH})
_SIGNATURE = re.compile(r"(trap|exit|abort|died): \S(.*\S)?|(?!\d)[\w.<>]+( (E[A-Z0-9]+|errno \d+))?")
_ERRNO = re.compile(r"\[Errno (\d+)\]")

# wasm's errnos by number, without their E: <wasi/api.h>, `__WASI_ERRNO_*`, revision snapshot-01.
# Emscripten has the same numbers, and counts on from 100 for what WASI lacks: its <bits/errno.h>.
_WASI_ERRNOS = (
    "SUCCESS 2BIG ACCES ADDRINUSE ADDRNOTAVAIL AFNOSUPPORT AGAIN ALREADY BADF BADMSG BUSY CANCELED CHILD CONNABORTED "
    "CONNREFUSED CONNRESET DEADLK DESTADDRREQ DOM DQUOT EXIST FAULT FBIG HOSTUNREACH IDRM ILSEQ INPROGRESS INTR INVAL "
    "IO ISCONN ISDIR LOOP MFILE MLINK MSGSIZE MULTIHOP NAMETOOLONG NETDOWN NETRESET NETUNREACH NFILE NOBUFS NODEV "
    "NOENT NOEXEC NOLCK NOLINK NOMEM NOMSG NOPROTOOPT NOSPC NOSYS NOTCONN NOTDIR NOTEMPTY NOTRECOVERABLE NOTSOCK "
    "NOTSUP NOTTY NXIO OVERFLOW OWNERDEAD PERM PIPE PROTO PROTONOSUPPORT PROTOTYPE RANGE ROFS SPIPE SRCH STALE "
    "TIMEDOUT TXTBSY XDEV NOTCAPABLE"
)
ERRNOS = {number: f"E{name}" for number, name in enumerate(_WASI_ERRNOS.split())} | {
    137: "ESOCKTNOSUPPORT",
    138: "ENOTSUP",
    139: "EPFNOSUPPORT",
}

STACK_EXHAUSTED = "stack exhausted"
# Engines describe the same trap in different words: the first pattern that is found gives its kind.
_TRAPS = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"stack (size )?(exhausted|exceeded|overflow)|call stack size|too much recursion", STACK_EXHAUSTED),
        (r"memory (access )?out of bounds|out of bounds memory|memory fault", "memory out of bounds"),
        (r"table index is out of bounds|undefined element|uninitialized element", "table out of bounds"),
        (r"signature mismatch|indirect call type mismatch|null function", "indirect call"),
        (r"divide by zero|integer overflow|divide result unrepresentable", "arithmetic"),
        (r"unaligned", "unaligned access"),
        (r"unreachable", "unreachable"),
        (r"out of memory|cannot enlarge memory|array buffer allocation", "out of memory"),
    )
)
_FRAME = re.compile(r'^  File "(?P<file>.+)", line (?:\d+|\?\?\?) in (?P<function>.+)$', re.MULTILINE)
# The path of the standard library: in a source tree, installed, or zipped.
_LIBRARY = re.compile(r"^.*?/(?:Lib|lib/python3[\d.]*(?:\.zip)?)/|^/")
_PLACE = re.compile(r"[^\s:]+\.py:[\w<>]+")
_WITH_PLACE = re.compile(rf"(?P<kind>.+) at (?P<place>{_PLACE.pattern})")
_IN_FUNCTION = re.compile(r"(?P<kind>trap: .+) in (?P<function>[\w$]+)")
# A function that is in a stack as often recurses. unittest's own are there up to three times: suites are nested.
_RECURSIVE = 5
_EXIT = re.compile(r"(?:exited with status |^exit: )(-?\d+)")
_DIED = re.compile(r"engine process ended with ((?:signal|status) \d+)")
_VARYING = (
    (re.compile(r"0x[0-9a-f]+", re.IGNORECASE), "N"),
    (re.compile(r"(?:\w+:/)?(?:/[^\s/:'\"()]+){1,}/?"), "PATH"),
    (re.compile(r"\d+"), "N"),
)


def is_signature(text: str) -> bool:
    """Whether a text has the form of a signature."""
    return bool(_SIGNATURE.fullmatch(text))


def signature_of(case: CaseResult) -> str:
    """The signature of a case that failed; empty if it did not, or if nothing is known of the failure.

    A case that failed only in subtests has that of the first of them.
    """
    if case.outcome not in _SIGNED:
        return ""
    if case.outcome is Outcome.CRASH:
        kind, place = _of_crash(case.detail), place_of(case.detail.python_stack)
        return f"{kind} at {place}" if kind and place else kind
    if case.detail.exception:
        return _of_exception(case.detail)
    failed = (subtest.detail for subtest in case.subtests if not subtest.outcome.is_good)
    return next((_of_exception(detail) for detail in failed if detail.exception), "")


def _of_exception(detail: Detail) -> str:
    found = _ERRNO.match(detail.message)
    if found is None:
        return _type_name(detail.exception)
    number = int(found.group(1))
    return f"{_type_name(detail.exception)} {ERRNOS.get(number, f'errno {number}')}"


def _type_name(exception: str) -> str:
    """The exception's type as one word, without addresses and numbers that a text instead of a type may have."""
    return re.sub(r"[^\w.<>]+", "_", _without_what_varies(exception)) if not is_signature(exception) else exception


def _of_crash(detail: Detail) -> str:
    text = detail.exception or detail.message
    if kind := trap_kind(text):
        return f"trap: {kind}"
    if found := _EXIT.search(text):
        return f"exit: {found.group(1)}"
    if found := _DIED.search(text):
        return f"died: {found.group(1)}"
    word = "abort" if "abort" in text.casefold() else "trap"
    rest = " ".join(_without_what_varies(text).split())
    return f"{word}: {rest}" if rest else ""


def trap_kind(text: str) -> str:
    """The kind of the trap that an engine's text describes, such as `stack exhausted`; empty if it describes none."""
    return next((kind for pattern, kind in _TRAPS if pattern.search(text)), "")


def place_of(python_stack: str) -> str:
    """Where in Python an interpreter died, such as `test/test_compile.py:check_limit`: the innermost function that is
    in a file. Empty if it is not known.

    If functions call each other recursively, it depends on the engine and the optimisation which of them is innermost.
    Then the place is the first of them by name: f, whether the innermost are f, g, f, g, ... or g, f, g, f, ...
    """
    places = [place for place in map(_place, _FRAME.finditer(python_stack)) if place]
    counts = Counter(places)
    if not places or not _PLACE.fullmatch(places[-1]):
        return ""
    most = max(counts.values())
    # A stack may end in the middle of a cycle, whose functions then differ in their number by one.
    return min(name for name in counts if counts[name] >= most - 1) if most >= _RECURSIVE else places[-1]


def _place(frame: re.Match[str]) -> str:
    """The place of a frame; empty for code without a file, such as `<string>`, and for a file in a temporary folder,
    whose name is another one in each run.
    """
    file = _LIBRARY.sub("", frame["file"])
    return "" if file.startswith(("<", "tmp/")) else f"{file}:{frame['function'].rpartition('.')[2]}"


def headline_of(detail: Detail) -> str:
    """The exception or the trap of a detail in one line, a trap with its place."""
    place = place_of(detail.python_stack)
    return f"{detail.exception}, at {place}" if place and detail.exception else detail.exception


def same_failure(one: str, other: str) -> bool:
    """Whether two signatures can be of the same failure: they are equal, or equal but for a place that one lacks."""
    (kind, place), (other_kind, other_place) = _parted(one), _parted(other)
    return kind == other_kind and (not place or not other_place or place == other_place)


def is_one_of(signature: str, names: Iterable[str]) -> bool:
    """Whether the signature is of the same failure as one of `names`."""
    return any(same_failure(signature, name) for name in names)


def has_failure(case: CaseResult, name: str) -> bool:
    """Whether a case failed with the intermittent failure of that name.

    The name is a signature, or one with a wasm function that was on the stack at the trap, such as
    `trap: memory out of bounds in call_then_finish_task`.
    """
    signature, found = signature_of(case), _IN_FUNCTION.fullmatch(name)
    if found is None:
        return same_failure(signature, name)
    frames = (line.partition(",")[0].strip() for line in case.detail.wasm_stack.splitlines())
    called = any(frame.rpartition(".")[2] == found["function"] for frame in frames)
    return called and same_failure(signature, found["kind"])


def settled_signatures(seen: Iterable[str]) -> tuple[str, ...]:
    """The signatures that cover what all runs have seen of one case, sorted.

    A trap whose place differs between runs has none here: `trap: arithmetic at a.py:f` and `trap: arithmetic at b.py:g`
    become `trap: arithmetic`. A run that did not know the place does not contradict the others.
    """
    places: dict[str, set[str]] = {}
    for kind, place in map(_parted, filter(None, seen)):
        places.setdefault(kind, set()).update([place] if place else [])
    return tuple(sorted(f"{kind} at {found.pop()}" if len(found) == 1 else kind for kind, found in places.items()))


def joined(listed: Iterable[str], further: Iterable[str]) -> tuple[str, ...]:
    """The listed signatures, then the further ones that they do not cover. A trap that the two name at different
    places, or that one names without a place, has no place in the result.
    """
    found = list(dict.fromkeys(listed))
    for signature in further:
        kind, place = _parted(signature)
        alike = [name for name in found if _parted(name)[0] == kind]
        if signature in alike or (place and kind in alike):
            continue
        if alike:
            found[found.index(alike[0])] = kind
        else:
            found.append(signature)
        found = [name for name in found if name not in alike or name == kind]
    return tuple(found)


def _parted(signature: str) -> tuple[str, str]:
    """The kind and the place of a signature; the place is empty if it has none."""
    found = _WITH_PLACE.fullmatch(signature)
    return (found["kind"], found["place"]) if found else (signature, "")


def _without_what_varies(text: str) -> str:
    for pattern, placeholder in _VARYING:
        text = pattern.sub(placeholder, text)
    return text
