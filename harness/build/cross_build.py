"""From a cell to a finished build, which appears at its place complete or not at all.

The work tree of a build that failed or was killed is kept, and the next try continues there.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.build import incremental
from harness.build.artifact import (
    MANIFEST_SCHEMA,
    NO_LIBRARIES,
    Build,
    build_folder,
    build_inputs,
    source_record,
    time_of_build,
    wasm_record,
)
from harness.build.build_python import build_python_folder, ensure_build_python
from harness.build.environment import clean_build_env
from harness.build.libraries import Libraries
from harness.build.recipes.cpython_tree import Tree, read_tree
from harness.build.recipes.emscripten_script import check_llvm
from harness.build.recipes.model import HostBuild, Layout, Recipe, Step
from harness.build.recipes.targets import guest_platform, host_recipe, layout_of, seen_by_configure
from harness.build.stage import link_to, make_read_only, stage
from harness.build.steps import run_recipe, run_step
from harness.errors import BuildError, ConfigError, UnavailableError
from harness.matrix.cells import Cell
from harness.project import CACHE_VARIABLE
from harness.sources import Source
from harness.toolchains import Toolchain, toolchain_environment
from harness.util.files import disk_errors_as_unavailable, remove_tree, write_atomically
from harness.util.hashing import content_key
from harness.util.locks import locked
from harness.util.paths import build_fault
from harness.util.process import Command, capture
from harness.util.progress import Progress

COMPILERS = ("gcc", "cc", "clang")  # in the order of CPython's configure
_TOOLS = {"C compiler": COMPILERS, "make": ("make",)}


def ensure_build(
    cell: Cell,
    source: Source,
    toolchain: Toolchain,
    cache: Path,
    *,
    jobs: int,
    libraries: Libraries = NO_LIBRARIES,
) -> Build:
    """The build of this cell, made now unless the cache has it. BuildError when a step fails."""
    tree = tree_of(cell, source)
    check_paths(cache, toolchain.root)
    final = build_folder(cell, source, toolchain, cache, libraries)
    if not final.exists():
        check_llvm(tree, toolchain.facts)
        # Steps: two for the build Python, two of most recipes, and staging, compiling and listing the library.
        progress = Progress(f"build {cell.id}", total=7)
        with locked(final.with_name(f"{final.name}.lock")) as lock:
            if not final.exists():
                inputs = build_inputs(cell, source, toolchain, libraries)
                with disk_errors_as_unavailable(final), incremental.one_at_a_time(source, cache):
                    _Builder(
                        cell=cell,
                        source=source,
                        tree=tree,
                        toolchain=toolchain,
                        libraries=libraries,
                        cache=cache,
                        jobs=jobs,
                        lock=lock,
                        progress=progress,
                    ).make(inputs, final)
    return Build.load(final)


def check_paths(*paths: Path) -> None:
    """ConfigError for a path with a character in it that breaks a build."""
    for path in paths:
        if fault := build_fault(path):
            raise ConfigError(
                fault,
                hint=f"give it another place: {CACHE_VARIABLE} moves the cache, WASI_SDK_PATH or EMSDK your toolchain",
            )


def check_tools(cache: Path) -> None:
    """UnavailableError when this machine lacks a tool to build with, and its cache has no build yet."""
    if any(path.is_dir() for path in (cache / "builds").glob("*")):
        return
    lacks = [name for name, programs in _TOOLS.items() if not any(map(shutil.which, programs))]
    if lacks:
        raise UnavailableError(
            f"CPython cannot be built here: there is no {' and no '.join(lacks)} on PATH",
            hint="install what is missing (Debian: build-essential); `python -m harness doctor` lists all of it; "
            "--bundle FILE tests a build that was made elsewhere",
        )


def tree_of(cell: Cell, source: Source) -> Tree:
    """What the source's build scripts say. ConfigError when it has no known one for this target."""
    tree = read_tree(source.root, f"CPython {source.version} from {source.origin}")
    layout_of(cell.target, tree)
    return tree


@dataclass(frozen=True, kw_only=True)
class _Builder:
    """What it takes to make one build. Every process that works on it keeps `lock` open."""

    cell: Cell
    source: Source
    tree: Tree
    toolchain: Toolchain
    libraries: Libraries
    cache: Path
    jobs: int
    lock: int
    progress: Progress

    @property
    def layout(self) -> Layout:
        return layout_of(self.cell.target, self.tree)

    def make(self, inputs: Mapping[str, Any], final: Path) -> None:
        work = self._work(final, inputs)
        logs = work / "logs"
        build_python = ensure_build_python(
            self.source, self.cache, other=work, jobs=self.jobs, progress=self.progress, held=(self.lock,)
        )
        config_cache = work / "config.cache"
        shared_cache = _shared_config_cache(self)
        if shared_cache.exists() and not config_cache.exists():
            work.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(shared_cache, config_cache)
        host = self._host(work / "view", build_python, config_cache)
        recipe = host_recipe(self.cell, host)
        self.progress.total += len(recipe.steps) - 2
        built = host.view / self.layout.build_folder
        steps = run_recipe(recipe, built, logs, self.progress, held=(self.lock,))
        _save_config_cache(config_cache, shared_cache)
        aside = work / "finished"
        remove_tree(aside)
        with self.progress.step("stage", f"into {final}"):
            platform = guest_platform(self.cell.target, self.toolchain.version)
            stage(self.source.root, built, aside / "root", self.layout.build_folder, platform)
            if library := incremental.compiled_library(work, self.source):
                incremental.link_bytecode(library, aside / "root" / "Lib")
        steps += self._finish(aside, build_python, logs)
        manifest = self._manifest(inputs, recipe, steps, aside, build_python)
        shutil.copytree(logs, aside / "logs")
        write_atomically(aside / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True))
        make_read_only(aside / "root")
        aside.rename(final)
        if incremental.is_kept(self.source):
            incremental.record_finished(work, self.source, final / "root" / "Lib")
        else:
            shutil.rmtree(work, ignore_errors=True)

    def _work(self, final: Path, inputs: Mapping[str, Any]) -> Path:
        """The folder in which the build is made. That of a checkout is kept for its next build."""
        if not incremental.is_kept(self.source):
            return self.cache / "work" / final.name
        work = self.cache / "work" / f"{self.cell.build_id}-checkout-{incremental.kept_key(self.source, inputs)}"
        incremental.prepare_folder(work, self.source, other=build_python_folder(self.source, self.cache))
        return work

    def _host(self, view: Path, build_python: Path, cache_file: Path) -> HostBuild:
        """The input of the recipe, with a view of the source: a folder of links that looks like a checkout, so that
        nothing is written into the source itself.
        """
        (view / self.layout.build_folder).mkdir(parents=True, exist_ok=True)
        for entry in self.source.root.iterdir():
            link_to(view / entry.name, entry)
        ask = "import sysconfig; print(sysconfig.get_config_var('BUILD_GNU_TYPE'))"
        triple = capture([str(build_python), "-c", ask], env=clean_build_env(os.environ))
        if len(triple.split()) != 1:
            raise BuildError(
                f"the build Python does not say for which machine it was built: {triple!r}",
                hint=f"remove {build_python.parent}, then give the command again",
            )
        # CPython's scripts look for the build Python under either name.
        for name in ("build", triple):
            place = view / "cross-build" / name
            place.mkdir(parents=True, exist_ok=True)
            for link in ("python", "build"):
                link_to(place / link, build_python.parent / link)
        return HostBuild(
            view=view,
            tree=self.tree,
            build_python=build_python,
            build_triple=triple,
            sdk=self.toolchain.root,
            env=toolchain_environment(self.toolchain, self.cache),
            jobs=self.jobs,
            cache_file=cache_file,
            libraries=self.libraries.roots,
        )

    def _finish(self, aside: Path, build_python: Path, logs: Path) -> list[dict[str, Any]]:
        """Compiles the staged library, which no guest then has to, and lists the suite's modules. Returns what the
        manifest says of both steps.
        """
        root = aside / "root"
        # As in CPython's own `make install`: these files are meant not to compile.
        skip = r"bad_coding|badsyntax|lib2to3(/tests)?/data"
        argv = (str(build_python), "-m", "compileall", "-q", "-j", str(self.jobs), "-x", skip, "Lib")
        compiling = Step(name="compile-library", command=_python(argv, root))
        compiled = run_step(compiling, logs / "compileall.log", self.progress, held=(self.lock,))
        asking = _python((str(build_python), "-m", "test", "--list-tests"), root / "Lib")
        list_tests = Step(name="list-tests", command=asking)
        listing = run_step(list_tests, logs / "list-tests.log", self.progress, held=(self.lock,))
        lines = (logs / "list-tests.log").read_text(encoding="utf-8").splitlines()
        modules = [line for line in lines if line.startswith("test") and " " not in line]
        if not modules:
            raise BuildError("regrtest lists no test module", hint=f"its output is in {logs / 'list-tests.log'}")
        write_atomically(aside / "modules.json", json.dumps(modules))
        return [compiled, listing]

    def _manifest(
        self,
        inputs: Mapping[str, Any],
        recipe: Recipe,
        steps: list[dict[str, Any]],
        aside: Path,
        build_python: Path,
    ) -> dict[str, Any]:
        source, toolchain = self.source, self.toolchain
        return {
            "schema": MANIFEST_SCHEMA,
            "inputs": dict(inputs),
            "cell": self.cell.build_id,
            "built": time_of_build(),
            "source": source_record(source),
            "python": source.version,
            "native": str(build_python),
            "layout": vars(self.layout),
            "toolchain": {
                "version": toolchain.version,
                "provider": toolchain.provider,
                "id": toolchain.id,
                **toolchain.facts,
            },
            "recipe": {"name": recipe.name, "version": recipe.version, "departures": list(recipe.departures)},
            "upstream": self.tree.upstream(self.cell.target),
            **self.libraries.manifest(),
            "steps": steps,
            "wasm": wasm_record(aside / "root" / self.layout.wasm),
        }


def _python(argv: tuple[str, ...], cwd: Path) -> Command:
    return Command(argv=argv, cwd=cwd, env=clean_build_env(os.environ))


def _shared_config_cache(making: _Builder) -> Path:
    """The cache file of configure that builds share in which configure finds the same."""
    configure = (making.source.root / "configure").read_bytes().decode("utf-8", "replace")
    # Its results include those that config.site forces, and the tree's script may pass flags of its own.
    tree, target = making.tree, making.cell.target
    given = [tree.texts[tree.config_site(target)], tree.texts[tree.script(target)]]
    parts, libraries = [configure, *given, making.toolchain.id, seen_by_configure(making.cell)], making.libraries.ids
    return making.cache / "configure" / f"{content_key([*parts, *([libraries] if libraries else [])])}.cache"


def _save_config_cache(config_cache: Path, shared: Path) -> None:
    """Shares configure's results, without the environment that it ran in: the paths of another build are different."""
    shared.parent.mkdir(parents=True, exist_ok=True)
    lines = config_cache.read_text(encoding="utf-8", errors="surrogateescape").splitlines(keepends=True)
    lasting = "".join(line for line in lines if not line.startswith("ac_cv_env_"))
    aside = shared.with_name(f".{shared.name}.{os.getpid()}")
    aside.write_text(lasting, encoding="utf-8", errors="surrogateescape")
    aside.replace(shared)
