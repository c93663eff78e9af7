"""The project's own folder, and the run folders below it."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from harness.errors import ConfigError, UnavailableError

HISTORY_FILE = "history.sqlite"
"""The history's usual name; it lies beside the run folders."""


def project_root() -> Path:
    """The folder that holds matrices/ and expected_failures/: the current one, or else this checkout."""
    here, checkout = Path.cwd(), Path(__file__).resolve().parent.parent
    return here if (here / "matrices" / "default.toml").is_file() else checkout


def matrix_file() -> Path:
    """The file that stands for the matrix where pytest wants a path."""
    return project_root() / "matrices" / "default.toml"


def new_run_folder() -> Path:
    """A fresh folder under reports/, named by the time of day; two runs that start together get two."""
    reports = project_root() / "reports"
    stamp = time.strftime("%Y-%m-%dT%H-%M-%S")
    for attempt in range(1, 100):
        folder = reports / (stamp if attempt == 1 else f"{stamp}-{attempt}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise UnavailableError(f"cannot make {folder}: {error.strerror}", hint="use --run-dir FOLDER") from error
        return folder
    raise ConfigError(f"too many runs at once in {reports}", hint="use --run-dir FOLDER")


def point_latest_at(run_folder: Path) -> None:
    """Makes `latest` beside the run folder a link to it; a run folder elsewhere has no such link."""
    if run_folder.parent != project_root() / "reports":
        return
    link = run_folder.with_name("latest")
    aside = run_folder.with_name(f".latest.{run_folder.name}")
    with contextlib.suppress(OSError):
        aside.unlink(missing_ok=True)
        aside.symlink_to(run_folder.name)
        aside.replace(link)


def shown(path: Path) -> str:
    """A path as short as it can be: relative when it lies below the current folder."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
