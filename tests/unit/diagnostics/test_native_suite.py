"""The native reference: a run of the build Python that is asked like a guest."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.build.artifact import Build
from harness.diagnostics import native_suite
from harness.diagnostics.native_suite import check_has_native, refer, with_native
from harness.diagnostics.oracle import Question, consult
from harness.engines.native import host_path, journal_number, native_command
from harness.engines.protocol import JOURNAL, GuestRun, Mount
from harness.errors import ConfigError, UnavailableError
from harness.limitations.native_results import load_reference, reference_folder
from harness.manifest import Manifest
from harness.results.outcomes import CaseResult, ModuleResult, Outcome, encode_module
from harness.run.prepare import BuildRequest
from harness.run.prepared import Prepared
from tests.unit.sample_cells import EMSCRIPTEN

MOUNTS = (Mount(host=Path("/w/agent"), guest="/harness"), Mount(host=Path("/w/scratch"), guest="/tmp", writable=True))


@pytest.mark.parametrize(
    ("word", "path"),
    [
        ("/harness", "/w/agent"),
        ("/tmp/x/y", "/w/scratch/x/y"),
        ("/tmpfile", "/tmpfile"),
        ("test_json", "test_json"),
        ("-u", "-u"),
    ],
)
def test_a_mount_is_only_a_name(word: str, path: str) -> None:
    assert host_path(word, MOUNTS) == path


def test_a_native_run_works_in_its_scratch_folder_with_little_of_our_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    argv = ("/tmp/cache/python", "/harness", "/tmp/1.jsonl", "test_json")
    command = native_command(GuestRun(argv=argv, mounts=MOUNTS, output=Path("/w/out"), env={"A": "b"}))
    # The program itself is no guest's path, even when it lies below one of the host's.
    assert command.argv[-4:] == ("/tmp/cache/python", "/w/agent", "/w/scratch/1.jsonl", "test_json")
    assert command.cwd == Path("/w/scratch")
    assert command.env["HOME"] == command.env["TMPDIR"] == "/w/scratch"
    assert command.env["A"] == "b"
    assert "PYTHONPATH" not in command.env


def test_the_journal_of_a_native_run_has_a_number_that_its_process_may_have() -> None:
    assert [journal_number(limit) for limit in (-1, JOURNAL + 1, 4096)] == [JOURNAL, JOURNAL, 4095]
    argv = ("/python", "/harness", str(JOURNAL), "test_json")
    run = GuestRun(argv=argv, mounts=MOUNTS, output=Path("/w/out"), journal=Path("/w/1.jsonl"))
    assert native_command(run, 4095).argv[-6:] == ("/w/1.jsonl", "4095", "/python", "/w/agent", "4095", "test_json")


def test_the_references_of_two_states_of_a_checkout_are_two(tmp_path: Path) -> None:
    """Its build Python stays where it is."""
    states = [Manifest(native="/n/checkout-1/python", inputs={"source": source}) for source in ("3.15.0-a", "3.15.0-b")]
    folders = [reference_folder(state, tmp_path).name for state in states]
    assert folders == ["3.15.0-a-checkout-1", "3.15.0-b-checkout-1"]
    own = Manifest(native="/n/3.13.5-a-key/python", inputs={"source": "3.13.5-a"})
    assert reference_folder(own, tmp_path).name == "3.13.5-a-key"


def test_a_reference_belongs_to_its_build_python(tmp_path: Path) -> None:
    manifest = Manifest(native="/cache/natives/3.13.5-abc/python")
    folder = reference_folder(manifest, tmp_path)
    assert folder == tmp_path / "references" / "3.13.5-abc"
    assert load_reference(manifest, tmp_path) == ()
    case = CaseResult(case="test.test_a.T.x", outcome=Outcome.PASS)
    result = ModuleResult(
        module="test.test_a", outcome=Outcome.PASS, seconds=1.0, attempts=1, complete=True, cases=(case,)
    )
    (folder / "modules").mkdir(parents=True)
    (folder / "modules" / "test.test_a.json").write_text(encode_module(result))
    assert load_reference(manifest, tmp_path) == (result,)


def test_an_interpreter_that_somebody_else_has_built_has_no_native_python() -> None:
    check_has_native("wasi")
    for compare in (
        lambda cell: consult(Question(cell=cell), BuildRequest()),
        lambda cell: refer(cell, BuildRequest(), (), 1),
    ):
        with pytest.raises(ConfigError, match="has no native Python of the same source"):
            compare("pyodide-0.29.5")


def with_suite(folder: Path, native: str = "") -> Prepared:
    manifest = Manifest.from_json({"python": "3.13.2", "native": native, "suite": {"version": "3.13.5"}})
    build = Build(folder=folder, manifest=manifest)
    return Prepared(cell=EMSCRIPTEN, build=build, runtime=folder, cache=folder)


def test_a_native_python_that_is_named_takes_the_place_of_the_build_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_has_native("pyodide-0.29.5", named="/usr/bin/python3")
    check_has_native("wasi", prebuilt="python.wasm", named="/usr/bin/python3")
    monkeypatch.setattr(native_suite, "capture", lambda argv: "3.13.5" if argv[0] == "/usr/bin/python3" else "")
    found = with_native(with_suite(tmp_path), "/usr/bin/python3").build.manifest
    assert found.native == "/usr/bin/python3"
    # Its results are its own, even when its folder has the same name as that of another one.
    folders = {reference_folder(each, tmp_path, in_place=True) for each in (found, Manifest(native="/bin/python3"))}
    assert len(folders) == 2


def test_a_native_python_of_another_version_or_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_suite, "capture", lambda argv: "3.13.2" if argv[0] == "/usr/bin/python3" else "")
    with pytest.raises(ConfigError, match=r"/usr/bin/python3 is Python 3\.13\.2, and the suite is that of 3\.13\.5"):
        with_native(with_suite(tmp_path), "/usr/bin/python3")
    with pytest.raises(UnavailableError, match="is no Python that can run the suite"):
        with_native(with_suite(tmp_path), "/nowhere/python3")
    with pytest.raises(UnavailableError, match="is not on this machine: /elsewhere/python") as refused:
        with_native(with_suite(tmp_path, "/elsewhere/python"), "")
    assert "--native PATH" in refused.value.hint
    (tmp_path / "python").touch()
    own = with_suite(tmp_path, str(tmp_path / "python"))
    assert with_native(own, "") is own
