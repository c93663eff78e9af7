"""The only file that opens the network: downloads files and checks their sha256.

An origin that cannot be reached is an error at once. Only transient faults are tried again: a status 5xx, a connection
that breaks or stalls during the download.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import logging
import os
import socket
import ssl
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Protocol

from harness.errors import OriginError
from harness.util.files import disk_errors_as_unavailable
from harness.util.hashing import file_sha256

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
STALL_SECONDS = 30.0
WAITS = (1.0, 4.0, 10.0)
_CHUNK = 1 << 18
_HEADERS = {"User-Agent": "cpython-wasm-harness"}
_PASSING = frozenset({408, 425, 429})


class _Transient(Exception):  # noqa: N818 - never leaves this module
    """A fault that may not occur at the next attempt."""


class Response(Protocol):
    """The part of an HTTP response that is used here."""

    headers: http.client.HTTPMessage

    def read(self, amount: int, /) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class DownloadProgress:
    """How far a download is. `total` is 0 when the server does not say. Both in bytes."""

    done: int
    total: int

    def __str__(self) -> str:
        if not self.total:
            return f"{self.done / 1e6:.1f} MB"
        return f"{self.done / 1e6:.1f} of {self.total / 1e6:.1f} MB, {100 * self.done // self.total} %"


def fetch(
    url: str,
    sha256: str,
    into: Path,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """The file `into`, downloaded from `url` unless it is there with that sha256 already.

    UnavailableError when the origin cannot be reached, does not have it, keeps failing, or gives another
    file; nothing is left behind then.
    """
    if into.exists() and file_sha256(into) == sha256:
        return into
    _download(url, sha256, into, sleep)
    return into


def fetch_unpinned(
    url: str,
    into: Path,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """The sha256 of the file `into`, downloaded from `url`: for what is to be pinned now. UnavailableError as `fetch`,
    but that any file is right.
    """
    return _download(url, "", into, sleep)


def _download(url: str, sha256: str, into: Path, sleep: Callable[[float], None]) -> str:
    if fault := connection_fault(url, CONNECT_SECONDS):
        raise _unreachable(url, fault)
    logger.info("downloading %s", url)
    start = time.monotonic()
    size, found = _with_retries(lambda: _attempt(url, sha256, into), url, sleep)
    logger.info("downloaded %.1f MB in %.1f s", size / 1e6, time.monotonic() - start)
    return found


def _with_retries(attempt: Callable[[], tuple[int, str]], url: str, sleep: Callable[[float], None]) -> tuple[int, str]:
    for wait in WAITS:
        try:
            return attempt()
        except _Transient as fault:
            logger.info("%s: %s; trying again in %.0f s", url, fault, wait)
            sleep(wait)
    try:
        return attempt()
    except _Transient as fault:
        raise OriginError(
            f"{url} failed {len(WAITS) + 1} times, at last: {fault}",
            hint="the origin or the network has trouble: try again later",
        ) from fault


def connection_fault(url: str, seconds: float) -> str:
    """Why no server answers at the address, or at the proxy for it; empty if one does.

    It connects to the first address that answers, within `seconds` in all, and sends nothing.
    """
    deadline = time.monotonic() + seconds
    fault = "it has no address"
    try:
        host, port = _first_hop(url)
    except ValueError as error:
        return f"its address, or the proxy's, is none: {error}"
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return f"{host}: {error.strerror or error}"
    except ValueError as error:  # a name that cannot be one
        return f"{host}: {error}"
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        share = (deadline - time.monotonic()) / (len(addresses) - index)  # a dead address must not eat all
        with socket.socket(family, kind, protocol) as probe:
            probe.settimeout(max(share, 0.1))
            try:
                probe.connect(address)
            except OSError as error:
                fault = f"{host}: {error.strerror or error}"
            else:
                return ""
    return fault


class Presence(StrEnum):
    """Whether an origin has a file: it does, it says that it does not, or it gives no such answer."""

    THERE = "there"
    GONE = "gone"
    UNKNOWN = "unknown"


def presence(url: str) -> tuple[Presence, str]:
    """Whether the origin has that file, and the reason unless it does."""
    host = urllib.parse.urlsplit(url).netloc
    if fault := connection_fault(url, CONNECT_SECONDS):
        return Presence.UNKNOWN, f"{host} cannot be reached ({fault})"
    status = head_status(url, STALL_SECONDS)
    if 200 <= status < 300:
        return Presence.THERE, ""
    what = f"{host} answers {status} for {url}" if status else f"{host} does not answer for {url}"
    return (Presence.GONE if status in {404, 410} else Presence.UNKNOWN), what


def head_status(url: str, seconds: float) -> int:
    """The HTTP status with which the server answers a HEAD; 0 when there is no answer within `seconds`."""
    try:
        request = urllib.request.Request(url, headers=_HEADERS, method="HEAD")
        with urllib.request.urlopen(request, timeout=seconds) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except (OSError, ValueError, http.client.HTTPException):
        return 0


def _first_hop(url: str) -> tuple[str, int]:
    """The server to connect to: the proxy that the environment names for this address, or else the origin."""
    parts = urllib.parse.urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme, "")
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        parts = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}", scheme="http")
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _unreachable(url: str, fault: str) -> OriginError:
    return OriginError(
        f"{urllib.parse.urlsplit(url).netloc} cannot be reached ({fault}): {url}",
        hint="check the network and the proxy settings (https_proxy); a path of your own needs neither",
    )


def _attempt(url: str, sha256: str, into: Path) -> tuple[int, str]:
    request = urllib.request.Request(url, headers=_HEADERS)
    try:
        with urllib.request.urlopen(request, timeout=STALL_SECONDS) as response:
            return _receive(response, url, sha256, into)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code >= 500 or error.code in _PASSING:
            raise _Transient(f"the server says {error.code} {error.reason}") from error
        raise OriginError(
            f"{url}: the server says {error.code} {error.reason}",
            hint="the address in matrices/pins.toml may have gone stale",
        ) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise _unreachable(url, str(error.reason)) from error
        raise _Transient(str(error.reason)) from error
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise _Transient(f"the connection broke: {error or type(error).__name__}") from error


def _receive(response: Response, url: str, sha256: str, into: Path) -> tuple[int, str]:
    """Writes the body aside, checks its length and, unless any is right, its hash, and moves it into place."""
    total = int(response.headers.get("Content-Length") or 0)
    with _file_aside(into) as aside:
        size, found = _copy(response, aside, total)
        if total and size != total:
            raise _Transient(f"only {size} of {total} bytes came")
        if sha256 and found != sha256:
            raise OriginError(
                f"{url} is not what is pinned:\n  wanted sha256 {sha256}\n  found  sha256 {found}",
                hint="the file was deleted; if the origin changed it for a good reason, fix matrices/pins.toml",
            )
    return size, found


@contextlib.contextmanager
def _file_aside(into: Path) -> Iterator[Path]:
    """An empty file next to `into` that takes its place at the end, or goes when something goes wrong."""
    with disk_errors_as_unavailable(into):
        into.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=into.parent, prefix=f".{into.name}.")
        os.close(descriptor)
    aside = Path(name)
    try:
        yield aside
        aside.chmod(0o644)
        aside.replace(into)
    finally:
        aside.unlink(missing_ok=True)


def _copy(response: Response, aside: Path, total: int) -> tuple[int, str]:
    """Size in bytes and sha256 of what came."""
    digest, size, shown = hashlib.sha256(), 0, 0.0
    with disk_errors_as_unavailable(aside):
        stream = aside.open("wb", buffering=0)
    with stream:
        while chunk := _read(response):
            digest.update(chunk)
            size += len(chunk)
            with disk_errors_as_unavailable(aside):
                _write(stream, chunk)
            if time.monotonic() - shown > 0.2:
                shown = time.monotonic()
                progress = DownloadProgress(done=size, total=total)
                logger.debug("downloading, %s", progress)
                if sys.stderr.isatty():
                    sys.stderr.write(f"\r  {progress}\x1b[K")
    if shown and sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    return size, digest.hexdigest()


def _read(response: Response) -> bytes:
    """The next part. Here every OSError is the network's: also TLS that is broken, a route that is gone."""
    try:
        return response.read(_CHUNK)
    except OSError as error:
        raise _Transient(f"the connection broke: {error.strerror or str(error) or type(error).__name__}") from error


def _write(stream: IO[bytes], chunk: bytes) -> None:
    """All of it: an unbuffered stream may take a part, and fails on a full disk only at the next write."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[stream.write(rest) :]
