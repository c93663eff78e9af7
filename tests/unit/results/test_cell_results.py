"""results.json: written whole, read back the same, and refused when it is something else."""

from __future__ import annotations

import gc
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.errors import ConfigError
from harness.results.cell_results import OtherSuite, load_results, load_verdicts, write_results
from harness.results.outcomes import Outcome
from tests.unit.sample_results import as_expected, case, expecting, module, of_other_suite, results, usual


def test_results_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "wasi" / "results.json"
    write_results(path, usual())
    assert load_results(path) == usual()
    assert [file.name for file in path.parent.iterdir()] == ["results.json"]


def test_what_is_not_utf8_survives_the_file(tmp_path: Path) -> None:
    odd = results(module("test_os", case("test_os.T.test_a", Outcome.FAIL, message="\udcff \x00 \u2028 \U0001f40d")))
    write_results(tmp_path / "results.json", odd)
    assert load_results(tmp_path / "results.json") == odd


def test_an_entry_that_belongs_to_no_module_of_the_run_survives_the_file(tmp_path: Path) -> None:
    missing = results(module("test_os", case("test_os.T.test_a")), entries=(expecting("test_gone.T.test_a"),))
    assert [row.module for row in missing.comparison.rows] == [""]
    write_results(tmp_path / "results.json", missing)
    assert load_results(tmp_path / "results.json") == missing


def test_the_file_has_the_documented_keys(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_results(path, usual())
    data = json.loads(path.read_text(encoding="utf-8"))
    assert list(data) == ["schema", "cell", "build", "engine", "identity", "run", "comparison", "modules"]
    assert data["schema"] == 1
    assert data["cell"]["id"] == "wasi"
    assert data["run"] == {
        "started": "2026-09-30T03:00:00+00:00",
        "seconds": 812.4,
        "command": "nox -s test-wasi",
        "complete": True,
        "interrupted": False,
        "seed": 42,
        "shard": "",
        "plan": "",
        "lacking": 0,
        "options": {},
        "tests": "",
        "fail_env_changed": False,
        "no_snapshot": "",
        "work": [],
        "changed": "",
    }
    assert data["modules"]["test_os"]["cases"]["test.test_os.StatTests.test_stat"] == {
        "outcome": "pass",
        "seconds": 0.25,
    }
    assert data["comparison"]["counts"] == {
        "as-expected": 3,
        "known": 1,
        "regression": 2,
        "fixed": 1,
        "changed": 1,
        "missing": 1,
        "flaky": 0,
        "other-version": 0,
    }
    assert {row["verdict"] for row in data["comparison"]["rows"]} == {
        "known",
        "regression",
        "fixed",
        "changed",
        "missing",
    }


def test_what_is_known_of_a_suite_of_another_version_survives_the_file_and_is_said(tmp_path: Path) -> None:
    found = of_other_suite(usual(), "test_os.LinkTests.test_unicode_name", "test_os.DeepTests.test_deep")
    write_results(tmp_path / "results.json", found)
    data = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    differing = ["test.test_os.LinkTests.test_unicode_name", "test.test_os.DeepTests.test_deep"]
    assert data["other_suite"] == {"differing": differing, "compared": "3.13.2", "not_compared": ""}
    assert data["comparison"]["counts"]["other-version"] == 2
    assert load_results(tmp_path / "results.json") == found
    some = "the tests are those of CPython 3.13.5, the interpreter is 3.13.2: some fail for that alone"
    assert found.suite_note == f"{some}; 2 cases of another version, by the tests of 3.13.2, are not unexpected"
    far = msgspec.structs.replace(found, other_suite=OtherSuite(differing=tuple(differing), compared="3.13.0"))
    by = "by the tests of 3.13.0, which stand in for those of 3.13.2,"
    assert far.suite_note == f"{some}; 2 cases of another version, {by} are not unexpected"
    why = "CPython 3.13.2 is not available"
    unknown = of_other_suite(usual(), why=why)
    assert unknown.suite_note == f"{some}; how many of the unexpected ones is not known: {why}"
    # Nothing is unexpected; an older harness compared nothing; the suite is the interpreter's own.
    assert of_other_suite(as_expected()).suite_note == some
    assert msgspec.structs.replace(unknown, other_suite=None).suite_note == some
    assert usual().suite_note == ""


def test_a_module_skipped_as_a_whole_counts_as_one_skip() -> None:
    assert usual().counts() == {
        Outcome.PASS: 2,
        Outcome.SKIP: 2,
        Outcome.ERROR: 2,
        Outcome.CRASH: 1,
        Outcome.FAIL: 1,
    }


def damage(**changes: Any) -> str:
    return json.dumps(usual().to_json() | changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"schema": 1, "cell"', "is not JSON"),
        ("[]", "holds no results of a cell"),
        ("{}", "holds no results of a cell: Object missing required field `schema`"),
        (damage(schema=2), "results of schema 2 cannot be read: this harness reads schema 1"),
        (damage(cell={"id": "wasi"}), "holds no results of a cell"),
        (damage(cell=usual().to_json()["cell"] | {"target": "jvm"}), "holds no results of a cell"),
        (damage(cell=usual().to_json()["cell"] | {"colour": "red"}), "holds no results of a cell"),
        (damage(modules={"test_os": {}}), "holds no results of a cell"),
        (damage(modules=None), "holds no results of a cell"),
        (
            damage(comparison={"counts": {"great": 1}, "rows": [], "followed": 0}),
            "holds no results of a cell",
        ),
        ("[" * 100_000, "holds no results of a cell"),
    ],
)
def test_what_is_not_results_is_reported_with_the_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        load_results(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("seconds", ["null", '"1"', "true", "[1]", "-0.1", "1e39", "1e400", "NaN"])
@pytest.mark.parametrize("of_case", [True, False])
def test_what_is_not_a_duration_is_refused(tmp_path: Path, seconds: str, of_case: bool) -> None:
    data = usual().to_json()
    module = data["modules"]["test_os"]
    (next(iter(module["cases"].values())) if of_case else module)["seconds"] = json.loads(seconds)
    (tmp_path / "results.json").write_text(json.dumps(data))
    with pytest.raises(ConfigError, match=r"holds no results of a cell: Expected `float`.* at `\$\.modules.*seconds`"):
        load_results(tmp_path / "results.json")


def test_a_missing_or_binary_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*: No such file"):
        load_results(tmp_path / "results.json")
    (tmp_path / "results.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not JSON"):
        load_results(tmp_path / "results.json")


def test_verdicts_are_loaded_without_their_modules(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_results(path, usual())
    found, had, outcomes = load_verdicts(path)
    assert outcomes == {"test_os": Outcome.CRASH, "test_json": Outcome.FAIL, "test_mmap": Outcome.SKIP}
    assert found == msgspec.structs.replace(usual(), modules=())
    assert had("test_os", "test.test_os.StatTests.test_stat")
    assert not had("test_os", "test.test_os.LinkTests.test_gone")
    assert not had("test_no", "test.test_os.StatTests.test_stat")
    assert gc.isenabled()
    path.write_text('{"schema": 1}', encoding="utf-8")
    with pytest.raises(ConfigError, match="holds no results of a cell"):
        load_verdicts(path)
    assert gc.isenabled()
