"""The modules that are never cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.suite.whole_modules import whole_modules


def test_the_rules_of_the_project_say_why() -> None:
    assert "test_mailbox" in whole_modules()
    assert all(len(reason.split()) > 5 for reason in whole_modules().values())


def test_a_rule_has_a_module_and_a_reason_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[[whole]]\nmodule = "test_x"\n[[whole]]\nmodule = "test_y"\nreason = "r"\nwhy = "w"\n[other]\n')
    with pytest.raises(ConfigError) as caught:
        whole_modules(path)
    assert [problem.line for problem in caught.value.problems] == [1, 6, 7]
