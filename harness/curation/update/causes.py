"""Proposes a cause for a failure that no entry names. Pure. A person has to confirm each proposal.

A limitation is proposed when its pattern matches the failure, a probe of the same cell agrees, and no other limitation
fits as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from harness.curation.update.evidence import TODO, Failure, Setting
from harness.expectations.entries import Expectation
from harness.limitations.findings import ProbeAnswer
from harness.limitations.observation import Did, Finding, Observation
from harness.limitations.registry import Limitation, Registry
from harness.matrix.conditions import ALWAYS, Condition
from harness.results.case_ids import wildcard_of

_REASON_LENGTH = 160
_CANDIDATES = 3
# These errnos say that the system lacks the call itself, and any other that this use of the call failed.
_LACKING = frozenset({"ENOSYS", "ENOTSUP", "EOPNOTSUPP"})
_CALL = re.compile(r"([A-Za-z_]\w*(?:\.\w+)+)\(")


@dataclass(frozen=True, kw_only=True)
class LimitationGuess:
    """A limitation, the condition under which it holds, and a reason. Without a certain cause the limitation is empty
    and the reason is `TODO`, which names of possible limitations may follow.
    """

    limitation: str = ""
    reason: str = TODO
    when: Condition = ALWAYS


class _Word(Enum):
    """Whether the probes of the cells with a failure confirm a limitation as its cause."""

    YES = auto()
    UNKNOWN = auto()
    NO = auto()


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The settings in which a failure was seen, and for each probed one the answers of the probes by limitation."""

    settings: Sequence[Setting]
    probed: Sequence[Mapping[str, ProbeAnswer]] = ()


@dataclass(frozen=True, kw_only=True)
class Causes:
    """The registry, and the limitations in the lists by class and signature."""

    registry: Registry
    siblings: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, registry: Registry, entries: Iterable[Expectation]) -> Causes:
        """The causes with, from the entries, the one limitation that explains a signature for the cases of a class."""
        found: dict[tuple[str, str], set[str]] = {}
        for entry in entries:
            for test in entry.tests:
                for signature in entry.signature:
                    found.setdefault((wildcard_of(test), signature), set()).add(entry.limitation)
        known = {key: name for key, names in found.items() if len(names) == 1 for name in names if name}
        return cls(registry=registry, siblings=known)

    def propose(self, test: str, failure: Failure, signature: tuple[str, ...], scene: Scene) -> LimitationGuess:
        """The limitation whose pattern matches the failure and that a probe confirms; else the one whose probe failed
        with the same message; else that of the other cases of the class, unless its own pattern does not match. If
        several fit equally well, none of them, and a reason with their names.
        """
        speaking = [
            item
            for item in self.registry.limitations.values()
            if all(item.holds_for(dict(setting)) for setting in scene.settings)
        ]
        words = {item.id: _word(item, failure, scene) for item in speaking}
        text = text_of(failure)
        alike = [item for item in speaking if _looks_like(item, text) and words[item.id] is not _Word.NO]
        confirmed = [item for item in alike if words[item.id] is _Word.YES]
        repeated = [item for item in speaking if _is_repeated(item, failure, scene)]
        named = {self.siblings.get((wildcard_of(test), name), "") for name in signature}
        siblings = [
            item
            for item in speaking
            if item.id in named and words[item.id] is not _Word.NO and (not item.explains or _looks_like(item, text))
        ]
        # An assertion alone does not show the cause, which may differ from that of the other cases of the class.
        is_bare = set(signature) == {AssertionError.__name__}
        for found in (confirmed, repeated, *((alike, siblings) if is_bare else (siblings, alike))):
            if found:
                # A limitation that is documented for one target is more specific than one for all targets.
                fewest = min(len(item.targets) for item in found)
                narrowest = [item for item in found if len(item.targets) == fewest]
                is_guess = found is alike or (found is siblings and is_bare)
                return _cause(narrowest, failure, sure=not is_guess)
        return LimitationGuess()


def _cause(found: Sequence[Limitation], failure: Failure, *, sure: bool) -> LimitationGuess:
    if sure and len(found) == 1 and reason_of(failure):
        return LimitationGuess(limitation=found[0].id, reason=reason_of(failure), when=found[0].when)
    names = [item.id for item in found]
    if len(names) > _CANDIDATES:
        return LimitationGuess()
    return LimitationGuess(reason=f"{TODO}: perhaps {' or '.join(names)}")


def text_of(failure: Failure) -> str:
    """The text in which the pattern `explains` of a limitation is searched: a line with the signature and the message,
    then the lines of source in the traceback, the innermost first.
    """
    head = f"{failure.signature or failure.exception}: {' '.join(failure.message.split())}"
    return "\n".join((head, *failure.lines))


def _looks_like(limitation: Limitation, text: str) -> bool:
    return any(re.search(pattern, text, re.MULTILINE) for pattern in limitation.explains)


def _answers(limitation: Limitation, scene: Scene) -> list[ProbeAnswer]:
    return [found[limitation.id] for found in scene.probed if limitation.id in found]


def _word(limitation: Limitation, failure: Failure, scene: Scene) -> _Word:
    """YES if a probe failed as the case did, or the limitation has no probe; NO if a probe found the limitation lifted;
    else UNKNOWN.
    """
    if not limitation.probes:
        return _Word.YES
    answers = _answers(limitation, scene)
    if any(answer.finding is Finding.LIFTED for answer in answers):
        return _Word.NO
    shown = (_shows(observation, failure) for answer in answers for observation in answer.observations)
    return _Word.YES if any(shown) else _Word.UNKNOWN


def _shows(observation: Observation, failure: Failure) -> bool:
    """Whether a probe saw the failure of the case. A call without effect can make a case fail in any way."""
    if observation.did is Did.ERROR and _is_same_type(observation, failure):
        return not observation.errno or _errno(failure) in observation.errno
    return observation.did is Did.NO_EFFECT


def _is_repeated(limitation: Limitation, failure: Failure, scene: Scene) -> bool:
    """Whether a probe failed with the same message as the case, in a cell where the limitation holds or differs."""
    observations = (
        observation
        for answer in _answers(limitation, scene)
        if answer.finding in {Finding.HOLDS, Finding.DIFFERS}
        for observation in answer.observations
    )
    return any(_has_the_words(observation, failure) for observation in observations)


def _has_the_words(observation: Observation, failure: Failure) -> bool:
    """Whether a probe saw the same exception with the same message. An exception with an errno counts only if it
    reports that the system lacks the call, and both called the same function.
    """
    if observation.did is not Did.ERROR or not _is_same_type(observation, failure):
        return False
    if observation.errno:
        is_lack = _errno(failure) in _LACKING & set(observation.errno)
        return is_lack and bool(_calls(observation.line) & _calls(*failure.lines[:1]))
    return bool(observation.message) and observation.message.strip() == failure.message.strip()


def _is_same_type(observation: Observation, failure: Failure) -> bool:
    return bool(observation.kinds) and observation.kinds[0] == failure.exception.rpartition(".")[2]


def _errno(failure: Failure) -> str:
    return failure.signature.partition(" ")[2]


def _calls(*lines: str) -> set[str]:
    """The functions of modules that the lines of source call, with `os.` in the place of the names that the standard
    library has for that module.
    """
    return {re.sub(r"^_?(posix|os)\.", "os.", name) for line in lines for name in _CALL.findall(line)}


def reason_of(failure: Failure) -> str:
    """The failure in one line without characters that cannot be printed, and without paths of temporary files, which
    differ in each run.
    """
    text = " ".join(f"{failure.exception}: {failure.message}".split()).strip(": ")
    text = "".join(character if character.isprintable() else "?" for character in text)
    text = re.sub(r"/tmp/[^\s'\"]+", "/tmp/...", text)
    return text if len(text) <= _REASON_LENGTH else text[: _REASON_LENGTH - 3] + "..."
