"""`pins update`: what is said of origins that were not asked."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from harness.cli import pins as command
from harness.curation.pins.maintain import Renewal
from harness.curation.pins.origins import Debian, Origins
from harness.curation.pins.wanted import Product
from harness.matrix.pins import Pins


def renewal(*unasked: str, asked: bool = True) -> Renewal:
    return Renewal(product=Product.CPYTHON, newer=(), unasked=unasked, asked=asked)


@pytest.mark.parametrize(
    ("renewal", "said"),
    [
        (renewal(), "CPython: nothing newer; "),
        (renewal("no network"), "CPython: nothing newer at the origins that were asked; "),
        (renewal("no network", asked=False), "CPython: unknown: not asked; "),
    ],
)
def test_nothing_newer_is_said_of_origins_that_were_asked(
    renewal: Renewal,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "find_renewals", lambda _: (renewal,))
    origins = Origins(pins=Pins(), cache=tmp_path, debian=Debian(cache=tmp_path))
    command._update(argparse.Namespace(write=False), tmp_path / "pins.toml", origins)
    lines = capsys.readouterr().out
    assert lines.startswith(said)
    assert ("not asked, because no network" in lines) is bool(renewal.unasked)
