"""Hosts on loopback: each an sshd of its own, with a home, a cache, a folder for temporary files and a checkout."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.processes import descendants

ROOT = Path(__file__).parents[2]
_CHECKOUT = ("harness", "matrices", "expected_failures")


@dataclass(frozen=True, kw_only=True)
class Host:
    """`tx` is what pytest-xdist calls one worker on it."""

    name: str
    home: Path
    config: Path
    daemon: subprocess.Popen[bytes]

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def checkout(self) -> Path:
        return self.home / "checkout"

    @property
    def tx(self) -> str:
        return f"--tx=ssh={self.name}//python={sys.executable}//chdir={self.checkout}//ssh_config={self.config}"

    def journals(self) -> list[Path]:
        """Of the modules that it has begun."""
        return list(self.home.glob("tmp/*/journal/*"))

    def die(self) -> None:
        """As when its power fails: every process on it ends at once, and nobody answers any more."""
        for process in [self.daemon.pid, *descendants(self.daemon.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.daemon.wait()


@contextlib.contextmanager
def ssh_hosts(folder: Path, names: tuple[str, ...]) -> Iterator[list[Host]]:
    """The hosts, until the block ends. Skips where there is no sshd, or none can be started."""
    sshd = shutil.which("sshd") or shutil.which("/usr/sbin/sshd")
    if not sshd or not shutil.which("ssh"):
        pytest.skip("there is no sshd (Debian: openssh-server) or no ssh on this machine")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd shuts itself in
    key, config = folder / "key", folder / "ssh_config"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    hosts: list[Host] = []
    try:
        hosts.extend(_start(sshd, folder, name, key, config) for name in names)
        yield hosts
    finally:
        for host in hosts:
            host.die()


def _start(sshd: str, folder: Path, name: str, key: Path, config: Path) -> Host:
    home, port = folder / name, _free_port()
    for part in ("cache", "tmp", "checkout"):
        (home / part).mkdir(parents=True)
    for part in _CHECKOUT:
        shutil.copytree(ROOT / part, home / "checkout" / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", home / "checkout")
    settings = home / "sshd_config"
    settings.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {key}\nAuthorizedKeysFile {key}.pub\nPidFile none\n"
        f"StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        f"SetEnv HOME={home} TMPDIR={home / 'tmp'} WASM_HARNESS_CACHE={home / 'cache'}\n"
    )
    with config.open("a") as stream:
        stream.write(
            f"Host {name}\n  HostName 127.0.0.1\n  Port {port}\n  User {getpass.getuser()}\n  IdentityFile {key}\n"
            "  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n"
        )
    with (home / "sshd.log").open("wb") as log:
        daemon = subprocess.Popen([sshd, "-D", "-e", "-f", str(settings)], stdout=log, stderr=log)
    host = Host(name=name, home=home, config=config, daemon=daemon)
    command = ["ssh", "-F", str(config), name, "echo $HOME"]
    for _ in range(50):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode == 0:
            assert done.stdout.strip() == str(home), "sshd does not set HOME"
            return host
        time.sleep(0.1)
    host.die()
    pytest.skip(f"no sshd can be started here: {(home / 'sshd.log').read_text()} {done.stderr}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
