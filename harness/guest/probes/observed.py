"""What a probe can say besides working and raising what it met."""

import os
import time
from collections.abc import Callable

# The folder that a probe may write to: a guest's /tmp; natively the one that the harness names.
SCRATCH = os.environ.get("TMPDIR", "/tmp")


def attempt() -> None:
    """What follows is the attempt itself: when nothing comes after this word, the interpreter ended in it."""
    os.write(1, b'\nprobe: {"did": "crash"}\n')


def prepares(probe: Callable[[], None]) -> Callable[[], None]:
    """Marks a probe that must prepare something first, which may fail for reasons of its own. It calls `attempt`."""
    probe.prepares = True
    return probe


class NoEffect(Exception):
    """The call came back as if it had worked, and did nothing."""


class NotApplicable(Exception):
    """The probe can say nothing here."""


def scratch(name: str) -> str:
    return os.path.join(SCRATCH, name)


def new_file(name: str, content: bytes = b"content") -> str:
    """The path of a new file in the scratch folder."""
    path = scratch(name)
    with open(path, "wb") as stream:
        stream.write(content)
    return path


ANSWER_SECONDS = 10
_asked: list[str] = []


def ask_host(word: str, number: int) -> None:
    """A request to the host; harness/diagnostics/probe_host.py has all words."""
    os.write(1, f"\nhost: {word} {number}\n".encode())


def descriptors_of_the_process() -> int:
    """How many descriptors the process that runs this interpreter has open, as the host counts them."""
    ask_host("descriptors", os.getpid())
    _asked.append("descriptors")
    answer = scratch(f"answer-{len(_asked)}")
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        time.sleep(0.05)
        try:
            with open(answer) as stream:
                text = stream.read()
        except FileNotFoundError:
            text = ""
        if text.endswith("\n"):
            break
        if time.monotonic() > deadline:
            raise NotApplicable("the host gives no answer")
    if not text.strip().isdigit():
        raise NotApplicable("the host cannot count the descriptors of a process")
    return int(text)
