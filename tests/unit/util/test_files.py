"""What a disk that refuses means to the user."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from harness.util.files import disk_error


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_a_place_that_is_not_ours_is_no_lack_of_space(code: int) -> None:
    error = disk_error(OSError(code, os.strerror(code)), Path("/run"))
    assert os.strerror(code) in error.message
    assert "--run-dir DIR" in error.hint
    assert "space" not in error.hint


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_wants_space(code: int) -> None:
    assert disk_error(OSError(code, os.strerror(code)), Path("/run")).hint.startswith("free some space; ")
