"""Downloads from an origin of our own."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path

import pytest

from harness.errors import UnavailableError
from harness.util import download
from harness.util.download import fetch, head_status
from tests.integration.disk import small_disk
from tests.integration.origin import Answer, serving, serving_folder

pytestmark = pytest.mark.integration

BODY = b"CPython" * 10_000
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def waits() -> list[float]:
    return []


def test_a_file_is_there_whole_and_has_an_ordinary_mode(tmp_path: Path, said: list[str]) -> None:
    with serving(Answer(BODY)) as origin:
        got = fetch(f"{origin.url}/a.tar", SHA256, tmp_path / "new" / "a.tar")
    assert got.read_bytes() == BODY
    assert got.stat().st_mode & 0o777 == 0o644
    assert list(got.parent.iterdir()) == [got]
    assert said[0] == f"downloading {origin.url}/a.tar"
    assert said[1].startswith("downloaded 0.1 MB")


def test_a_file_that_is_there_with_the_right_hash_is_not_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(BODY)
    with serving(Answer(b"")) as origin:
        fetch(f"{origin.url}/a", SHA256, tmp_path / "a")
    assert origin.requests == []


def test_a_file_that_is_there_with_another_hash_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with serving(Answer(BODY)) as origin:
        assert fetch(f"{origin.url}/a", SHA256, tmp_path / "a").read_bytes() == BODY


def test_a_missing_file_fails_at_once(tmp_path: Path, waits: list[float]) -> None:
    with serving(Answer(status=404)) as origin, pytest.raises(UnavailableError, match="404") as caught:
        fetch(f"{origin.url}/a", SHA256, tmp_path / "a", sleep=waits.append)
    assert origin.url in caught.value.message
    assert len(origin.requests) == 1
    assert waits == []


def test_a_server_error_that_goes_away_is_no_failure(tmp_path: Path, waits: list[float]) -> None:
    with serving(Answer(status=500), Answer(status=503), Answer(BODY)) as origin:
        fetch(f"{origin.url}/a", SHA256, tmp_path / "a", sleep=waits.append)
    assert len(origin.requests) == 3
    assert waits == [1.0, 4.0]


def test_a_server_error_that_stays_is_reported_with_its_number(tmp_path: Path, waits: list[float]) -> None:
    with serving(Answer(status=500)) as origin, pytest.raises(UnavailableError, match=r"failed 4 times.*500"):
        fetch(f"{origin.url}/a", SHA256, tmp_path / "a", sleep=waits.append)
    assert len(origin.requests) == 4
    assert waits == list(download.WAITS)


def test_a_body_that_ends_early_is_tried_again(tmp_path: Path, waits: list[float]) -> None:
    with serving(Answer(BODY[:100], length=len(BODY)), Answer(BODY)) as origin:
        got = fetch(f"{origin.url}/a", SHA256, tmp_path / "a", sleep=waits.append)
    assert got.read_bytes() == BODY
    assert len(waits) == 1


def test_a_body_that_always_ends_early_leaves_nothing(tmp_path: Path, waits: list[float]) -> None:
    with (
        serving(Answer(BODY[:100], length=len(BODY))) as origin,
        pytest.raises(UnavailableError, match=f"100 of {len(BODY)} bytes"),
    ):
        fetch(f"{origin.url}/a", SHA256, tmp_path / "a", sleep=waits.append)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_file_is_deleted_and_both_hashes_are_reported(tmp_path: Path, waits: list[float]) -> None:
    wrong = hashlib.sha256(b"other").hexdigest()
    with serving(Answer(b"other")) as origin, pytest.raises(UnavailableError) as caught:
        fetch(f"{origin.url}/a", SHA256, tmp_path / "a", sleep=waits.append)
    assert all(word in caught.value.message for word in (SHA256, wrong, f"{origin.url}/a"))
    assert list(tmp_path.iterdir()) == []
    assert waits == []


def test_a_server_that_stalls_is_left_and_tried_again(
    tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "STALL_SECONDS", 0.2)
    with serving(Answer(BODY[:5], length=len(BODY), stalls=True), Answer(BODY)) as origin:
        fetch(f"{origin.url}/a", SHA256, tmp_path / "a", sleep=waits.append)
    assert len(origin.requests) == 2


def test_a_port_where_nobody_listens_fails_at_once(tmp_path: Path, waits: list[float]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/a"
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:\d+ cannot be reached .*refused") as caught:
        fetch(url, SHA256, tmp_path / "a", sleep=waits.append)
    assert "check the network" in caught.value.hint
    assert waits == []


def test_a_name_without_address_fails_at_once(tmp_path: Path, waits: list[float]) -> None:
    with pytest.raises(UnavailableError, match=r"no-such-host\.invalid cannot be reached"):
        fetch("https://no-such-host.invalid/a", SHA256, tmp_path / "a", sleep=waits.append)
    assert waits == []


def test_an_origin_that_never_answers_costs_the_connect_timeout_once(
    tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.5)
    with socket.socket() as deaf, socket.socket() as filler:
        # A backlog that is full takes no further connection: the kernel drops it without a word.
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        filler.connect(deaf.getsockname())
        with pytest.raises(UnavailableError, match=r"cannot be reached .*timed out"):
            fetch(f"http://127.0.0.1:{deaf.getsockname()[1]}/a", SHA256, tmp_path / "a", sleep=waits.append)
    assert waits == []


def test_a_full_disk_is_reported_as_a_full_disk(tmp_path: Path) -> None:
    body = b"x" * 1_000_000
    with small_disk(tmp_path / "disk") as disk, serving(Answer(body)) as origin:
        with pytest.raises(UnavailableError, match="No space left") as caught:
            fetch(f"{origin.url}/a", hashlib.sha256(body).hexdigest(), disk / "a")
        assert list(disk.iterdir()) == []
    assert "WASM_HARNESS_CACHE" in caught.value.hint


def test_a_server_is_asked_whether_it_has_a_file(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    with serving_folder(tmp_path) as origin:
        assert head_status(f"{origin.url}/there", 5) == 200
        assert head_status(f"{origin.url}/gone", 5) == 404
    assert head_status(f"{origin.url}/there", 5) == 0
    assert head_status("no address", 5) == 0
