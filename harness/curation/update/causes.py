"""The likely cause of a failure that no entry names. Pure; what it proposes, a person has to agree with.

A limitation is proposed when it looks like the failure and a probe of that very cell agrees, and no other one does.
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
# With these a system says that it lacks the call itself; with any other, that this use of it went wrong.
_LACKING = frozenset({"ENOSYS", "ENOTSUP", "EOPNOTSUPP"})
_CALL = re.compile(r"([A-Za-z_]\w*(?:\.\w+)+)\(")


@dataclass(frozen=True, kw_only=True)
class LimitationGuess:
    """A limitation, where it holds, and a reason; none and `TODO` where nothing is sure, followed by what it may be."""

    limitation: str = ""
    reason: str = TODO
    when: Condition = ALWAYS


class _Word(Enum):
    """What the probes of the cells concerned say of a limitation as the cause of a failure."""

    YES = auto()
    UNKNOWN = auto()
    NO = auto()


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Where a failure was seen, and what the probes there have found, cell by cell, by limitation."""

    settings: Sequence[Setting]
    probed: Sequence[Mapping[str, ProbeAnswer]] = ()


@dataclass(frozen=True, kw_only=True)
class Causes:
    """What the registry and the lists already say of failures."""

    registry: Registry
    siblings: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, registry: Registry, entries: Iterable[Expectation]) -> Causes:
        """Reads off the entries which limitation explains a signature for the cases of a class."""
        found: dict[tuple[str, str], set[str]] = {}
        for entry in entries:
            for test in entry.tests:
                for signature in entry.signature:
                    found.setdefault((wildcard_of(test), signature), set()).add(entry.limitation)
        known = {key: name for key, names in found.items() if len(names) == 1 for name in names if name}
        return cls(registry=registry, siblings=known)

    def propose(self, test: str, failure: Failure, signature: tuple[str, ...], scene: Scene) -> LimitationGuess:
        """The one limitation that looks like the failure and is confirmed by a probe; else the one that fails with the
        same words in a probe; else that of the other cases of the class, unless its own pattern says otherwise. Where
        several do: none, and their names.
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
        # That an assertion failed does not say why: it may be for another reason than in the rest of the class.
        is_bare = set(signature) == {AssertionError.__name__}
        for found in (confirmed, repeated, *((alike, siblings) if is_bare else (siblings, alike))):
            if found:
                # What is documented for one target says more than what is documented for all.
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
    """What `explains` is searched in: the signature and the message in a line; below it the lines of source that the
    traceback shows, the innermost first.
    """
    head = f"{failure.signature or failure.exception}: {' '.join(failure.message.split())}"
    return "\n".join((head, *failure.lines))


def _looks_like(limitation: Limitation, text: str) -> bool:
    return any(re.search(pattern, text, re.MULTILINE) for pattern in limitation.explains)


def _answers(limitation: Limitation, scene: Scene) -> list[ProbeAnswer]:
    return [found[limitation.id] for found in scene.probed if limitation.id in found]


def _word(limitation: Limitation, failure: Failure, scene: Scene) -> _Word:
    """YES where a probe fails as the case does, or nothing can be probed; NO where what is stated was found lifted."""
    if not limitation.probes:
        return _Word.YES
    answers = _answers(limitation, scene)
    if any(answer.finding is Finding.LIFTED for answer in answers):
        return _Word.NO
    shown = (_shows(observation, failure) for answer in answers for observation in answer.observations)
    return _Word.YES if any(shown) else _Word.UNKNOWN


def _shows(observation: Observation, failure: Failure) -> bool:
    """Whether a probe saw what the case fails with. What has no effect may come to light in any way."""
    if observation.did is Did.ERROR and _is_same_type(observation, failure):
        return not observation.errno or _errno(failure) in observation.errno
    return observation.did is Did.NO_EFFECT


def _is_repeated(limitation: Limitation, failure: Failure, scene: Scene) -> bool:
    """Whether a probe of what does hold there failed with the very words of the case."""
    observations = (
        observation
        for answer in _answers(limitation, scene)
        if answer.finding in {Finding.HOLDS, Finding.DIFFERS}
        for observation in answer.observations
    )
    return any(_has_the_words(observation, failure) for observation in observations)


def _has_the_words(observation: Observation, failure: Failure) -> bool:
    """Whether a probe saw the same exception with the same message; with an errno only the lack of the same call."""
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
    """The functions of modules that a line of source calls; the standard library has its own names for os."""
    return {re.sub(r"^_?(posix|os)\.", "os.", name) for line in lines for name in _CALL.findall(line)}


def reason_of(failure: Failure) -> str:
    """One line that says how it fails: what a test prints besides may hold anything, and paths differ each time."""
    text = " ".join(f"{failure.exception}: {failure.message}".split()).strip(": ")
    text = "".join(character if character.isprintable() else "?" for character in text)
    text = re.sub(r"/tmp/[^\s'\"]+", "/tmp/...", text)
    return text if len(text) <= _REASON_LENGTH else text[: _REASON_LENGTH - 3] + "..."
