"""Joins a host to a run: sends it the bundle unless it has that already, and gets the paths that a worker needs there.

`join_host` runs on the machine on which the run was started, `join` on the host, to which execnet sends it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.bundles.unpack import open_bundle, opened_folder, read_bundle_head
from harness.errors import BuildError, ConfigError, HarnessError, UnavailableError
from harness.matrix.cells import Cell
from harness.project import project_root
from harness.run.prepare import BuildRequest, prepare
from harness.util.cache import cache_root
from harness.util.files import disk_errors_as_unavailable
from harness.util.hashing import content_key, file_sha256

_CHUNK = 1 << 20
_CODE = "from harness.run.hosts.join import join\njoin(channel)"
_KINDS: Mapping[int, type[HarnessError]] = {
    kind.exit_code: kind for kind in (ConfigError, UnavailableError, BuildError)
}


def fingerprint() -> str:
    """The hash of this harness with its matrix and lists. A host with another one could test and judge differently."""
    root = project_root()
    files = [
        *root.glob("harness/**/*.*"),
        *root.glob("matrices/*.toml"),
        *root.glob("expected_failures/**/*.toml"),
    ]
    wanted = sorted(path for path in files if path.is_file() and "__pycache__" not in path.parts)
    return content_key([[path.relative_to(root).as_posix(), file_sha256(path)] for path in wanted])


def join_host(gateway: Any, host: str, cell: Cell, runtime: str, bundle: Path) -> dict[str, Any]:
    """The answer of the host: the paths of its build and runtime, and of a folder for its results.

    `runtime` is the runtime that the command line names. An error on the host is raised as an error of the harness.
    """
    from execnet.gateway_base import RemoteError  # noqa: PLC0415 - only a run over hosts needs it

    request = {"fingerprint": fingerprint(), "cell": cell.id, "runtime": runtime}
    try:
        channel = gateway.remote_exec(_CODE)
        channel.send(json.dumps(request | {"entry": opened_folder(read_bundle_head(bundle), Path()).name}))
        answer: dict[str, Any] = json.loads(channel.receive())
        if "wants" in answer:
            _send(channel, bundle)
            answer = json.loads(channel.receive())
        channel.waitclose()
    except RemoteError as error:
        raise UnavailableError(
            f"{host} cannot take part: {str(error).strip().splitlines()[-1]}",
            hint="the Python that python= names must have the harness: pip install -e . in a clone of it on that host",
        ) from None
    except (EOFError, OSError) as error:
        raise UnavailableError(f"{host} was lost while it joined the run", hint="is it still up?") from error
    if "error" in answer:
        kind = _KINDS.get(answer["status"], UnavailableError)
        raise kind(f"{host} cannot take part: {answer['error']}", hint=answer["hint"])
    if answer["runtime_version"] != cell.runtime:
        raise ConfigError(
            f"{host} has {cell.engine} {answer['runtime_version']}, and this machine {cell.runtime}",
            hint="leave --runtime out: the cell's own is then installed on each host",
        )
    return answer


def _send(channel: Any, bundle: Path) -> None:
    with bundle.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            channel.send(chunk)
    channel.send(b"")


def join(channel: Any) -> None:
    """Answers one request on the channel, on the side of the host."""
    try:
        answer = _join(json.loads(channel.receive()), lambda goal: _receive(channel, goal))
    except HarnessError as error:
        answer = {"error": error.message, "hint": error.hint, "status": error.exit_code}
    channel.send(json.dumps(answer))


def _join(request: Mapping[str, str], receive: Callable[[Path], None]) -> dict[str, Any]:
    # The worker that starts next must collect the suite by paths below this folder, as all other workers do.
    os.chdir(root := project_root())
    # As on the machine of the run: other plugins of pytest on the host must not take part.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    if fingerprint() != request["fingerprint"]:
        raise ConfigError(
            f"its harness in {root} is another than the one that started the run",
            hint="bring both to the same commit: matrix and lists are a part of it",
        )
    opened = cache_root() / "bundles" / request["entry"]
    if not opened.is_dir():
        receive(opened)
    prepared = prepare(request["cell"], BuildRequest(bundle=str(opened), runtime=request["runtime"]))
    # This is the last step, since nobody would remove the folder if the host refused after it.
    folder = Path(tempfile.mkdtemp(prefix="wasm-harness-"))
    (folder / "modules").mkdir()
    return {
        "build": str(prepared.build.folder),
        "runtime": str(prepared.runtime),
        "runtime_version": prepared.cell.runtime,
        "cache": str(prepared.cache),
        "folder": str(folder),
        "sends_results": True,
    }


def _receive(channel: Any, opened: Path) -> None:
    channel.send(json.dumps({"wants": "bundle"}))
    opened.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=opened.parent, prefix=f".{opened.name}.") as aside:
        with disk_errors_as_unavailable(opened):
            while chunk := channel.receive():
                aside.write(chunk)
            aside.flush()
        # The cell is checked when the opened bundle is prepared.
        open_bundle(Path(aside.name), cache_root(), lambda _: None)
