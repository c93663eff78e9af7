"""What the harness reads from the output of pip and npm."""

from __future__ import annotations

from harness.toolchains.package_index import read_versions

PIP = """\
WARNING: pip index is currently an experimental command.
wasmtime (50.0.1)
Available versions: 50.0.1, 49.0.0, 48.0.0rc1, 1.0
  INSTALLED: 50.0.1
"""


def test_versions_are_read_from_either_installer_without_those_before_a_release() -> None:
    assert read_versions(PIP) == {"50.0.1", "49.0.0", "1.0"}
    assert read_versions('["20.0.0", "21.0.0-rc.1",\n "26.10.0"]') == {"20.0.0", "26.10.0"}
    assert read_versions('"20.0.0"') == {"20.0.0"}
    assert read_versions("ERROR: No matching distribution found") == set()
