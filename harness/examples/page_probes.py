"""What the trials of the web example say of documented statements, in the form of probes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.examples.trials import Trial
from harness.limitations.observation import Did, Observation

RUN, LIBRARY = "run", "library"
_ERROR = re.compile(r"\b[A-Z]\w+Error\b")
_MESSAGE_LIMIT = 160
# By the name of a probe what the library of the page may have. A name that begins with a dot is a file's ending.
CONTENTS = {
    "networking": ("socketserver", "ftplib", "http.client", "urllib.request", "asyncio"),
    "multiprocessing": ("multiprocessing",),
    "dbm": ("dbm",),
    "tests": ("test",),
    "sources": (".py",),
    "testcapi": ("_testcapi", "_testinternalcapi", "_testbuffer", "_xxtestfuzz"),
}
LACKS, HAS = "lacks", "has"
# A line for each of them, such as `dbm has dbm` and `networking lacks ftplib`, none longer than the terminal is wide.
ASK_FOR_CONTENTS = f"""
import calendar, os.path
from importlib.util import find_spec
def has(name):
    if name.startswith("."):
        return os.path.splitext(calendar.__spec__.origin)[1] == name
    try:
        return bool(find_spec(name))
    except ImportError:
        return False
for group, names in {CONTENTS!r}.items():
    lacks = [name for name in names if not has(name)]
    print(group, "{LACKS}" if lacks else "{HAS}", *(lacks or names))
"""


def probe_of(part: str) -> str:
    """The name of the probe that a part of the page is."""
    return f"page.{part.replace('-', '_')}"


def page_observations(trials: Iterable[Trial]) -> dict[str, Observation]:
    """What was seen of each part with the changes that the page needs to run any program, and no other; and of the
    contents of its library one by one.
    """
    found: dict[str, Observation] = {}
    for trial in trials:
        if trial.part == LIBRARY:
            found |= _contents(trial.seen.text)
        # Run is tried with ever more of the changes, every other part with all of them first.
        elif trial.part and (trial.part == RUN or probe_of(trial.part) not in found):
            found[probe_of(trial.part)] = _observation(trial)
    return found


def _observation(trial: Trial) -> Observation:
    probe, text = probe_of(trial.part), " ".join(trial.seen.text.split())
    if trial.seen.works:
        return Observation(probe=probe, did=Did.WORKS)
    raised = _ERROR.search(text)
    if raised:
        return Observation(probe=probe, did=Did.ERROR, kinds=(raised.group(),), message=text[:_MESSAGE_LIMIT])
    return Observation(probe=probe, did=Did.NO_EFFECT, message=text[:_MESSAGE_LIMIT])


def _contents(text: str) -> dict[str, Observation]:
    found = {}
    for line in text.splitlines():
        group, _, rest = line.partition(" ")
        probe, (word, _, names) = probe_of(group), rest.partition(" ")
        if group in CONTENTS and word == HAS:
            found[probe] = Observation(probe=probe, did=Did.WORKS)
        elif group in CONTENTS and word == LACKS:
            missing = f"not in the library of the page: {', '.join(names.split())}"
            found[probe] = Observation(probe=probe, did=Did.ERROR, kinds=("ImportError",), message=missing)
    return found
