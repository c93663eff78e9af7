"""What a disk that refuses means to the user."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from harness.util.files import disk_error, text_or_none


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_a_lack_of_permission_is_not_reported_as_a_lack_of_space(code: int) -> None:
    error = disk_error(OSError(code, os.strerror(code)), Path("/run"))
    assert os.strerror(code) in error.message
    assert "--run-dir DIR" in error.hint
    assert "space" not in error.hint


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_the_hint_for_a_full_disk_is_to_free_space(code: int) -> None:
    assert disk_error(OSError(code, os.strerror(code)), Path("/run")).hint.startswith("free some space; ")


def test_a_text_keeps_the_ends_of_its_lines(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"a\r\nb\n")
    assert text_or_none(tmp_path / "a.py") == "a\r\nb\n"


def test_what_is_not_utf_8_or_not_there_is_no_text(tmp_path: Path) -> None:
    # As Lib/test/test_source_encoding.py of CPython 3.11, which is in KOI8-R.
    (tmp_path / "a.py").write_bytes(b"# -*- coding: koi8-r -*-\n\xf0\xc9\n")
    assert [text_or_none(tmp_path / name) for name in ("a.py", "missing.py", ".")] == [None, None, None]
