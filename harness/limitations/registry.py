"""The registry of platform limitations: one entry per statement of the documentation.

In the same file stand the needs of tests, which limitations take away, and the circumstances that are no platform's
fault: together they explain why the suite skips a case.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from harness.errors import ConfigError, Problem, did_you_mean
from harness.matrix.conditions import ALWAYS, Condition, Facts, read_when
from harness.results.signatures import is_signature
from harness.targets import Target
from harness.util.toml_tables import Mistake, TableReader, load_document

REGISTRY_FILE = "limitations.toml"
URL = re.compile(r"https://[^\s/]+/\S+")
_PROBE = re.compile(r"[a-z]\w*\.[a-z]\w*")
_PAGE_PROBE = re.compile(r"page\.[a-z]\w*")


@dataclass(frozen=True, kw_only=True)
class Limitation:
    """One documented statement about the platform; with `fault` one that its makers have acknowledged as a fault, and
    that no documentation has.

    `source` is the address of the statement, with revision and heading; that of the issue or pull request for a fault.
    `targets` and `when` say where it holds.
    `needs` names what a test must need to be hit by it, as a `[[need]]` of the same file. `probes` are functions of
    harness/guest/probes, `fails` how what they try fails according to the documentation, in the words of
    harness.limitations.observation; `page_probes` are what `web-example` sees of it in its page, with the same `fails`;
    `unprobed` says why there is no probe. `skips` are patterns of skip reasons that no
    need covers. `explains` are patterns of failures that are most likely due to it, searched for in the text that
    the updater makes of a failure: it proposes the limitation for them. `intermittent` are signatures of failures that
    any case may have because of it, as of a race, if need be with the function of wasm in which it trapped (see
    harness.expectations.compare.intermittent_cause).
    """

    id: str
    section: str
    statement: str
    source: str
    targets: tuple[Target, ...]
    when: Condition = ALWAYS
    needs: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()
    page_probes: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    unprobed: str = ""
    skips: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()
    intermittent: tuple[str, ...] = ()
    fault: bool = False

    def holds_for(self, facts: Facts) -> bool:
        """Whether the statement is about the cell with these facts (see harness.matrix.conditions.facts_of)."""
        return facts.get("target") in self.targets and self.when.holds(facts)


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a test may need of the platform. `decorator` is CPython's own word for it; `skips` are patterns of the
    reasons with which the suite skips for the lack of it.
    """

    id: str
    skips: tuple[str, ...]
    decorator: str = ""


@dataclass(frozen=True, kw_only=True)
class Circumstance:
    """Why the suite skips a case that no limitation of the platform keeps it from: it is another system's, or it was
    not asked for. `needs` are those for which this is the reason where no limitation takes them away.
    """

    id: str
    statement: str
    skips: tuple[str, ...]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Registry:
    """All limitations, needs and circumstances by id, in the order of the file; `places` has the file and line of each
    limitation.
    """

    limitations: Mapping[str, Limitation]
    needs: Mapping[str, Need] = field(default_factory=dict)
    circumstances: Mapping[str, Circumstance] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)


logger = logging.getLogger(__name__)

_OLD_KEY = "strikes"
_E = TypeVar("_E", Limitation, Need, Circumstance)


def load_registry(path: Path) -> Registry:
    """The registry in the file `path`. ConfigError lists all its mistakes at once."""
    problems: list[Problem] = []
    reader = TableReader(load_document(path, f"{path.parent.name}/{path.name}", problems), problems)
    reader.check_top_level({"limitation", "need", "circumstance"})
    needs: dict[str, Need] = {}
    circumstances: dict[str, Circumstance] = {}
    limitations: dict[str, Limitation] = {}
    places: dict[str, str] = {}
    for index, data in enumerate(reader.array("need")):
        _keep(reader, reader.read(Need, data, table="need", index=index), needs, "need", index)
    for index, data in enumerate(reader.array("circumstance")):
        entry = reader.read(Circumstance, data, table="circumstance", index=index)
        reader.report(_unknown_needs(entry, needs) if entry else (), "circumstance", index)
        _keep(reader, entry, circumstances, "circumstance", index)
    for index, data in enumerate(reader.array("limitation")):
        limitation = _read_limitation(reader, index, data)
        if limitation is not None:
            reader.report((*_mistakes(limitation), *_unknown_needs(limitation, needs)), "limitation", index)
            places.setdefault(limitation.id, f"{reader.document.name}:{reader.document.line_of('limitation', index)}")
        _keep(reader, limitation, limitations, "limitation", index)
    if problems:
        raise ConfigError("the registry of limitations has mistakes:", problems=problems)
    return Registry(limitations, needs, circumstances, places)


def _read_limitation(reader: TableReader, index: int, data: Mapping[str, object]) -> Limitation | None:
    plain = {key: value for key, value in data.items() if key != "when"}
    if _OLD_KEY in plain:
        # Read until the next release.
        place = f"{reader.document.name}:{reader.document.line_of('limitation', index, _OLD_KEY)}"
        logger.warning("%s: the key `%s` is called `intermittent` now", place, _OLD_KEY)
        plain.setdefault("intermittent", plain.pop(_OLD_KEY))
    limitation = reader.read(Limitation, plain, table="limitation", index=index)
    when = read_when(reader, data.get("when", {}), table="limitation", index=index)
    return dataclasses.replace(limitation, when=when) if limitation else None


def _keep(reader: TableReader, entry: _E | None, before: dict[str, _E], table: str, index: int) -> None:
    """Adds the entry to those before it, and reports what is wrong with what all three kinds have."""
    if entry is None:
        return
    mark = "_" if table == "need" else "-"
    if not re.fullmatch(f"[a-z0-9]+({mark}[a-z0-9]+)*", entry.id):
        between = "underscores" if table == "need" else "hyphens"
        reader.problem(f"must be lower-case words with {between} between", table=table, index=index, key="id")
    if entry.id in before:
        reader.problem("stands already in this file", table=table, index=index, key="id")
    for key, patterns in (("skips", entry.skips), ("explains", getattr(entry, "explains", ()))):
        reader.report((Mistake(key, fault) for fault in _pattern_faults(patterns)), table, index)
    before.setdefault(entry.id, entry)


def _unknown_needs(entry: Limitation | Circumstance, needs: Mapping[str, Need]) -> Iterator[Mistake]:
    for need in entry.needs:
        if need not in needs:
            yield Mistake("needs", f"{need!r} is no [[need]] of this file", did_you_mean(need, needs))


def _mistakes(limitation: Limitation) -> Iterator[Mistake]:
    for key in ("section", "statement"):
        if not getattr(limitation, key).strip():
            yield Mistake(key, "must not be empty")
    if limitation.fault:
        if not URL.fullmatch(limitation.source):
            yield Mistake("source", "must be an https address")
        if not limitation.when.terms:
            yield Mistake("when", "must say which versions have the fault", 'such as { emscripten = "<4" }')
    elif not URL.fullmatch(limitation.source) or "#" not in limitation.source.rstrip("#"):
        yield Mistake("source", "must be an https address with a heading (#...)")
    if not limitation.targets:
        yield Mistake("targets", "must name at least one target")
    if len(set(limitation.targets)) < len(limitation.targets):
        yield Mistake("targets", "names a target twice")
    if foreign := sorted(set(limitation.targets) - limitation.when.targets):
        yield Mistake("when", f"can never hold for {', '.join(foreign)}")
    for signature in limitation.intermittent:
        if not is_signature(signature):
            yield Mistake(
                "intermittent", f"{signature!r} is no signature of a failure", 'such as "trap: unaligned access"'
            )
    yield from _probe_mistakes(limitation)


def _probe_mistakes(limitation: Limitation) -> Iterator[Mistake]:
    for probe in limitation.probes:
        if not _PROBE.fullmatch(probe):
            yield Mistake(
                "probes", f"{probe!r} is no probe", "a file of harness/guest/probes and a function: files.umask"
            )
    for probe in limitation.page_probes:
        if not _PAGE_PROBE.fullmatch(probe):
            yield Mistake("page_probes", f"{probe!r} is no probe", "page and a part of it: page.run")
    for failure in limitation.fails:
        if not FAILURE.fullmatch(failure):
            allowed = "missing, no-effect, error, crash, timeout, or an exception: OSError ENOSYS"
            yield Mistake("fails", f"{failure!r} is no way to fail", f"allowed: {allowed}")
    has_probes = bool(limitation.probes or limitation.page_probes)
    if has_probes != bool(limitation.fails):
        yield Mistake("fails", "probes need what they document, and the other way round")
    if has_probes and limitation.unprobed:
        yield Mistake("unprobed", "a limitation with probes needs no excuse")


def _pattern_faults(patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"{pattern!r} is no regular expression: {error}"
        if not pattern.strip():
            yield "must not hold empty strings"


FAILURE = re.compile(r"missing|no-effect|error|crash|timeout|[A-Z]\w+( E[A-Z0-9]+)?")
