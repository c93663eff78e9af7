"""Libraries built by a false toolchain, by Debian's real one, and from Debian's real sources."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.build.libraries import Libraries, obtain_libraries
from harness.build.library_sources import obtain_library_source
from harness.build.recipes.emscripten import LIBFFI_LINK_FLAGS
from harness.build.recipes.libraries import RECIPES
from harness.errors import BuildError, UnavailableError
from harness.matrix.cells import Cell, Library
from harness.matrix.load import load_configuration
from harness.matrix.pins import LibraryPin, Pins
from harness.matrix.python_source import PythonSource
from harness.targets import Engine, Target
from harness.toolchains import Toolchain, obtain_toolchain
from harness.toolchains.emscripten.layout import emscripten_environment, node_of, without_foreign
from harness.util.cache import cache_root
from harness.util.download import connection_fault
from harness.util.log import show_log
from tests.integration.origin import Answer, Origin, serving

pytestmark = pytest.mark.integration

CELL = Cell(
    id="emscripten-1-deps",
    target=Target.EMSCRIPTEN,
    engine=Engine.NODE,
    toolchain="1",
    python=PythonSource.parse("3.13.5"),
    runtime="24",
    description="for a test",
    libraries=(Library.BZIP2,),
)
REQUIRED = dataclasses.replace(CELL, requires=(Library.BZIP2,))
RULES = "libbz2.a:\n\t@echo made with $(CFLAGS) as $$CPPFLAGS\n\t@{command}\n"


def packed(command: str = "echo archive > libbz2.a") -> bytes:
    """A source of bzip2 that `make` makes with this shell command, in no time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in {"Makefile": RULES.format(command=command), "bzlib.h": "/* */\n"}.items():
            member = tarfile.TarInfo(f"bzip2-1.2/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def pins_for(url: str, body: bytes) -> Pins:
    sha256 = hashlib.sha256(body).hexdigest()
    pin = LibraryPin(name=Library.BZIP2, version="1.2", url=f"{url}/bzip2-1.2.tar.gz", sha256=sha256)
    return Pins(library=(pin,))


class Bench:
    """A cache, a false toolchain, and an origin that has a false bzip2."""

    def __init__(self, folder: Path, origin: Origin, body: bytes) -> None:
        self.cache, self.origin = folder / "cache", origin
        self.pins = pins_for(origin.url, body)
        self.said: list[str] = []
        show_log(self.said.append)
        root = folder / "sdk"
        self.toolchain = Toolchain(id="em", kind="emscripten", version="1", provider="test", root=root, facts={})

    def obtain(self, cell: Cell = CELL) -> Libraries:
        return obtain_libraries(cell, self.toolchain, self.pins, self.cache, jobs=1)

    def logs(self) -> str:
        return "".join(path.read_text() for path in sorted(self.cache.glob("dependencies/*.logs/*")))

    def finished(self) -> list[str]:
        folders = self.cache.glob("dependencies/*")
        return [path.name for path in folders if path.suffix not in {".lock", ".logs"}]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    body = packed()
    with serving(Answer(body)) as origin:
        yield Bench(tmp_path, origin, body)


def test_a_library_is_built_once_for_all_cells_of_its_flags(bench: Bench) -> None:
    (first,) = bench.obtain().found
    assert {str(path.relative_to(first.root)) for path in first.root.rglob("*") if path.is_file()} == {
        *("include/bzlib.h", "lib/libbz2.a", "dependency.json")
    }
    assert (first.record["version"], first.record["provider"], first.record["toolchain"]) == ("1.2", "tarball", "em")
    assert first.record["steps"][0]["command"][0] == "make"
    assert bench.obtain(dataclasses.replace(CELL, pydebug=True)).found == (first,)
    (threaded,) = bench.obtain(dataclasses.replace(CELL, pthreads=True)).found
    assert threaded.id != first.id
    assert threaded.record["flags"] == ["-O2", "-pthread"]
    # The second one is another build of the same source.
    assert bench.origin.requests == ["/bzip2-1.2.tar.gz"]


def test_the_users_own_flags_do_not_get_into_a_library(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CFLAGS", "CPPFLAGS", "MAKEFLAGS", "EMCC_CFLAGS"):
        monkeypatch.setenv(name, "-DMINE")
    assert bench.obtain(REQUIRED).found
    assert "made with -O2 -Wall" in bench.logs()
    assert "DMINE" not in "".join(line for line in bench.logs().splitlines() if line.startswith("made"))


def test_an_archive_other_than_the_pinned_one_is_reported_with_both_hashes(tmp_path: Path) -> None:
    with serving(Answer(packed("echo another"))) as origin:
        bench = Bench(tmp_path, origin, packed())
        reason = bench.obtain().missing[Library.BZIP2]
        with pytest.raises(UnavailableError) as caught:
            bench.obtain(REQUIRED)
    assert f"wanted sha256 {bench.pins.library[0].sha256}" in reason
    assert "found  sha256" in reason
    assert "apt: no source package is pinned that has bzip2 1.2" in reason
    assert (caught.value.exit_code, bench.finished()) == (3, [])


def test_an_origin_that_cannot_be_reached_is_reported_and_asked_again(tmp_path: Path) -> None:
    body = packed()
    with serving(Answer(body)) as origin:
        bench = Bench(tmp_path, origin, body)
        pin = dataclasses.replace(bench.pins.library[0], url="http://127.0.0.1:1/bzip2-1.2.tar.gz")
        reached, bench.pins = bench.pins, Pins(library=(pin,))
        assert "127.0.0.1:1 cannot be reached" in bench.obtain().missing[Library.BZIP2]
        with pytest.raises(UnavailableError, match="cannot be reached") as caught:
            bench.obtain(REQUIRED)
        assert caught.value.exit_code == 3
        assert "goes on without it, unless the cell requires it" in caught.value.hint
        bench.pins = reached
        assert bench.obtain().found


def test_a_build_that_fails_is_reported_with_its_log_and_leaves_no_library(tmp_path: Path) -> None:
    body = packed("echo no such header: spam.h; exit 3")
    with serving(Answer(body)) as origin:
        bench = Bench(tmp_path, origin, body)
        libraries = bench.obtain()
        with pytest.raises(BuildError) as caught:
            bench.obtain(REQUIRED)
    assert libraries.found == ()
    assert "no such header: spam.h" in libraries.missing[Library.BZIP2]
    assert bench.said[-2].startswith("emscripten-1-deps goes without bzip2: build bzip2 1.2: the step bzip2-1 ended")
    assert caught.value.exit_code == 4
    assert "no such header: spam.h" in caught.value.message
    assert str(bench.cache / "dependencies") in caught.value.message
    assert "run it again by hand: cd " in caught.value.hint
    assert "no such header: spam.h" in bench.logs()
    assert bench.finished() == []
    # The command of the hint can be run.
    again = subprocess.run(
        caught.value.hint.partition(": ")[2], shell=True, capture_output=True, text=True, check=False
    )
    assert "no such header: spam.h" in again.stdout


def test_a_build_that_makes_nothing_is_reported(tmp_path: Path) -> None:
    body = packed("true")
    with serving(Answer(body)) as origin:
        bench = Bench(tmp_path, origin, body)
        with pytest.raises(BuildError, match=r"the build of bzip2 1\.2 made no libbz2\.a"):
            bench.obtain(REQUIRED)
    assert bench.finished() == []


PROGRAM = r"""
#include <bzlib.h>
#include <ffi.h>
#include <mpdecimal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static void times(ffi_cif *cif, void *result, void **arguments, void *by) {
  *(ffi_arg *)result = *(int *)arguments[0] * *(int *)by;
}

static double sum(int a, double b, long long c) { return a + b + c; }

int main(void) {
  char packed[256], back[64];
  uLongf size = sizeof packed, zlib_size = sizeof back;
  unsigned bzip2_size = sizeof packed, bzip2_back = sizeof back;
  compress((Bytef *)packed, &size, (const Bytef *)"zlib", 5);
  uncompress((Bytef *)back, &zlib_size, (const Bytef *)packed, size);
  puts(back);
  BZ2_bzBuffToBuffCompress(packed, &bzip2_size, "bzip2", 6, 9, 0, 0);
  BZ2_bzBuffToBuffDecompress(back, &bzip2_back, packed, bzip2_size, 0, 0);
  puts(back);

  sqlite3 *database;
  sqlite3_stmt *statement;
  sqlite3_open(":memory:", &database);
  sqlite3_prepare_v2(database, "select 'sqlite ' || cast(sqrt(49) as integer)", -1, &statement, 0);
  sqlite3_step(statement);
  puts((const char *)sqlite3_column_text(statement, 0));

  mpd_context_t context;
  mpd_init(&context, 30);
  context.traps = 0;
  mpd_t *one = mpd_new(&context), *seven = mpd_new(&context), *ratio = mpd_new(&context);
  mpd_set_i32(one, 1, &context);
  mpd_set_i32(seven, 7, &context);
  mpd_div(ratio, one, seven, &context);
  puts(mpd_to_sci(ratio, 1));

  ffi_type *three[] = {&ffi_type_sint, &ffi_type_double, &ffi_type_sint64};
  int a = 1, by = 2, (*code)(int);
  double b = 2.5, result;
  long long c = 1LL << 40;
  void *values[] = {&a, &b, &c};
  ffi_cif call, callback;
  ffi_prep_cif(&call, FFI_DEFAULT_ABI, 3, &ffi_type_double, three);
  ffi_call(&call, FFI_FN(sum), &result, values);
  ffi_closure *closure = ffi_closure_alloc(sizeof *closure, (void **)&code);
  ffi_prep_cif(&callback, FFI_DEFAULT_ABI, 1, &ffi_type_sint, three);
  ffi_prep_closure_loc(closure, &callback, times, &by, (void *)code);
  printf("%.1f %d\n", result, code(21));
  return 0;
}
"""


@pytest.mark.toolchain
def test_each_library_works_in_a_program_of_its_toolchain(tmp_path: Path) -> None:
    matrix, pins = load_configuration()
    cell, cache = matrix.cell("emscripten-3.1.69"), cache_root()
    toolchain = obtain_toolchain(cell, pins, cache)
    if not shutil.which("tclsh") and connection_fault(pins.library_pin(Library.SQLITE).url, 5):
        pytest.skip("the official SQLite is out of reach, and Debian's source takes tclsh")
    cell = dataclasses.replace(cell, libraries=tuple(Library), requires=tuple(Library))
    libraries = obtain_libraries(cell, toolchain, pins, cache, jobs=2)
    assert set(libraries.roots) == set(Library)
    (tmp_path / "program.c").write_text(PROGRAM)
    found = [f"-I{root}/include" for root in libraries.roots.values()]
    linked = [flag for library, root in libraries.roots.items() for flag in (f"-L{root}/lib", *RECIPES[library].libs)]
    flags = [flag for flag in LIBFFI_LINK_FLAGS if "RUNTIME_METHODS" not in flag]
    methods = "-sEXPORTED_RUNTIME_METHODS=stackAlloc,stackSave,stackRestore"
    env = without_foreign(os.environ) | emscripten_environment(toolchain, cache)
    argv = ["emcc", "-sWASM_BIGINT", *flags, methods, *found, "program.c", *linked, "-o", "program.js"]
    subprocess.run(argv, cwd=tmp_path, env=env, check=True)
    argv = [str(node_of(toolchain)), "program.js"]
    said = subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert said.splitlines() == [
        *("zlib", "bzip2", "sqlite 7", "0.142857142857142857142857142857", "1099511627779.5 42")
    ]


NEEDS_TCL = pytest.mark.skipif(not shutil.which("tclsh"), reason="Debian's source of SQLite takes tclsh")


@pytest.mark.toolchain
@pytest.mark.parametrize(
    "library", [pytest.param(each, marks=[NEEDS_TCL] if each is Library.SQLITE else []) for each in Library]
)
def test_debian_has_the_source_that_is_pinned(tmp_path: Path, library: Library) -> None:
    _, pins = load_configuration()
    pin = dataclasses.replace(pins.library_pin(library), url="http://127.0.0.1:1/none")
    source = obtain_library_source(pin, tmp_path)
    assert (source.version, source.provider, source.revision) == (pin.version, "apt", pin.sha256_of_apt)
    if library is Library.SQLITE:
        assert {path.name for path in source.root.iterdir()} == {"sqlite3.c", "sqlite3.h", "sqlite3ext.h"}
        assert f'#define SQLITE_VERSION        "{pin.version}"' in (source.root / "sqlite3.h").read_text()
