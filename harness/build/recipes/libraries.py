"""How each library is built for Emscripten, as a list of commands. Pure.

Each is built in a copy of its source, as a static library and nothing else. zlib, bzip2 and mpdecimal have build
scripts of their own, which are used as CPython's Platforms/emscripten uses them. SQLite is one file. libffi's
`configure` is in its release but not in its repository, nor in Debian's tarball: it is compiled by its few files for
this target, with what `configure` would find out there (Makefile.am and configure.ac of 3.4.8).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.build.recipes.model import Step
from harness.matrix.cells import Cell, Library
from harness.util.process import Command

# Changes when what a library is built of or with does, so that old ones are not taken for new ones.
VERSION = 1

Argv = tuple[str, ...]

# As Emscripten's own port of it (tools/ports/sqlite3.py of 3.1.69); configure has found them out.
_SQLITE = (
    *("HAVE_FDATASYNC", "HAVE_USLEEP", "HAVE_LOCALTIME_R", "HAVE_GMTIME_R", "HAVE_STRERROR_R", "HAVE_POSIX_FALLOCATE"),
    *("SQLITE_OMIT_LOAD_EXTENSION", "SQLITE_OMIT_POPEN", "SQLITE_ENABLE_MATH_FUNCTIONS", "SQLITE_ENABLE_FTS4"),
    *("SQLITE_ENABLE_FTS5", "SQLITE_ENABLE_RTREE", "SQLITE_ENABLE_GEOPOLY"),
)
# What `configure --disable-raw-api` finds out for wasm32-emscripten, and -DWASM_BIGINT, which CPython's make_libffi.sh
# gives: a long double is larger than a double, and code is not made by writing to memory.
_FFI = (
    *("STDC_HEADERS=1", "HAVE_ALLOCA_H=1", "HAVE_MEMCPY=1", 'FFI_HIDDEN=__attribute__((visibility("hidden")))'),
    *("HAVE_LONG_DOUBLE=1", "SIZEOF_DOUBLE=8", "SIZEOF_LONG_DOUBLE=16", "SIZEOF_SIZE_T=4"),
    *("FFI_NO_RAW_API=1", "WASM_BIGINT"),
)
_FFI_VALUES = {"TARGET": "wasm32", "HAVE_LONG_DOUBLE": "1", "FFI_EXEC_TRAMPOLINE_TABLE": "0"}
_FFI_FILES = ("closures", "java_raw_api", "prep_cif", "raw_api", "tramp", "types", "wasm32/ffi")


# Those that CPython's configure takes from Emscripten's ports unless it has other flags.
_PORTS = frozenset({Library.ZLIB, Library.BZIP2, Library.SQLITE})


@dataclass(frozen=True, kw_only=True)
class LibraryRecipe:
    """How one library is built, and what becomes of it.

    `commands` takes the flags, the number of jobs and the version. `products` are the finished files, by their place
    in the entry. `libs` is what links it, `variable` its name in the variables of CPython's configure.
    """

    variable: str
    libs: Argv
    commands: Callable[[Argv, int, str], tuple[Argv, ...]]
    products: Mapping[str, str]


def flags_of(cell: Cell) -> Argv:
    """The compiler's flags that a library must share with the CPython of this cell."""
    pic = ("-fPIC",) if cell.dynamic_linking else ()
    return ("-O2", *pic, *(("-pthread",) if cell.pthreads else ()))


def _zlib(_flags: Argv, jobs: int, _version: str) -> tuple[Argv, ...]:
    return ("emconfigure", "./configure", "--static"), ("emmake", "make", "--jobs", str(jobs), "libz.a")


def _bzip2(flags: Argv, jobs: int, _version: str) -> tuple[Argv, ...]:
    tools = ("CC=emcc", "AR=emar", "RANLIB=emranlib", f"CFLAGS={' '.join(flags)} -Wall -D_FILE_OFFSET_BITS=64")
    return (("make", "--jobs", str(jobs), "libbz2.a", *tools),)


def _sqlite(flags: Argv, _jobs: int, _version: str) -> tuple[Argv, ...]:
    safe = f"SQLITE_THREADSAFE={int('-pthread' in flags)}"
    defines = tuple(f"-D{name}" for name in (*_SQLITE, safe))
    return ("emcc", *flags, *defines, "-c", "sqlite3.c"), ("emar", "rcs", "libsqlite3.a", "sqlite3.o")


def _libffi(flags: Argv, _jobs: int, version: str) -> tuple[Argv, ...]:
    values = _FFI_VALUES | {"VERSION": version}
    changes = " ".join(f"-e 's/@{name}@/{value}/'" for name, value in values.items())
    header = f"sed {changes} include/ffi.h.in > include/ffi.h"
    configured = f"{header} && cp src/wasm32/ffitarget.h include/ && : > fficonfig.h"
    objects = tuple(f"{Path(name).name}.o" for name in _FFI_FILES)
    sources = tuple(f"src/{name}.c" for name in _FFI_FILES)
    defines = tuple(f"-D{name}" for name in _FFI)
    return (
        ("sh", "-c", configured),
        ("emcc", *flags, *defines, "-I.", "-Iinclude", "-c", *sources),
        ("emar", "rcs", "libffi.a", *objects),
    )


def _mpdecimal(flags: Argv, jobs: int, _version: str) -> tuple[Argv, ...]:
    configure = ("emconfigure", "./configure", "--disable-shared", "--disable-cxx", f"CFLAGS={' '.join(flags)}")
    return configure, ("emmake", "make", "--jobs", str(jobs))


RECIPES: Mapping[Library, LibraryRecipe] = {
    Library.ZLIB: LibraryRecipe(
        variable="ZLIB",
        libs=("-lz",),
        commands=_zlib,
        products={"include/zlib.h": "zlib.h", "include/zconf.h": "zconf.h", "lib/libz.a": "libz.a"},
    ),
    Library.BZIP2: LibraryRecipe(
        variable="BZIP2",
        libs=("-lbz2",),
        commands=_bzip2,
        products={"include/bzlib.h": "bzlib.h", "lib/libbz2.a": "libbz2.a"},
    ),
    Library.SQLITE: LibraryRecipe(
        variable="LIBSQLITE3",
        libs=("-lsqlite3", "-lm"),
        commands=_sqlite,
        products={
            "include/sqlite3.h": "sqlite3.h",
            "include/sqlite3ext.h": "sqlite3ext.h",
            "lib/libsqlite3.a": "libsqlite3.a",
        },
    ),
    Library.LIBFFI: LibraryRecipe(
        variable="LIBFFI",
        libs=("-lffi",),
        commands=_libffi,
        products={
            "include/ffi.h": "include/ffi.h",
            "include/ffitarget.h": "include/ffitarget.h",
            "lib/libffi.a": "libffi.a",
        },
    ),
    Library.MPDECIMAL: LibraryRecipe(
        variable="LIBMPDEC",
        libs=("-lmpdec", "-lm"),
        commands=_mpdecimal,
        products={"include/mpdecimal.h": "libmpdec/mpdecimal.h", "lib/libmpdec.a": "libmpdec/libmpdec.a"},
    ),
}


def library_steps(
    library: Library, version: str, flags: Argv, *, work: Path, env: Mapping[str, str], jobs: int
) -> tuple[Step, ...]:
    """The commands that build the library in `work`, a copy of its source."""
    commands = RECIPES[library].commands(flags, jobs, version)
    with_flags = dict(env) | {"CFLAGS": " ".join(flags)}
    return tuple(
        Step(name=f"{library}-{number}", command=Command(argv=argv, cwd=work, env=with_flags))
        for number, argv in enumerate(commands, 1)
    )


def configure_variables(libraries: Mapping[Library, Path]) -> tuple[str, ...]:
    """What tells CPython's configure about the libraries that are there, each in a folder with `include` and `lib`.

    It takes the port of Emscripten where it is given neither of a library's two variables; with flags that say nothing
    it looks for the library like anywhere else. With one of the two it would ask pkg-config for the other.
    """
    arguments: list[str] = []
    for library, recipe in RECIPES.items():
        if folder := libraries.get(library):
            arguments.append(f"{recipe.variable}_CFLAGS=-I{folder / 'include'}")
            arguments.append(f"{recipe.variable}_LIBS=-L{folder / 'lib'} {' '.join(recipe.libs)}")
        elif library in _PORTS:
            arguments.append(f"{recipe.variable}_CFLAGS=-I.")
    return tuple(arguments)
