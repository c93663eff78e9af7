"""Starts a browser with a page, without a window, and with a profile of its own.

Run by path, so it imports nothing of the harness: with the engine's child, or alone as `browser_process.py KIND
PROGRAM`, which reads the address of the page from its standard input, and ends the browser when its input ends.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

_GUARD = Path(__file__).parent / "browser_guard.py"
_CHROMIUM_OPTIONS = (
    "--headless",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--disable-background-networking",
    # Chromium throttles pages in the background, and takes a page without a window for one.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-renderer-backgrounding",
    "--disable-sync",
    "--lang=en-US",
    "--mute-audio",
    "--password-store=basic",
)
_FIREFOX_PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.cache.disk.enable": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    # The harness itself ends guests that take too long.
    "dom.max_script_run_time": 0,
    "dom.min_background_timeout_value": 4,
    "extensions.update.enabled": False,
    "intl.accept_languages": "en-US",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 0,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


def chromium_command(program: str, profile: Path, page: str, *, is_root: bool) -> list[str]:
    """The command of Chromium, Chrome or the headless shell. As root they do not start with their sandbox."""
    sandbox = ["--no-sandbox"] if is_root else []
    return [program, *_CHROMIUM_OPTIONS, *sandbox, f"--user-data-dir={profile}", page]


def firefox_command(program: str, profile: Path, page: str, *, is_root: bool) -> list[str]:  # noqa: ARG001 - as above
    """The command of Firefox, whose preferences are written into the profile."""
    lines = (f"user_pref({json.dumps(key)}, {json.dumps(value)});\n" for key, value in _FIREFOX_PREFERENCES.items())
    (profile / "user.js").write_text("".join(lines), encoding="utf-8")
    return [program, "--headless", "--no-remote", "--new-instance", "--profile", str(profile), page]


COMMANDS: dict[str, Callable[..., list[str]]] = {"chromium": chromium_command, "firefox": firefox_command}


class BrowserProcess:
    """A running browser of that kind that has opened `address`, with a home folder of its own."""

    def __init__(self, kind: str, program: str, address: str) -> None:
        home = Path(tempfile.mkdtemp(prefix="harness-browser-"))
        profile = home / "profile"
        profile.mkdir()
        # The address contains the secret, and every user of this machine can read a command line.
        page = home / "start.html"
        page.write_text(f"<!doctype html><script>location.replace({json.dumps(address)})</script>", encoding="utf-8")
        command = COMMANDS[kind](program, profile, page.as_uri(), is_root=os.geteuid() == 0)
        self._guard = subprocess.Popen(
            [sys.executable, "-I", str(_GUARD), str(home), *command],
            stdin=subprocess.PIPE,
            stdout=2,
            env=_environment(home),
            start_new_session=True,
        )

    def exit_status(self) -> int | None:
        """None while it runs."""
        return self._guard.poll()

    def close(self) -> None:
        """Ends the browser with all of its processes."""
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait()


def _environment(home: Path) -> dict[str, str]:
    """The environment of a browser. Guests take their time zone from it: UTC (emscripten#17635)."""
    kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    private = {"HOME": str(home), "TMPDIR": str(home), "XDG_RUNTIME_DIR": str(home)}
    return kept | private | {"TZ": "UTC", "LANG": "C.UTF-8", "MOZ_CRASHREPORTER_DISABLE": "1"}


def main(kind: str, program: str) -> int:
    """Runs a browser. Returns its exit status if it ends by itself, else 0."""
    browser = BrowserProcess(kind, program, sys.stdin.readline().strip())
    while (status := browser.exit_status()) is None:
        if select.select([sys.stdin], [], [], 0.1)[0]:
            browser.close()
            return 0
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
