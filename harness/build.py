"""From a cell to a finished build: content-addressed, resumable, and in its place whole or not at all.

A build lies in `builds/<cell>-<key>`: `root` is what the guest sees as `/`, `manifest.json` says everything
that went in, `modules.json` lists the modules of the suite, `logs` holds the output of each step. The work
tree of a build that failed or was killed is kept and gone on with.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import kept
from harness.cache import content_key, disk_faults, locked, remove_tree, write_atomically
from harness.dependencies import Dependencies
from harness.errors import BuildError
from harness.matrix import Cell
from harness.process import Command, capture
from harness.progress import Progress
from harness.recipes import HostBuild, Layout, Recipe, Step, native
from harness.recipes.emscripten_script import check_llvm
from harness.recipes.targets import host_recipe, layout_of, recipe_version, seen_by_configure
from harness.recipes.tree import Tree, read_tree
from harness.sources import Source
from harness.stage import make_read_only, stage
from harness.steps import run_step
from harness.toolchains import Toolchain
from harness.toolchains.emscripten import shape

MANIFEST_SCHEMA = 2
NO_DEPENDENCIES = Dependencies()


@dataclass(frozen=True, kw_only=True)
class Build:
    """A finished build and the manifest of what made it."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def root(self) -> Path:
        """The folder that the guest sees as `/`."""
        return self.folder / "root"

    @property
    def wasm(self) -> Path:
        return self.root / str(self.manifest["layout"]["wasm"])

    @property
    def program(self) -> Path:
        """What the engine loads: the wasm itself, or the JavaScript module that goes with it."""
        return self.root / str(self.manifest["layout"]["program"])

    @functools.cached_property
    def tree(self) -> Tree:
        """The source tree that it was built from, which is a part of it."""
        return read_tree(self.root)

    @functools.cached_property
    def sysconfig(self) -> str:
        """The path at which the guest has the folder with the sysconfig data."""
        folder = str(self.manifest["layout"]["build_folder"])
        return f"/{folder}/{(self.root / folder / 'pybuilddir.txt').read_text().strip()}"

    def modules(self) -> tuple[str, ...]:
        """The suite's modules by regrtest's names, in regrtest's order."""
        return tuple(json.loads((self.folder / "modules.json").read_text()))

    @classmethod
    def load(cls, folder: Path) -> Build:
        return cls(folder=folder, manifest=json.loads((folder / "manifest.json").read_text()))


def build_inputs(
    cell: Cell, source: Source, toolchain: Toolchain, dependencies: Dependencies = NO_DEPENDENCIES
) -> dict[str, Any]:
    """Everything a build's content depends on; its hash names the build."""
    return _linked_with(dependencies) | {
        "manifest": MANIFEST_SCHEMA,
        "source": source.id,
        "toolchain": toolchain.id,
        "recipe": [recipe_version(cell.target), native.VERSION],
        "target": cell.target.value,
        "pthreads": cell.pthreads,
        "dynamic_linking": cell.dynamic_linking,
        "pydebug": cell.pydebug,
        "configure": list(cell.configure),
    }


def _linked_with(dependencies: Dependencies) -> dict[str, Any]:
    """A build without libraries keeps the key that it had before there were any."""
    return {"dependencies": list(dependencies.ids)} if dependencies.found else {}


def ensure_build(
    cell: Cell,
    source: Source,
    toolchain: Toolchain,
    cache: Path,
    *,
    jobs: int,
    dependencies: Dependencies = NO_DEPENDENCIES,
) -> Build:
    """The build of this cell, made now unless it is there. BuildError when a step fails."""
    tree = tree_of(cell, source)
    final = build_folder(cell, source, toolchain, cache, dependencies)
    if not final.exists():
        check_llvm(tree, toolchain.facts)
        progress = Progress(f"build {cell.id}", total=7)
        with locked(final.with_name(f"{final.name}.lock"), say=progress.say) as lock:
            if not final.exists():
                inputs = build_inputs(cell, source, toolchain, dependencies)
                with disk_faults(final), kept.alone(source, cache, say=progress.say):
                    builder = _Builder(cell, source, tree, toolchain, dependencies, cache, jobs, lock, progress)
                    builder.make(inputs, final)
    return Build.load(final)


def build_folder(
    cell: Cell, source: Source, toolchain: Toolchain, cache: Path, dependencies: Dependencies = NO_DEPENDENCIES
) -> Path:
    """Where the build is, or will be."""
    key = content_key(build_inputs(cell, source, toolchain, dependencies))
    return cache / "builds" / f"{cell.build_id}-{key}"


def tree_of(cell: Cell, source: Source) -> Tree:
    """What the source's build scripts say. ConfigError when it has none for this target that is known."""
    tree = read_tree(source.root, f"CPython {source.version} from {source.origin}")
    layout_of(cell.target, tree)
    return tree


@dataclass
class _Builder:
    cell: Cell
    source: Source
    tree: Tree
    toolchain: Toolchain
    dependencies: Dependencies
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
        build_python = self._native(work)
        config_cache = work / "config.cache"
        shared_cache = self._shared_config_cache()
        if shared_cache.exists() and not config_cache.exists():
            work.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(shared_cache, config_cache)
        host = self._host(work / "view", build_python, config_cache)
        recipe = host_recipe(self.cell, host)
        built = host.view / self.layout.build_folder
        steps = self._run_all(recipe, built, logs)
        _save(config_cache, shared_cache)
        aside = work / "finished"
        remove_tree(aside)
        with self.progress.step("stage", f"into {final}"):
            stage(self.source.root, built, aside / "root", self.layout.build_folder)
            if library := kept.compiled_library(work, self.source):
                kept.link_bytecode(library, aside / "root" / "Lib")
        steps += self._finish(aside, build_python, logs)
        manifest = self._manifest(inputs, recipe, steps, aside, build_python)
        shutil.copytree(logs, aside / "logs")
        write_atomically(aside / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True))
        make_read_only(aside / "root")
        aside.rename(final)
        if kept.is_kept(self.source):
            kept.keep(work, self.source, final / "root" / "Lib")
        else:
            shutil.rmtree(work, ignore_errors=True)

    def _work(self, final: Path, inputs: Mapping[str, Any]) -> Path:
        """Where the build is made. What a checkout has compiled there serves its next build."""
        if not kept.is_kept(self.source):
            return self.cache / "work" / final.name
        work = self.cache / "work" / f"{self.cell.build_id}-checkout-{kept.kept_key(self.source, inputs)}"
        kept.ready(work, self.source, beside=self._native_folder(), say=self.progress.say)
        return work

    def _native_folder(self) -> Path:
        """Where the build Python is made and stays."""
        name = f"{self.source.id}-{content_key([self.source.id, native.VERSION])}"
        if kept.is_kept(self.source):
            name = f"checkout-{kept.kept_key(self.source, {'native': native.VERSION})}"
        return self.cache / "natives" / name

    def _native(self, work: Path) -> Path:
        """The build Python of this source, made once and shared."""
        folder, root = self._native_folder(), self.source.root
        with locked(folder.with_name(f"{folder.name}.lock"), say=self.progress.say) as lock:
            if kept.is_kept(self.source):
                kept.ready(folder, self.source, beside=work, say=self.progress.say)
                # configure writes down where the source is: always at the same place.
                root = folder.with_name(f"{folder.name}.source")
                _link(root, self.source.root)
            if (folder / "done").exists():
                self.progress.total -= 2
            else:
                folder.mkdir(parents=True, exist_ok=True)
                configure = os.path.relpath(root / "configure", folder)
                recipe = native.native_recipe(work=folder, configure=configure, env=os.environ, jobs=self.jobs)
                self._run_all(recipe, folder, folder / "logs", held=(lock,))
                (folder / "done").touch()
            if kept.is_kept(self.source):
                kept.keep(folder, self.source)
        return folder / "python"

    def _host(self, view: Path, build_python: Path, cache_file: Path) -> HostBuild:
        """The view is a folder of links that looks like the checkout, so that nothing is written into the
        source.
        """
        (view / self.layout.build_folder).mkdir(parents=True, exist_ok=True)
        for entry in self.source.root.iterdir():
            _link(view / entry.name, entry)
        triple = capture(
            [str(build_python), "-c", "import sysconfig; print(sysconfig.get_config_var('BUILD_GNU_TYPE'))"]
        )
        # CPython's scripts look for the build Python under either name.
        for name in ("build", triple):
            _link_build_python(build_python.parent, view / "cross-build" / name)
        return HostBuild(
            view=view,
            tree=self.tree,
            build_python=build_python,
            build_triple=triple,
            sdk=self.toolchain.root,
            env=toolchain_environment(self.toolchain, self.cache),
            jobs=self.jobs,
            cache_file=cache_file,
            libraries=self.dependencies.roots,
        )

    def _shared_config_cache(self) -> Path:
        configure = (self.source.root / "configure").read_bytes().decode("utf-8", "replace")
        parts, libraries = [configure, self.toolchain.id, seen_by_configure(self.cell)], self.dependencies.ids
        return self.cache / "configure" / f"{content_key([*parts, *([libraries] if libraries else [])])}.cache"

    def _run_all(self, recipe: Recipe, work: Path, logs: Path, held: tuple[int, ...] = ()) -> list[dict[str, Any]]:
        """Runs the steps that an earlier, interrupted try has not finished; each leaves a mark when it is done.

        `held` are further locks that the steps' processes shall hold on to.
        """
        done = []
        for step in recipe.steps:
            mark = work / f".{step.name}.done"
            if mark.exists():
                self.progress.done += 1
                self.progress.say(f"{self.progress.title} {step.name}: finished by an earlier run")
                done.append(json.loads(mark.read_text()))
                continue
            record = self._run_step(step, logs / f"{step.name}.log", held)
            write_atomically(mark, json.dumps(record))
            done.append(record)
        return done

    def _run_step(self, step: Step, log: Path, held: tuple[int, ...] = ()) -> dict[str, Any]:
        return run_step(step, log, self.progress, held=(self.lock, *held))

    def _finish(self, aside: Path, build_python: Path, logs: Path) -> list[dict[str, Any]]:
        """Compiles the staged library, so that no guest does it again, and lists the suite's modules."""
        root = aside / "root"
        # As in CPython's own `make install`: these files do not compile on purpose.
        skip = r"bad_coding|badsyntax|test_lib2to3/data"
        argv = (str(build_python), "-m", "compileall", "-q", "-j", str(self.jobs), "-x", skip, "Lib")
        compiled = self._run_step(Step(name="compile-library", command=_python(argv, root)), logs / "compileall.log")
        listing = self._run_step(
            Step(
                name="list-tests",
                command=_python((str(build_python), "-m", "test", "--list-tests"), root / "Lib"),
            ),
            logs / "list-tests.log",
        )
        lines = (logs / "list-tests.log").read_text(encoding="utf-8").splitlines()
        modules = [line for line in lines if line.startswith("test") and " " not in line]
        if not modules:
            raise BuildError("regrtest lists no test module", hint=f"its words are in {logs / 'list-tests.log'}")
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
        import hashlib  # noqa: PLC0415 - only a build needs it

        wasm = (aside / "root" / self.layout.wasm).read_bytes()
        source, toolchain = self.source, self.toolchain
        return {
            "schema": MANIFEST_SCHEMA,
            "inputs": dict(inputs),
            "cell": self.cell.build_id,
            "built": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "source": {key: str(value) for key, value in vars(source).items() if key != "root"},
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
            **self.dependencies.manifest(),
            "steps": steps,
            "wasm": {"bytes": len(wasm), "sha256": hashlib.sha256(wasm).hexdigest()},
        }


def toolchain_environment(toolchain: Toolchain, cache: Path) -> dict[str, str]:
    """Ours, and what the toolchain needs in it."""
    if toolchain.kind != shape.KIND:
        return dict(os.environ)
    return shape.without_foreign(os.environ) | shape.emscripten_environment(toolchain, cache)


def _python(argv: tuple[str, ...], cwd: Path) -> Command:
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return Command(argv=argv, cwd=cwd, env=env)


def _link(link: Path, goal: Path) -> None:
    if link.is_symlink() and link.readlink() != goal:
        link.unlink()
    if not link.is_symlink():
        link.symlink_to(goal)


def _link_build_python(native: Path, place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for name in ("python", "build"):
        _link(place / name, native / name)


def _save(config_cache: Path, shared: Path) -> None:
    """configure's answers, without what its environment was: another build's paths are other ones."""
    shared.parent.mkdir(parents=True, exist_ok=True)
    lines = config_cache.read_text(encoding="utf-8", errors="surrogateescape").splitlines(keepends=True)
    kept = "".join(line for line in lines if not line.startswith("ac_cv_env_"))
    aside = shared.with_name(f".{shared.name}.{os.getpid()}")
    aside.write_text(kept, encoding="utf-8", errors="surrogateescape")
    aside.replace(shared)
