"""Zip files of the library."""

from __future__ import annotations

import zipfile
from pathlib import Path

from harness.examples.stdlib import is_deflated, store


def test_a_stored_zip_file_has_the_same_files(tmp_path: Path) -> None:
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("os.pyc", b"code" * 1000)
        archive.writestr("json/decoder.pyc", b"more" * 1000)
    stored = store(packed, tmp_path / "stored.zip")
    assert is_deflated(packed)
    assert not is_deflated(stored)
    with zipfile.ZipFile(stored) as archive:
        assert archive.namelist() == ["os.pyc", "json/decoder.pyc"]
        assert archive.read("json/decoder.pyc") == b"more" * 1000
