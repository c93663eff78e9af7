"""Failure signatures: what a failure is, without what differs from run to run. Pure.

A signature is the type of an exception with the errno of an OSError (`PermissionError EPERM`), the kind of a trap
(`trap: memory out of bounds`), the status with which the interpreter left (`exit: 3`), or how the engine itself ended
(`died: signal 11`). Messages are not part of it: they hold paths, addresses and numbers.
"""

from __future__ import annotations

import re

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
# A trap has one name, whichever engine tells it: the first pattern that is found decides.
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
    """The signature of a case that failed; empty where it did not, or where nothing is known of the failure.

    Of a case that failed in its subtests only, it is that of the first one.
    """
    if case.outcome not in _SIGNED:
        return ""
    if case.outcome is Outcome.CRASH:
        return _of_crash(case.detail)
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
    """The exception's type as one word; an address or a number in what stands for it does not matter."""
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
    """The kind of the trap that a text of an engine's names, as in `stack exhausted`; empty where it names none."""
    return next((kind for pattern, kind in _TRAPS if pattern.search(text)), "")


def _without_what_varies(text: str) -> str:
    for pattern, placeholder in _VARYING:
        text = pattern.sub(placeholder, text)
    return text
