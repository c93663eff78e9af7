"""Every `run:` of the workflows, run here: a night from the plan to the proposal for the lists, and the night after.

GitHub is played by `workflow_runner.py`, and `gh` by a program that writes down how it was called, since there is no
GitHub here. All else is the real thing: the interpreter, whose suite is cut down to two modules so that it takes
seconds, pip, git, and each step's own words.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.build.keys import keys_of
from harness.build.stage import link_tree
from harness.bundles.index import FORMAT
from harness.errors import OriginError
from harness.matrix.load import load_configuration
from harness.run.prepared import Prepared
from harness.toolchains import WASI_SDK_PROVIDERS
from harness.util.files import remove_tree
from tests.integration.workflow_runner import Service, load_workflow

pytestmark = pytest.mark.toolchain
ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
MODULE = """
import unittest

class Night(unittest.TestCase):
    def test_falls(self):
        self.fail("in the night <b>")

    def test_stands(self):
        pass
"""
UNTIDY = """
import os
import unittest

class Untidy(unittest.TestCase):
    def test_alters_its_environment(self):
        os.environ["LEFT_BEHIND"] = "yes"
"""
GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" | head -n 1 >> "$(dirname "$0")/calls"
if test "$1 $2" = "pr list"; then cat "$(dirname "$0")/open"; fi
"""


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, text=True, capture_output=True, check=True).stdout


@dataclass
class Forge:
    """A repository, the programs of its runners, and a machine that has built the cell before."""

    folder: Path
    wasi: Prepared

    @property
    def origin(self) -> Path:
        return self.folder / "origin"

    @property
    def programs(self) -> Path:
        return self.folder / "programs"

    def make(self) -> None:
        """The files of this checkout, with empty lists and a tag for the one small cell."""
        for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
            if (ROOT / name).is_file() and not name.startswith(("expected_failures/wasi", "expected_failures/emsc")):
                (self.origin / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.origin / name)
        matrix = self.origin / "matrices" / "default.toml"
        text = matrix.read_text()
        assert 'tags = ["wasi", "nightly"]' in text
        matrix.write_text(text.replace('tags = ["wasi", "nightly"]', 'tags = ["wasi", "small"]', 1))
        git(self.origin, "init", "--quiet", "--initial-branch=main")
        git(self.origin, "add", "--all")
        git(self.origin, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "all")
        self.programs.mkdir()
        (self.programs / "gh").write_text(GH)
        (self.programs / "gh").chmod(0o755)
        (self.programs / "open").touch()
        subprocess.run([sys.executable, "-m", "venv", self.folder / "venv"], check=True)
        self._install()
        self._small_cache(self.folder / "warm")

    def _install(self) -> None:
        """What each job installs, from wherever pip is configured to look; later installations find it there."""
        argv = [str(self.folder / "venv" / "bin" / "pip"), "install", "--quiet", "--editable", f"{self.origin}[dev]"]
        done = subprocess.run(argv, text=True, capture_output=True, check=False)
        if done.returncode:
            raise OriginError(f"pip cannot install what the jobs need: {done.stderr.strip().splitlines()[-1]}")

    def _small_cache(self, cache: Path) -> None:
        """The tests' own cache, but for the build, which has three modules: one of CPython's, one that fails, and one
        that leaves its environment altered.
        """
        for name in ("sources", "runtimes", "compiled"):
            (cache / name).parent.mkdir(parents=True, exist_ok=True)
            (cache / name).symlink_to(self.wasi.cache / name)
        real = self.wasi.build.folder
        build = cache / "builds" / real.name
        link_tree(real / "root", build / "root", leave_out=())
        shutil.copytree(real / "logs", build / "logs")
        shutil.copy2(real / "manifest.json", build)
        (build / "modules.json").write_text('["test_bool", "test_night", "test_untidy"]')
        suite = build / "root" / "Lib" / "test"
        suite.chmod(0o755)
        (suite / "test_night.py").write_text(MODULE)
        (suite / "test_untidy.py").write_text(UNTIDY)

    def service(self, name: str, run_id: str, **inputs: str) -> Service:
        """GitHub, as far as a run of a workflow knows it. Its caches are those of the last run of that name."""
        service = Service(
            folder=self.folder / name,
            origin=self.origin,
            path=os.pathsep.join([str(self.folder / "venv" / "bin"), str(self.programs), os.environ["PATH"]]),
            github={
                "run_id": run_id,
                "run_attempt": "1",
                "ref": "refs/heads/main",
                "ref_name": "main",
                "event_name": "workflow_dispatch",
                "event": {"repository": {"default_branch": "main"}},
                "server_url": "https://forge.example.org",
                "repository": "somebody/harness",
                "token": "a token",
            },
            machine=self._machine,
            inputs=inputs,
        )
        # Those two would take a gigabyte; the machine that builds has them.
        keys = keys_of(self.wasi.cell, load_configuration()[1], FORMAT)
        for part in (f"source-Linux-X64-{keys.source}", f"toolchain-Linux-X64-{keys.toolchain}"):
            (service.caches / part).mkdir(parents=True, exist_ok=True)
        return service

    def _machine(self, workspace: Path, job: str) -> None:
        """A machine that builds has built before. The others have what the workflow brings them, and the module as
        wasmtime has compiled it, so that the test does not test wasmtime's compiler.
        """
        cache = workspace / "cache"
        if job not in {"build", "suite"}:
            cache.mkdir()
            (cache / "compiled").symlink_to(self.wasi.cache / "compiled")
            return
        shutil.copytree(self.folder / "warm", cache, symlinks=True, copy_function=os.link)
        provider = WASI_SDK_PROVIDERS.get(self.wasi.build.manifest.toolchain.provider)
        if provider:
            # An entry of its own, since its name may hold the path of the cache.
            pins = load_configuration()[1]
            pin = pins.wasi_sdk_pin(self.wasi.cell.toolchain)
            real, linked = provider.entry(pin, pins, self.wasi.cache), provider.entry(pin, pins, cache)
            assert real
            assert linked
            linked.mkdir(parents=True)
            shutil.copy2(real / "toolchain.json", linked)
            (linked / "sdk").symlink_to(real / "sdk")

    def gh_calls(self) -> list[str]:
        """How gh was called since the last time."""
        calls = (self.programs / "calls").read_text().splitlines()
        (self.programs / "calls").unlink()
        return calls


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory, wasi: Prepared) -> Iterator[Forge]:
    made = Forge(tmp_path_factory.mktemp("forge"), wasi)
    made.make()
    yield made
    remove_tree(made.folder)


def unsuccessful(service: Service) -> list[tuple[str, str, int]]:
    return [(step.job, step.name, step.status) for step in service.steps if step.status]


def output_of(service: Service, name: str) -> str:
    return next(step.output for step in service.steps if step.name == name)


def named_runs(workflow: str) -> set[tuple[str, str]]:
    jobs = load_workflow(WORKFLOWS / workflow)["jobs"]
    return {(name, step["name"]) for name, job in jobs.items() for step in job["steps"] if "run" in step}


def test_two_nights(forge: Forge) -> None:
    nightly = load_workflow(WORKFLOWS / "nightly.yml")
    first = forge.service("nights", "1", tag="small", shards="2")
    results = first.run(nightly)
    steps = "\n".join(f"{step.job}: {step.name}: {step.status}\n{step.output}" for step in first.steps)
    assert unsuccessful(first) == [("report", "The verdict", 1)], steps
    assert results == {name: "failure" if name == "report" else "success" for name in nightly["jobs"]}
    assert {(step.job, step.name) for step in first.steps} == named_runs("nightly.yml")
    assert sum(step.job == "test" and step.name == "Test" for step in first.steps) == 2

    # What people look at.
    case = "test.test_night.Night.test_falls"
    assert "2 unexpected" in first.summaries
    assert "the module altered the execution environment (--fail-env-changed)" in first.summaries
    assert f"<code>{case}</code>" in first.summaries
    assert "::error" in output_of(first, "Summary and annotations")
    (run,) = (first.artifacts / "report").glob("2*")
    judged = json.loads((run / "wasi" / "results.json").read_text())
    assert judged["run"]["complete"] is True
    assert sorted(judged["modules"]) == ["test_bool", "test_night", "test_untidy"]
    assert judged["run"]["fail_env_changed"] is True
    assert (run / "index.html").stat().st_size > 10_000
    assert "1 run" in ask_history(forge, first.artifacts / "report" / "history.sqlite", case)

    # What everybody looks at.
    assert "wasi" in (first.folder / "pages" / "index.html").read_text()
    assert (first.folder / "pages" / "cases" / "test.test_night" / f"{case}.html").is_file()

    # The proposal.
    changed = git(forge.origin, "diff", "main", "nightly/lists", "--", ".")
    assert {line for line in changed.splitlines() if line.startswith("+++")} == {
        "+++ b/expected_failures/wasi/test_night.toml"
    }
    assert f'+tests = ["{case}"]' in changed
    calls = forge.gh_calls()
    assert calls[:2] == ["auth setup-git", "pr list --head nightly/lists --state open --json number --jq .[].number"]
    assert calls[2].startswith(
        "pr create --base main --head nightly/lists --title The lists after a nightly run --body"
    )
    assert len(calls) == 3

    # The next night builds nothing, cuts by what this one took, and knows what was wrong before.
    (forge.programs / "open").write_text("7\n")
    second = forge.service("nights", "2", tag="small", shards="1")
    second.run(nightly)
    assert unsuccessful(second) == [("report", "The verdict", 1)]
    assert not [step for step in second.steps if step.job == "build"]
    assert [name.partition("-")[0] for name in second.hits] == ["history", "bundle", "history"]
    assert (
        json.loads((second.artifacts / "plan" / "durations" / "wasi.json").read_text()).keys()
        == judged["modules"].keys()
    )
    assert f"No regression since the run before ({run.name})" in second.summaries.replace("&#45;", "-")
    assert "2 run" in ask_history(forge, second.artifacts / "report" / "history.sqlite", case)
    assert forge.gh_calls()[2].startswith("pr edit 7 --body")


def test_a_cell_that_is_not_built_is_a_line_of_the_report(forge: Forge) -> None:
    service = forge.service("broken", "1", tag="small", shards="1")
    service.machine = spoilt
    results = service.run(load_workflow(WORKFLOWS / "nightly.yml"))
    assert results == {
        "plan": "success",
        "build": "failure",
        "test": "failure",
        "report": "failure",
        "propose": "skipped",
        "publish": "skipped",
    }
    assert ("build", "Build", 3) in unsuccessful(service)
    assert "1 cell without results: wasi (CPython 3.13.5 is not pinned" in service.summaries
    assert "| wasi | not available here: CPython 3.13.5 is not pinned" in service.summaries


def spoilt(workspace: Path, job: str) -> None:
    """A machine on which CPython is no longer pinned when it is to be built."""
    if job == "build":
        pins = workspace / "matrices" / "pins.toml"
        pins.write_text(pins.read_text().replace("3.13.5", "3.13.4"))


def test_ci(forge: Forge) -> None:
    service = forge.service("ci", "1")
    # Not the whole suite again inside one of its tests.
    service.env = {"tests": {"PYTEST_ADDOPTS": "-k test_errors"}}
    results = service.run(load_workflow(WORKFLOWS / "ci.yml"))
    assert unsuccessful(service) == [("suite", "Test", 1)], "\n".join(step.output for step in service.steps)
    assert results == {"lint": "success", "tests": "success", "plan": "success", "suite": "failure"}
    assert {(step.job, step.name) for step in service.steps} == named_runs("ci.yml")
    assert "1 unexpected" in service.summaries


def ask_history(forge: Forge, file: Path, case: str) -> str:
    argv = [str(forge.folder / "venv" / "bin" / "python"), "-m", "harness", "history", case, "--history", str(file)]
    return subprocess.run(argv, cwd=forge.origin, text=True, capture_output=True, check=True).stdout
