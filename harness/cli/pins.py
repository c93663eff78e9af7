"""`pins add`, `pins update` and `pins check`: matrices/pins.toml kept up with the origins."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from harness.curation.pins.check import check_pins
from harness.curation.pins.maintain import Renewal, add_renewals, find_renewals
from harness.curation.pins.maintain import add_pins as pin
from harness.curation.pins.origins import Debian, Finding, Origins
from harness.curation.pins.wanted import pinned_versions
from harness.errors import EXIT_OK, EXIT_UNAVAILABLE, EXIT_UNEXPECTED
from harness.matrix.load import load_configuration
from harness.matrix.pins import load_pins
from harness.project import project_root
from harness.util.cache import cache_root
from harness.util.download import Presence
from harness.util.paths import shown


def add_pins(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="pin versions: download them, take their sha256, write them to the file")
    what = "cpython, emscripten, node, wasi-sdk or wasmtime, and the version; more pairs may follow"
    add.add_argument("words", nargs="+", metavar="PRODUCT VERSION", help=what)
    update = actions.add_parser("update", help="which newer versions the origins have")
    update.add_argument("--write", action="store_true", help="pin them; without it only show them")
    check = actions.add_parser("check", help="which pins an origin does not have any more; status 1 if there are any")
    for action, function in ((add, _add), (update, _update), (check, _check)):
        action.add_argument("--pins", default="", metavar="FILE", help="this file as well as matrices/pins.toml")
        action.set_defaults(function=function)


def run_pins(options: argparse.Namespace) -> int:
    """Runs the action, and gives the exit status."""
    file = Path(options.pins) if options.pins else project_root() / "matrices" / "pins.toml"
    pins = load_configuration()[1]
    if options.pins and file.exists():
        pins = load_pins(file, pins)
    cache = cache_root()
    origins = Origins(pins=pins, cache=cache, debian=Debian(cache=cache))
    status: int = options.function(options, file, origins)
    return status


def _add(options: argparse.Namespace, file: Path, origins: Origins) -> int:
    _print_findings(pin(options.words, file, origins), file)
    return EXIT_OK


def _update(options: argparse.Namespace, file: Path, origins: Origins) -> int:
    renewals = find_renewals(origins)
    for renewal in renewals:
        newer = " ".join(wanted.version for wanted in renewal.newer) or _nothing(renewal)
        print(f"{renewal.product.label}: {newer}; pinned {' '.join(pinned_versions(origins.pins, renewal.product))}")
        print("".join(f"  not asked, because {reason}\n" for reason in renewal.unasked), end="")
    if options.write:
        findings, refused = add_renewals(renewals, file, origins)
        _print_findings(findings, file)
        print("".join(f"not pinned: {reason}\n" for reason in refused), end="")
    elif words := " ".join(f"{wanted.product} {wanted.version}" for renewal in renewals for wanted in renewal.newer):
        print(f"--write pins them, or some: python -m harness pins add {words}")
    return EXIT_OK


def _nothing(renewal: Renewal) -> str:
    """What is said of a product without a newer version: that there is none only where every origin was asked."""
    if not renewal.unasked:
        return "nothing newer"
    return "nothing newer at the origins that were asked" if renewal.asked else "unknown: not asked"


def _print_findings(findings: Iterable[Finding], file: Path) -> None:
    for finding in findings:
        print(f"pinned {finding.wanted} in {shown(file)}")
        if finding.emsdk_commit:
            print(f"  [emsdk] is now at commit {finding.emsdk_commit}")
        print("".join(f"  not checked: {reason}\n" for reason in finding.unchecked), end="")


def _check(_options: argparse.Namespace, _file: Path, origins: Origins) -> int:
    """Status 1 when an origin lacks something, 3 when none could be asked."""
    answers = check_pins(origins)
    by_presence = {where: [answer for answer in answers if answer.presence is where] for where in Presence}
    for title, where in (("gone", Presence.GONE), ("not asked", Presence.UNKNOWN)):
        print("".join(f"{title}: {each.pin}: {each.reason}\n" for each in by_presence[where]), end="")
    titles = {Presence.UNKNOWN: "not asked"}
    counts = ", ".join(f"{len(found)} {titles.get(where, where)}" for where, found in by_presence.items())
    print(f"{len(answers)} origins of pins: {counts}")
    if by_presence[Presence.GONE]:
        return EXIT_UNEXPECTED
    return EXIT_OK if by_presence[Presence.THERE] or not answers else EXIT_UNAVAILABLE
