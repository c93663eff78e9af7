"""What zizmor does not ask of the workflows: bounds, one commit for each action, and the version next to it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

WORKFLOWS = sorted((Path(__file__).parents[2] / ".github" / "workflows").glob("*.yml"))
USES = re.compile(r"uses: (actions/[a-z-]+)(?:/\w+)?@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$")
# All other jobs may read the repository.
PERMISSIONS = {
    "propose": {"contents": "write", "pull-requests": "write"},
    "publish": {"pages": "write", "id-token": "write"},
}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_job_is_bounded_and_may_only_what_it_says(path: Path) -> None:
    workflow: dict[str, Any] = YAML(typ="safe").load(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert 0 < job["timeout-minutes"] <= 120, name
        assert job["permissions"] == (PERMISSIONS if path.stem == "nightly" else {}).get(name, {"contents": "read"})


def test_the_nightly_fails_for_a_module_that_alters_its_environment() -> None:
    nightly = next(path for path in WORKFLOWS if path.stem == "nightly")
    jobs: dict[str, Any] = YAML(typ="safe").load(nightly)["jobs"]
    (step,) = (step for step in jobs["test"]["steps"] if step.get("name") == "Test")
    assert "python -m harness test" in step["run"]
    assert "--fail-env-changed" in step["run"].split()


def test_an_action_is_one_commit_of_github_s_own_everywhere() -> None:
    lines = [line for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]
    found = [USES.search(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    pinned = {match.groups() for match in found if match}
    assert len({action for action, _, _ in pinned}) == len(pinned)
