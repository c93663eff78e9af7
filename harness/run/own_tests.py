"""The user's own test files, which run in a cell instead of the suite: their modules, and their copy.

A run uses a copy in its folder. So every worker, restart and rerun sees the same files, guests see no other ones, and
no guest can change the originals.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.engines.protocol import Mount
from harness.errors import ConfigError
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome
from harness.suite.module import ModuleJob
from harness.util.files import disk_errors_as_unavailable
from harness.util.hashing import content_key, file_sha256
from harness.util.paths import expanded

TESTS_MOUNT = "/tests"
MAX_BYTES = 512 << 20
MAX_FILES = 20_000
# A test file of one of these names would not be imported, but the module of that name.
_TAKEN = sys.stdlib_module_names | {"test"}
_HINT = "name a folder that holds test_*.py modules or test_* packages, or one .py file"
_LOADER = re.compile(r"^(?:async\s+)?def load_tests\b|^\s*load_tests\s*=|\bimport\b.*\bload_tests\b", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class OwnTests:
    """`source` is the absolute path that the user named. `folder` holds `files`, by their paths in it; `modules` are
    the names by which regrtest runs them. Guests see them in TESTS_MOUNT.
    """

    source: Path
    folder: Path
    files: tuple[str, ...]
    modules: tuple[str, ...]

    @property
    def key(self) -> str:
        """The hash of the names and contents of the files."""
        with _readable(self.source):
            return content_key([[name, file_sha256(self.folder / name)] for name in self.files])

    def copied_into(self, folder: Path) -> OwnTests:
        """The same tests in `folder`, which is emptied first. ConfigError for a file that cannot be read."""
        with disk_errors_as_unavailable(folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        for name in self.files:
            source, goal = self.folder / name, folder / name
            with _readable(source):
                reading = source.open("rb")
            with reading, disk_errors_as_unavailable(goal):
                goal.parent.mkdir(parents=True, exist_ok=True)
                with goal.open("wb") as writing:
                    shutil.copyfileobj(reading, writing)
                # Readable whatever the mode of the original: engines cannot override permissions, even as root.
                goal.chmod(0o644)
        return OwnTests(source=self.source, folder=folder, files=self.files, modules=self.modules)

    def given_to(self, job: ModuleJob) -> ModuleJob:
        """The job of one of these modules, with the files for its guests."""
        mount = Mount(host=self.folder, guest=TESTS_MOUNT)
        return replace(job, own=True, mounts=(*job.mounts, mount), options=("--testdir", TESTS_MOUNT))

    def sizes(self) -> dict[str, int]:
        """Bytes of source of each module, a package's files added up."""
        found = {}
        for module in self.modules:
            stem = module.replace(".", "/")
            files = [name for name in self.files if name == f"{stem}.py" or name.startswith(f"{stem}/")]
            found[module] = sum((self.folder / name).stat().st_size for name in files)
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            "source": str(self.source),
            "folder": str(self.folder),
            "files": list(self.files),
            "modules": list(self.modules),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> OwnTests:
        return cls(
            source=Path(data["source"]),
            folder=Path(data["folder"]),
            files=tuple(data["files"]),
            modules=tuple(data["modules"]),
        )


def find_tests(path: str) -> OwnTests:
    """The tests that the user named with `--tests`. ConfigError, with the path, for what cannot be read, what is
    neither a folder nor a Python file, and for a folder without a test module.
    """
    source = expanded(Path(path))
    with _readable(source):
        kind = stat.S_IFMT(source.stat().st_mode)
    if kind == stat.S_IFREG and source.suffix == ".py":
        return _of_file(source)
    if kind != stat.S_IFDIR:
        raise ConfigError(f"--tests {path} is neither a folder nor a .py file", hint=_HINT)
    package = source.name.startswith("test_") and (source / "__init__.py").is_file()
    root = source.parent if package else source
    files = tuple(sorted(path.relative_to(root).as_posix() for path in _files_below(source, source, {"bytes": 0})))
    modules = tuple(sorted(_package(root, files, source.name) if package else _modules(root, files)))
    if not modules:
        raise ConfigError(f"--tests {path} holds no test module", hint=_HINT)
    return OwnTests(source=source, folder=root, files=files, modules=modules)


def _of_file(source: Path) -> OwnTests:
    with _readable(source), source.open("rb"):
        pass
    if source.stem in _TAKEN:
        raise ConfigError(
            f"--tests {source}: {source.stem} is a module of the standard library, which would run in its place",
            hint=f"rename the file, for example to test_{source.name}",
        )
    return OwnTests(source=source, folder=source.parent, files=(source.name,), modules=(source.stem,))


@contextlib.contextmanager
def _readable(source: Path) -> Iterator[None]:
    """Raises a ConfigError with the path for what the operating system refuses in the block."""
    try:
        yield
    except OSError as error:
        raise ConfigError(f"--tests {error.filename or source}: {error.strerror}", hint=_HINT) from error
    except ValueError as error:
        raise ConfigError(f"--tests {source}: {error}", hint=_HINT) from error


def _files_below(folder: Path, source: Path, seen: dict[str, int]) -> Iterator[Path]:
    """The regular files below the folder, links to files among them. Hidden files, caches of bytecode and links to
    folders are left out.
    """
    with _readable(folder):
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.startswith(".") or entry.name == "__pycache__" or entry.name.endswith(".pyc"):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(Path(entry.path), source, seen)
        elif entry.is_file():
            seen["files"] = seen.get("files", 0) + 1
            seen["bytes"] += entry.stat().st_size
            if seen["bytes"] > MAX_BYTES or seen["files"] > MAX_FILES:
                limit = f"{MAX_BYTES >> 20} MiB or {MAX_FILES:,} files"
                raise ConfigError(
                    f"--tests {source} holds more than {limit}", hint="name the folder of the tests alone"
                )
            yield Path(entry.path)


def _modules(root: Path, files: tuple[str, ...]) -> Iterator[str]:
    """The modules and packages at the top of the folder."""
    yield from (name.removesuffix(".py") for name in files if re.fullmatch(r"test_[^/]*\.py", name, re.DOTALL))
    for name in dict.fromkeys(name.partition("/")[0] for name in files if "/" in name):
        if name.startswith("test_"):
            yield from _package(root, files, name)


def _package(root: Path, files: tuple[str, ...], package: str) -> Iterator[str]:
    """The package, if it loads its tests itself, or else each module in it, as regrtest splits its large packages."""
    inner = package.replace(".", "/") + "/"
    text = ""
    if has_init := f"{inner}__init__.py" in files:
        with _readable(root / inner):
            text = (root / inner / "__init__.py").read_text(encoding="utf-8", errors="replace")
    parts = [name.removeprefix(inner) for name in files if name.startswith(f"{inner}test_")]
    stems = [name.removesuffix(".py") for name in parts if "/" not in name and name.endswith(".py")]
    folders = list(dict.fromkeys(part.partition("/")[0] for part in parts if "/" in part))
    below = [module for name in folders for module in _package(root, files, f"{package}.{name}")]
    # CPython's load_package_tests finds packages in the standard library only.
    loads = bool(_LOADER.search(text)) and "load_package_tests" not in text
    if has_init and (loads or not (stems or below) or "TestCase" in text):
        yield package
    if not loads:
        yield from (f"{package}.{stem}" for stem in stems)
        yield from below


def unimportable(module: str) -> ModuleResult | None:
    """The result of a module that no import statement can name; None for every other one."""
    if all(part.isidentifier() for part in module.split(".")) and module.isprintable():
        return None
    reason = f"{module!r} is not the name of a module: rename the file, with letters, digits and _ alone"
    case = CaseResult(case=module, outcome=Outcome.ERROR, detail=Detail(exception="ImportError", message=reason))
    return ModuleResult(
        module=module,
        outcome=case.outcome,
        seconds=0.0,
        attempts=0,
        complete=True,
        cases=(case,),
        detail=case.detail,
        own=True,
    )
