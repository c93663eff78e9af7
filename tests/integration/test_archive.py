"""Archives on a disk that is really full."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from harness.errors import UnavailableError
from harness.util.archive import unpack
from tests.integration.disk import small_disk

pytestmark = pytest.mark.integration


def test_a_full_disk_is_reported_and_what_was_unpacked_is_removed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        for name in ("a/small", "a/large"):
            info = tarfile.TarInfo(name)
            info.size = 1_000 if name == "a/small" else 1_000_000
            tar.addfile(info, io.BytesIO(bytes(info.size)))
    with small_disk(tmp_path / "disk") as disk:
        with pytest.raises(UnavailableError, match="No space left on device") as caught:
            unpack(tmp_path / "a.tar.gz", disk / "into")
        assert list((disk / "into").iterdir()) == []
    assert "WASM_HARNESS_CACHE" in caught.value.hint
