"""What a browser says of itself."""

from __future__ import annotations

import pytest

from harness.targets import Engine
from harness.toolchains.browsers import OLDEST, PROGRAMS, version_in


@pytest.mark.parametrize(
    ("engine", "said", "version"),
    [
        (Engine.CHROMIUM, "Chromium 150.0.7871.100 built on Debian GNU/Linux 12 (bookworm)", "150.0.7871.100"),
        (Engine.CHROMIUM, "Chromium 153.0.8010.0 ", "153.0.8010.0"),
        (Engine.CHROMIUM, "Google Chrome 150.0.7871.100 ", "150.0.7871.100"),
        (Engine.CHROMIUM, "Google Chrome for Testing 150.0.7871.100", "150.0.7871.100"),
        (Engine.CHROMIUM, "Mozilla Firefox 140.0.1", ""),
        (Engine.CHROMIUM, "v24.19.0", ""),
        (Engine.FIREFOX, "Mozilla Firefox 140.12.0esr", "140.12.0"),
        (Engine.FIREFOX, "Mozilla Firefox 141.0", "141.0"),
        (Engine.FIREFOX, "Chromium 150.0.7871.100", ""),
        (Engine.FIREFOX, "", ""),
    ],
)
def test_the_version_is_read_from_what_it_prints(engine: Engine, said: str, version: str) -> None:
    assert version_in(engine, said) == version


def test_every_browser_has_names_and_an_oldest_version() -> None:
    assert set(PROGRAMS) == set(OLDEST) == {engine for engine in Engine if engine.is_browser}
