"""Pins of Emscripten: a commit of emsdk that knows the release, and the Debian suite that has it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from packaging.version import Version

from harness.curation.pins.origins import Available, Fetch, Finding, Origins
from harness.curation.pins.text import NewTable, Value
from harness.curation.pins.wanted import Wanted
from harness.errors import ConfigError, OriginError, UnavailableError
from harness.matrix.pins import EmsdkPin
from harness.toolchains.emscripten.debian import release
from harness.toolchains.emscripten.emsdk import releases
from harness.util import apt
from harness.util.git import fetch_commit, git_output, remote_tags

_RELEASE = re.compile(r"\d+\.\d+\.\d+")


def locate(wanted: Wanted, origins: Origins) -> Fetch:
    """What gets the pin. ConfigError when neither emsdk nor a Debian suite has the version, OriginError when no suite
    has it and emsdk cannot be asked.
    """
    suite = suite_with(wanted.version, origins)
    commit, fault = "", ""
    try:
        commit = _commit_with(wanted.version, origins)
    except OriginError as error:
        fault = " ".join(error.message.split())
    if not commit and not suite and fault:
        raise OriginError(f"{wanted} cannot be pinned: {fault}", hint="check the network and the proxy settings")
    if not commit and not suite:
        raise ConfigError(f"there is no {wanted}: neither emsdk nor a Debian suite has it")
    return lambda: decide(wanted, origins, commit, fault, suite)


def decide(wanted: Wanted, origins: Origins, commit: str, fault: str, suite: str) -> Finding:
    """The pin, with the commit of emsdk that knows the release (empty: none, or for the reason `fault` none was found)
    and the Debian suite that has it.
    """
    unchecked = [*origins.debian.faults]
    if fault:
        unchecked.append(f"whether emsdk knows the release: {fault}")
    elif not commit:
        unchecked.append("emsdk has no such release: only apt can provide it")
    if not suite:
        unchecked.append("no Debian suite has this release: apt cannot provide it")
    values: dict[str, Value] = {"version": wanted.version, "node": origins.pins.newest_emscripten.node}
    table = NewTable(table="emscripten", values=values | ({"apt_suite": suite} if suite else {}))
    pinned = origins.pins.emsdk
    moved = commit if pinned is None or commit != pinned.commit else ""
    return Finding(wanted=wanted, tables=(table,), emsdk_commit=moved, unchecked=tuple(unchecked))


def available(origins: Origins) -> Available:
    """The releases that emsdk has tags of, and those of Debian's suites."""
    found = {release(version) for version in _packaged(origins).values()}
    unasked = [*origins.debian.faults]
    try:
        found |= {tag for tag in remote_tags(_emsdk(origins).url) if _RELEASE.fullmatch(tag)}
    except UnavailableError as error:
        unasked.append(error.message.splitlines()[0])
    return Available(versions=frozenset(found - {""}), unasked=tuple(unasked))


def suite_with(version: str, origins: Origins) -> str:
    """The first Debian suite whose package is that release; empty when none has it."""
    return next((suite for suite, found in _packaged(origins).items() if release(found) == version), "")


def _packaged(origins: Origins) -> Mapping[str, str]:
    """The version of the package in each suite that has it."""
    found = {lists.suite: apt.binary_versions(lists, ["emscripten"]) for lists in origins.debian}
    return {suite: versions["emscripten"] for suite, versions in found.items() if versions}


def _commit_with(version: str, origins: Origins) -> str:
    """The pinned commit of emsdk if it knows the version, else that of the newest tag if that does; empty when neither
    does. A later commit knows all earlier releases too.

    OriginError when emsdk cannot be asked.
    """
    emsdk = _emsdk(origins)
    if version in known_releases(emsdk.url, emsdk.commit, origins):
        return emsdk.commit
    tags = {tag: commit for tag, commit in remote_tags(emsdk.url).items() if _RELEASE.fullmatch(tag)}
    if not tags:
        return ""
    commit = tags[max(tags, key=Version)]
    return commit if version in known_releases(emsdk.url, commit, origins) else ""


def known_releases(url: str, commit: str, origins: Origins) -> frozenset[str]:
    """The releases that emsdk knows at a commit. OriginError when the commit cannot be fetched."""
    bare, commit = fetch_commit(url, commit, origins.cache)
    return frozenset(releases(git_output(bare, "show", f"{commit}:bazel/revisions.bzl")))


def _emsdk(origins: Origins) -> EmsdkPin:
    if origins.pins.emsdk is None:
        raise OriginError("no emsdk is pinned", hint="add [emsdk] to matrices/pins.toml")
    return origins.pins.emsdk
