"""The account of a run's skips as text: what explains them, what the native reference says, and the rest. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.limitations.observation import Finding
from harness.limitations.skips import Elsewhere, Skip, SkipAccount

REST_SHOWN = 40


def one_line(account: SkipAccount) -> str:
    """`3,396: 3,202 explained by 31 limitations and 8 circumstances, 194 not`; empty when there are none."""
    if not account.skips:
        return ""
    causes = {(cause.is_limitation, cause.id) for cause in account.by_cause()}
    limitations = sum(is_limitation for is_limitation, _ in causes)
    left = len(account.unexplained)
    return (
        f"{len(account.skips):,}: {len(account.skips) - left:,} explained by {_count(limitations, 'limitation')} "
        f"and {_count(len(causes) - limitations, 'circumstance')}, {left:,} not"
    )


def render_skips(
    cell: str, account: SkipAccount, *, every: bool = False, probes: Mapping[str, Any] | None = None
) -> str:
    """The whole account; of what nothing explains at most `REST_SHOWN` reasons, unless `every` is true.

    `probes` are those of the same results: a limitation that does not hold here is marked, its skips may be stale.
    """
    found = {name: str(answer["finding"]) for name, answer in (probes or {}).items()}
    lines = [f"{cell}: skips {one_line(account) or 'none'}"]
    lines += _causes("limitation", [skip for skip in account.skips if skip.cause and skip.cause.is_limitation], found)
    lines += _causes(
        "circumstance", [skip for skip in account.skips if skip.cause and not skip.cause.is_limitation], {}
    )
    lines += _native(account)
    lines += _modules([skip for skip in account.skips if skip.is_module and skip.hides])
    lines += _rest(account.unexplained, len(account.unexplained) if every else REST_SHOWN)
    return "\n".join(lines)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _causes(kind: str, skips: Sequence[Skip], found: Mapping[str, str]) -> Iterator[str]:
    if not skips:
        return
    yield f"\nby {kind}"
    counts = Counter(skip.cause.id for skip in skips if skip.cause)
    needs = defaultdict(set)
    for skip in skips:
        if skip.cause and skip.cause.need:
            needs[skip.cause.id].add(skip.cause.need)
    for name, count in counts.most_common():
        lacks = f"  needs {', '.join(sorted(needs[name]))}" if needs[name] else ""
        finding = found.get(name, Finding.HOLDS)
        mark = "" if finding in {Finding.HOLDS, Finding.NOT_APPLICABLE} else f"  (its probes: {finding})"
        yield f"  {count:6,}  {name}{lacks}{mark}"


def _native(account: SkipAccount) -> Iterator[str]:
    yield "\nnatively"
    if not account.compared:
        yield "  nothing is known: `python -m harness native CELL` runs the suite on the build Python"
        return
    counts = Counter(skip.elsewhere for skip in account.skips)
    words = {
        Elsewhere.ONLY_HERE: "skipped only here",
        Elsewhere.EVERYWHERE: "skipped there too",
        Elsewhere.ABSENT: "the case does not exist there",
        Elsewhere.UNKNOWN: "not known: their module is not in the reference",
    }
    for kind, word in words.items():
        if counts[kind]:
            yield f"  {counts[kind]:6,}  {word}"
    yield f"  {len(account.absent):6,}  run there and do not exist here, in modules that run"
    if account.compared < account.modules:
        yield f"  the reference has {account.compared} of the {account.modules} modules"


def _modules(skips: Sequence[Skip]) -> Iterator[str]:
    if skips:
        hidden = sum(skip.hides for skip in skips)
        modules = _count(len(skips), "module")
        yield f"\n{modules} skipped as a whole: {hidden:,} cases that run natively are not asked; the largest"
        for skip in sorted(skips, key=lambda skip: -skip.hides)[:10]:
            cause = skip.cause.id if skip.cause else "not explained"
            yield f"  {skip.hides:6,}  {skip.module}: {cause}, {skip.reason!r}"


def _rest(skips: Sequence[Skip], shown: int) -> Iterator[str]:
    """By reason: first those that are skipped only here, then by their number."""
    if not skips:
        return
    by_reason: dict[tuple[str, Elsewhere], list[Skip]] = defaultdict(list)
    for skip in skips:
        by_reason[skip.reason, skip.elsewhere].append(skip)
    order = list(Elsewhere)
    rows = sorted(by_reason.items(), key=lambda row: (order.index(row[0][1]), -len(row[1]), row[0][0]))
    yield f"\nnot explained: {len(skips):,} skips, {len(rows)} reasons"
    for (reason, elsewhere), same in rows[:shown]:
        place = "" if elsewhere is Elsewhere.UNKNOWN else f", {elsewhere}"
        yield f"  {len(same):6,}  {reason!r}{place}: {same[0].case}"
    if len(rows) > shown:
        yield f"  ... and {len(rows) - shown} more reasons: --all lists them"
