"""A small stand-in for what runs GitHub's workflows: it evaluates their expressions, runs every `run:` for real, and
plays checkout, cache and artifacts with folders. What it does not know it refuses, so that no step is passed over.
"""

from __future__ import annotations

import fnmatch
import itertools
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|&&|\|\||==|!=|!|[(),]|[\w.-]+)")
# The keys of `github` that a runner has as variables, and the beginnings of our variables that a runner does not have.
_GIVEN = {"run_id", "run_attempt", "ref", "ref_name", "event_name", "server_url", "repository"}
_OURS = ("PYTEST", "PYTHON", "WASM_", "GITHUB_")
_WORDS = {"&&": "and", "||": "or", "!": "not", "true": "True", "false": "False", "null": "None"}


def load_workflow(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(path)
    return loaded


def evaluate(text: str, contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> Any:
    """The value of an expression without its braces. A context that is not there is an error, a key of it is null."""

    def look_up(name: str) -> Any:
        head, *rest = name.split(".")
        value: Any = contexts[head]
        for key in rest:
            value = (value or {}).get(key)
        return value

    words, at = [], 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        assert found, f"no expression: {text!r}"
        at, word = found.end(), found[1]
        if word.startswith("'"):
            words.append(repr(word[1:-1].replace("''", "'")))
        elif word in _WORDS or word in functions or not re.match(r"[\w-]", word):
            words.append(_WORDS.get(word, word))
        else:
            words.append(f"look_up({word!r})")
    return eval(" ".join(words), {"look_up": look_up, **functions})  # noqa: S307, RUF100 - our own workflows


@dataclass
class StepRun:
    """A `run:` step that was run."""

    job: str
    name: str
    status: int
    output: str


@dataclass
class Service:
    """What outlives a job. `folder` holds artifacts and caches, `origin` is the repository that is checked out, `path`
    the programs, `machine(workspace, job)` makes a job's machine ready after its checkout, and `env` is what it has in
    its environment, by the name of the job.
    """

    folder: Path
    origin: Path
    path: str
    github: dict[str, Any]
    machine: Callable[[Path, str], None]
    inputs: dict[str, str] = field(default_factory=dict)
    env: dict[str, dict[str, str]] = field(default_factory=dict)
    steps: list[StepRun] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)
    summaries: str = ""

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts" / str(self.github["run_id"])

    @property
    def caches(self) -> Path:
        return self.folder / "caches"

    def run(self, workflow: Mapping[str, Any], *, only: tuple[str, ...] = ()) -> dict[str, str]:
        """The result of each job: success, failure or skipped."""
        needs: dict[str, Any] = {}
        for name, job in workflow["jobs"].items():
            if only and name not in only:
                continue
            wanted = job.get("needs", [])
            above = {key: needs[key] for key in ([wanted] if isinstance(wanted, str) else wanted)}
            results: list[str] = []
            outputs: dict[str, str] = {}
            for number, matrix in enumerate(self._matrix(job, above, workflow)):
                run = Job(service=self, workflow=workflow, name=name, job=job, needs=above, matrix=matrix)
                results.append(run.run(self.folder / "machines" / f"{self.github['run_id']}-{name}-{number}"))
                outputs |= run.outputs
            needs[name] = {"result": max(results, key=["skipped", "success", "failure"].index), "outputs": outputs}
        return {name: need["result"] for name, need in needs.items()}

    def _matrix(self, job: Mapping[str, Any], needs: Any, workflow: Any) -> Iterator[dict[str, Any]]:
        matrix = job.get("strategy", {}).get("matrix", {})
        if isinstance(matrix, str):
            probe = Job(service=self, workflow=workflow, name="", job={}, needs=needs, matrix={})
            yield from json.loads(json.dumps(probe.value(matrix)))["include"]
        else:
            # Each of the values does the same; one shows that it works.
            yield {key: values[0] for key, values in matrix.items()}


@dataclass
class Job:
    """One job on a machine of its own."""

    service: Service
    workflow: Mapping[str, Any]
    name: str
    job: Mapping[str, Any]
    needs: Mapping[str, Any]
    matrix: Mapping[str, Any]
    outputs: dict[str, str] = field(default_factory=dict)
    workspace: Path = Path()
    failed: bool = False
    known: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    posts: list[Callable[[], object]] = field(default_factory=list)

    def value(self, text: Any) -> Any:
        """A string of the workflow with its expressions evaluated; one that is an expression alone may be anything."""
        if not isinstance(text, str):
            return text
        contexts = {
            "github": self.service.github | {"workspace": str(self.workspace)},
            "inputs": self.service.inputs,
            "runner": {"os": "Linux", "arch": "X64"},
            "matrix": self.matrix,
            "needs": self.needs,
            "steps": self.known,
            "env": self.env,
        }
        functions: dict[str, Callable[..., Any]] = {
            "fromJSON": json.loads,
            "format": str.format,
            "cancelled": lambda: False,
            "failure": lambda: self.failed,
            "success": lambda: not self.failed,
        }
        whole = _EXPRESSION.fullmatch(text.strip())
        if whole:
            return evaluate(whole[1], contexts, functions)

        def substituted(found: re.Match[str]) -> str:
            value = evaluate(found[1], contexts, functions)
            return "" if value is None else str(value)

        return _EXPRESSION.sub(substituted, text)

    def wanted(self, condition: Any) -> bool:
        """An `if:`; without a function such as `always()` it holds only while nothing has failed."""
        if condition is None:
            return not self.failed
        text = condition if "${{" in condition else f"${{{{ {condition} }}}}"
        asks_for_a_status = re.search(r"\b(cancelled|failure|success|always)\(", text)
        return bool(self.value(text)) and (bool(asks_for_a_status) or not self.failed)

    def run(self, machine: Path) -> str:
        self.failed = any(need["result"] != "success" for need in self.needs.values())
        if not self.wanted(self.job.get("if")):
            return "skipped"
        self.failed = False
        self.workspace = machine / "workspace"
        self.workspace.mkdir(parents=True)
        for env in (self.workflow.get("env", {}), self.job.get("env", {})):
            self.env |= {name: str(self.value(text)) for name, text in env.items()}
        for number, step in enumerate(self.job["steps"]):
            if self.wanted(step.get("if")):
                self._step(step, machine / f"step-{number}")
        if not self.failed:
            for post in self.posts:
                post()
        self.outputs |= {name: self.value(text) or "" for name, text in self.job.get("outputs", {}).items()}
        return "failure" if self.failed else "success"

    def _step(self, step: Mapping[str, Any], files: Path) -> None:
        files.mkdir()
        outputs: dict[str, str] = {}
        if "run" in step:
            outputs = self._run(step, files)
        else:
            action, _, _ = step["uses"].partition("@")
            given = {name: self.value(text) for name, text in step.get("with", {}).items()}
            outputs = _ACTIONS[action](self, given)
        if "id" in step:
            self.known[step["id"]] = {"outputs": outputs}

    def _run(self, step: Mapping[str, Any], files: Path) -> dict[str, str]:
        assert "${{" not in step["run"], "an expression in a script is a way in"
        assert self.workflow["defaults"]["run"]["shell"].split()[0] == "bash"
        names = {name: files / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for path in names.values():
            path.touch()
        given = {name: str(self.value(text)) for name, text in step.get("env", {}).items()}
        kept = {name: text for name, text in os.environ.items() if not name.startswith(_OURS)}
        github = {f"GITHUB_{name.upper()}": text for name, text in self.service.github.items() if name in _GIVEN}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.workspace,
            env=kept
            | {"PATH": self.service.path, "CI": "true"}
            | self.service.env.get(self.name, {})
            | github
            | {name: str(path) for name, path in names.items()}
            | self.env
            | given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        self.service.steps.append(StepRun(self.name, step.get("name", ""), done.returncode, done.stdout))
        self.service.summaries += names["GITHUB_STEP_SUMMARY"].read_text()
        self.failed |= done.returncode != 0
        return dict(line.split("=", 1) for line in names["GITHUB_OUTPUT"].read_text().splitlines())


def _checkout(job: Job, given: Mapping[str, Any]) -> dict[str, str]:
    assert given == {"persist-credentials": False}
    subprocess.run(["git", "clone", "-q", str(job.service.origin), str(job.workspace)], check=True)
    job.service.machine(job.workspace, job.name)
    return {}


def _setup_python(job: Job, given: Mapping[str, Any]) -> dict[str, str]:
    """Any version is that of the tests' own interpreter: its environment is on the path already."""
    assert given["python-version"]
    return {}


def _files(workspace: Path, patterns: str) -> list[Path]:
    """The files that lines of patterns mean, folders with all that is in them; none that is hidden."""
    lines = patterns.split()
    left_out = [line[1:] for line in lines if line.startswith("!")]
    found = set()
    for line in (line for line in lines if not line.startswith("!")):
        for path in workspace.glob(line.rstrip("/")):
            found |= {file for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()}
    return sorted(
        file
        for file in found
        if not any(
            fnmatch.fnmatch(parent.relative_to(workspace).as_posix(), pattern)
            for parent in itertools.takewhile(lambda parent: parent != workspace, (file, *file.parents))
            for pattern in left_out
        )
    )


def _root(workspace: Path, patterns: str) -> Path:
    """The folder that the paths of an artifact have in common: as far as their patterns have no wildcard."""
    fixed = []
    for line in patterns.split():
        if not line.startswith("!"):
            parts = itertools.takewhile(lambda part: "*" not in part, Path(line).parts)
            fixed.append(str(workspace.joinpath(*parts)))
    root = Path(os.path.commonpath(fixed))
    return root.parent if root.is_file() else root


def _copy(files: list[Path], root: Path, goal: Path) -> None:
    for file in files:
        place = goal / file.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, place)


def _upload(job: Job, given: Mapping[str, Any]) -> dict[str, str]:
    patterns = str(given["path"])
    files = [file for file in _files(job.workspace, patterns) if "/." not in f"/{file.relative_to(job.workspace)}"]
    place = job.service.artifacts / given["name"]
    assert not place.exists(), f"the artifact {given['name']} is there already"
    assert files or given.get("if-no-files-found") == "ignore", f"nothing for the artifact {given['name']}"
    _copy(files, _root(job.workspace, patterns), place)
    return {}


def _download(job: Job, given: Mapping[str, Any]) -> dict[str, str]:
    goal = job.workspace / given["path"]
    if "name" in given:
        if not (job.service.artifacts / given["name"]).is_dir():
            job.failed = True
            return {}
        names = [given["name"]]
    else:
        assert given["merge-multiple"] is True
        names = [path.name for path in job.service.artifacts.iterdir() if fnmatch.fnmatch(path.name, given["pattern"])]
    for name in names:
        shutil.copytree(job.service.artifacts / name, goal, dirs_exist_ok=True)
    return {}


def _cache_place(job: Job, key: str) -> Path:
    return job.service.caches / key.replace("/", "_")


def _restore(job: Job, given: Mapping[str, Any]) -> dict[str, str]:
    exact = _cache_place(job, given["key"])
    prefixes = given.get("restore-keys", "").split()
    older = [path for prefix in prefixes for path in job.service.caches.glob(f"{prefix}*")]
    found = exact if exact.is_dir() else max(older, key=lambda path: path.stat().st_mtime, default=None)
    if found:
        shutil.copytree(found, job.workspace, dirs_exist_ok=True)
        job.service.hits.append(found.name)
    return {"cache-hit": "true" if found == exact else "false" if found else ""}


def _save(job: Job, given: Mapping[str, Any]) -> dict[str, str]:
    if not (place := _cache_place(job, given["key"])).exists():
        place.mkdir(parents=True)
        _copy(_files(job.workspace, given["path"]), job.workspace, place)
    return {}


def _cache(job: Job, given: Mapping[str, Any]) -> dict[str, str]:
    outputs = _restore(job, given)
    if outputs["cache-hit"] != "true":
        job.posts.append(lambda: _save(job, given))
    return outputs


def _deploy(job: Job, given: Mapping[str, Any]) -> dict[str, str]:
    """Pages: the artifact `github-pages` has the site in `artifact.tar`."""
    assert given == {}
    with tarfile.open(job.service.artifacts / "github-pages" / "artifact.tar") as archive:
        archive.extractall(job.service.folder / "pages", filter="data")
    return {"page_url": "https://pages.example.org/"}


_ACTIONS: dict[str, Callable[[Job, Mapping[str, Any]], dict[str, str]]] = {
    "actions/checkout": _checkout,
    "actions/setup-python": _setup_python,
    "actions/upload-artifact": _upload,
    "actions/download-artifact": _download,
    "actions/cache": _cache,
    "actions/cache/restore": _restore,
    "actions/cache/save": _save,
    "actions/deploy-pages": _deploy,
}
