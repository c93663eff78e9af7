"""What is decided about a download before any connection."""

from __future__ import annotations

import errno
import http.client
import io
import ssl
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UnavailableError
from harness.util import download
from harness.util.download import DownloadProgress

PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("url", "hop"),
    [
        ("https://example.org/a", ("example.org", 443)),
        ("http://example.org/a", ("example.org", 80)),
        ("http://example.org:8080/a", ("example.org", 8080)),
    ],
)
def test_without_a_proxy_the_origin_is_connected_to(url: str, hop: tuple[str, int]) -> None:
    assert download._first_hop(url) == hop


@pytest.mark.parametrize("proxy", ["http://proxy.example:3128", "proxy.example:3128"])
def test_with_a_proxy_the_proxy_is_connected_to(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    assert download._first_hop("https://example.org/a") == ("proxy.example", 3128)


def test_a_host_that_is_exempt_from_the_proxy_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "example.org")
    assert download._first_hop("https://example.org/a") == ("example.org", 443)


@pytest.mark.parametrize(
    "proxy", ["http://proxy.example:port", "http://proxy.example:80800", "http://[::1", f"http://{'a' * 70}.example:1"]
)
def test_a_proxy_that_is_not_an_address_is_reported(
    proxy: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(UnavailableError, match=r"example\.org cannot be reached") as caught:
        download.fetch("https://example.org/a", "0" * 64, tmp_path / "a")
    assert "https_proxy" in caught.value.hint


def test_progress_shows_bytes_and_percent() -> None:
    assert str(DownloadProgress(done=2_500_000, total=10_000_000)) == "2.5 of 10.0 MB, 25 %"


def test_progress_without_a_known_length_shows_bytes() -> None:
    assert str(DownloadProgress(done=2_500_000, total=0)) == "2.5 MB"


class Body:
    """A response without a network."""

    def __init__(self, body: bytes) -> None:
        self.headers = http.client.HTTPMessage()
        self.read: Callable[[int], bytes] = io.BytesIO(body).read


def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "_write", full)
    with pytest.raises(UnavailableError, match="No space left on device"):
        download._receive(Body(b"abc"), "https://example.org/a", "0" * 64, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "fault", [ssl.SSLError(1, "bad record mac"), OSError(errno.EHOSTUNREACH, "No route to host"), TimeoutError("slow")]
)
def test_a_connection_that_breaks_on_the_way_is_tried_again(tmp_path: Path, fault: OSError) -> None:
    def broken(_: int) -> bytes:
        raise fault

    body = Body(b"")
    body.read = broken
    with pytest.raises(download._Transient, match=r"the connection broke: (bad record mac|No route to host|slow)"):
        download._receive(body, "https://example.org/a", "0" * 64, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_progress_is_shown_on_a_terminal_and_wiped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    (tmp_path / "a").touch()
    download._copy(Body(b"x" * 1_000_000), tmp_path / "a", 1_000_000)
    assert "of 1.0 MB" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_a_certificate_that_is_not_trusted_is_reported_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def distrust(*args: Any, **kwargs: Any) -> None:
        raise urllib.error.URLError(ssl.SSLCertVerificationError("certificate verify failed"))

    monkeypatch.setattr("urllib.request.urlopen", distrust)
    with pytest.raises(UnavailableError, match=r"example\.org cannot be reached .*certificate verify failed"):
        download._attempt("https://example.org/a", "0" * 64, tmp_path / "a")
