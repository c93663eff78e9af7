"""The runtimes that are Python packages, each version in a folder of its own."""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from harness.cache import content_key, make_entry
from harness.errors import UnavailableError
from harness.pins import Pins, RuntimePin
from harness.process import Command, run


def obtain_runtime(
    name: str, version: str, pins: Pins, cache: Path, *, say: Callable[[str], None] = print
) -> Path:
    """A folder for `sys.path` that holds exactly this version. When it is there, the network is not asked.

    UnavailableError when the version is not pinned, pip is missing, or no wheel has a pinned sha256.
    """
    pin = pins.runtime_pin(name, version)
    key = content_key([sys.platform, platform.machine(), pin.sha256])
    final = cache / "runtimes" / f"{name}-{version}-{key}"
    if final.exists():
        return final
    return make_entry(final, lambda folder: _install(pin, folder, say), say=say)


def _install(pin: RuntimePin, folder: Path, say: Callable[[str], None]) -> None:
    if importlib.util.find_spec("pip") is None:
        raise UnavailableError(
            f"{pin.name} {pin.version} is installed with pip, which {sys.executable} does not have",
            hint=f"`{sys.executable} -m ensurepip` adds it (`uv venv --seed` makes a venv that has it)",
        )
    say(f"runtime: installing {pin.name} {pin.version} with pip")
    wanted = folder / "requirements.txt"
    hashes = " ".join(f"--hash=sha256:{value}" for value in pin.sha256)
    wanted.write_text(f"{pin.name}=={pin.version} {hashes}\n", encoding="utf-8")
    options = ("--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary=:all:")
    pip = (sys.executable, "-m", "pip", "install", *options, "--require-hashes")
    argv = (*pip, "--target", str(folder), "--requirement", str(wanted))
    done = run(Command(argv=argv, cwd=folder, timeout=900))
    if not done.ok or not (folder / pin.name).is_dir():
        words = "\n".join(f"  {line}" for line in done.output.strip().splitlines()[-6:])
        raise UnavailableError(
            f"{pin.name} {pin.version} cannot be installed: pip {done.ending}\n{words}".rstrip(),
            hint="check the network and pip's own configuration (pip config list)",
        )
    wanted.unlink()
