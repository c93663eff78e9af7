"""From observations to the answers of a cell, its probes.json and the table of all cells."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest

from harness.diagnostics import probe as probe_module
from harness.diagnostics.probe import PROBES_FOLDER, packages_for, probe_cells, run_probes
from harness.engines.protocol import Ending, GuestExit, GuestRun, Watch
from harness.errors import ConfigError, UnavailableError
from harness.limitations.findings import CellProbes, answer_all, load_probes, probes_for, write_probes
from harness.limitations.findings_table import markdown, summary_line, text_table
from harness.limitations.observation import Did, Finding, Observation
from harness.limitations.registry import Limitation, Registry, load_registry
from harness.matrix.conditions import Condition, condition_values
from harness.matrix.files import load_matrix
from harness.results.cell_results import load_results, write_results
from harness.run.prepare import BuildRequest
from harness.run.prepared import Prepared
from harness.targets import Engine, Target
from tests.probe_findings import FINDINGS, PAGE, load_findings, seed_statements, seed_table
from tests.unit.refusals import no_build
from tests.unit.sample_results import usual

SHIPPED = Path(__file__).parents[3] / "expected_failures" / "limitations.toml"
MATRICES = Path(__file__).parents[3] / "matrices"
SEED = seed_statements(load_registry(SHIPPED))
WASI: dict[str, str | bool] = {"target": "wasi", "pthreads": False}


def limitation(name: str, *probes: str, **changes: object) -> Limitation:
    values: dict[str, object] = {
        "id": name,
        "section": "Files",
        "statement": f"{name} does not work.",
        "source": f"https://x.org/#{name}",
        "targets": (Target.WASI,),
        "probes": probes,
        "fails": ("missing",) if probes else (),
    }
    return Limitation(**(values | changes))  # type: ignore[arg-type]


REGISTRY = Registry(
    {
        item.id: item
        for item in (
            limitation("links", "files.link"),
            limitation("positioned-io", "files.pread", "files.preadv"),
            limitation("threads", "threads.start", when=Condition((("pthreads", True),))),
            limitation("pages", unprobed="no browser"),
            limitation("sockets", "network.accept", targets=(Target.EMSCRIPTEN,)),
        )
    }
)
MISSING = {"did": Did.ERROR, "kinds": ("AttributeError",), "message": "no such function"}


def observed() -> dict[str, Observation]:
    return {
        "files.link": Observation(probe="files.link", did=Did.WORKS),
        "files.pread": Observation(probe="files.pread", did=Did.WORKS),
        "files.preadv": Observation(probe="files.preadv", **MISSING),  # type: ignore[arg-type]
    }


def cell(name: str = "wasi") -> CellProbes:
    return CellProbes(cell=name, tested={"python": "3.13.5"}, answers=answer_all(REGISTRY, WASI, observed()))


def test_a_cell_runs_the_probes_of_what_is_documented_for_it() -> None:
    assert probes_for(REGISTRY, WASI) == ("files.link", "files.pread", "files.preadv")
    assert probes_for(REGISTRY, WASI | {"pthreads": True})[-1] == "threads.start"
    assert probes_for(REGISTRY, WASI | {"target": "emscripten"}) == ("network.accept",)


def test_every_limitation_has_an_answer() -> None:
    answers = cell().answers
    assert {name: answer.finding for name, answer in answers.items()} == {
        "links": Finding.LIFTED,
        "positioned-io": Finding.DIFFERS,
        "threads": Finding.NOT_APPLICABLE,
        "pages": Finding.NOT_APPLICABLE,
        "sockets": Finding.NOT_APPLICABLE,
    }
    assert answers["threads"].reason == "documented where pthreads"
    assert answers["pages"].reason == "no browser"
    assert answers["sockets"].reason == "documented for emscripten"


@pytest.mark.parametrize(
    ("seen", "finding", "reason"),
    [
        ({}, Finding.NOT_APPLICABLE, "`probe --web-example` tries it, in Chromium"),
        ({"page.run": Observation(probe="page.run", did=Did.WORKS)}, Finding.LIFTED, ""),
    ],
)
def test_what_is_said_of_the_page_alone_has_an_answer_where_the_page_was_tried(
    seen: dict[str, Observation], finding: Finding, reason: str
) -> None:
    item = dataclasses.replace(limitation("page"), probes=(), page_probes=("page.run",), fails=("error",))
    answer = answer_all(Registry({item.id: item}), WASI, seen)[item.id]
    assert (answer.finding, answer.reason, answer.observations) == (finding, reason, tuple(seen.values()))


def test_what_was_seen_in_the_page_counts_with_what_a_guest_did() -> None:
    item = dataclasses.replace(limitation("both"), probes=("files.dup",), page_probes=("page.run",), fails=("error",))
    seen = observed() | {
        "files.dup": Observation(probe="files.dup", did=Did.WORKS),
        "page.run": Observation(probe="page.run", **MISSING),  # type: ignore[arg-type]
    }
    registry = Registry({item.id: item})
    answers = answer_all(registry, WASI, seen)
    assert (answers[item.id].finding, len(answers[item.id].observations)) == (Finding.DIFFERS, 2)
    lines = text_table(registry, [CellProbes(cell="x", tested={}, answers=answers)]).splitlines()
    assert lines[-1] == "both, x: differs (dup works; page.run AttributeError: no such function)"


def test_what_could_not_be_tried_is_not_among_what_was_seen() -> None:
    item = dataclasses.replace(limitation("some"), probes=("files.dup", "files.umask"), fails=("error",))
    seen = {
        "files.dup": Observation(probe="files.dup", did=Did.NOT_APPLICABLE, message="there is no file"),
        "files.umask": Observation(probe="files.umask", did=Did.WORKS),
    }
    registry = Registry({item.id: item})
    cells = [CellProbes(cell="x", tested={}, answers=answer_all(registry, WASI, seen))]
    assert text_table(registry, cells).splitlines()[-1] == "some, x: lifted (umask works)"


def test_the_answers_come_back_from_their_file(tmp_path: Path) -> None:
    for name in ("wasi", "wasi-debug"):
        (tmp_path / name).mkdir()
        write_probes(tmp_path / name, cell(name))
    assert load_probes(tmp_path) == (cell("wasi"), cell("wasi-debug"))


def test_the_answers_go_into_the_results_that_are_there(tmp_path: Path) -> None:
    write_results(tmp_path / "results.json", usual())
    write_probes(tmp_path, cell())
    found = load_results(tmp_path / "results.json")
    assert found.probes["links"]["finding"] == "lifted"
    assert msgspec.structs.replace(found, probes={}) == usual()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2}', '{"schema": 1, "cell": "x", "tested": {}}'])
def test_a_file_without_answers_is_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / "wasi").mkdir()
    (tmp_path / "wasi" / "probes.json").write_text(text)
    with pytest.raises(ConfigError, match=r"wasi/probes\.json holds no results of probes"):
        load_probes(tmp_path)


def test_the_table_sets_cells_side_by_side_and_says_what_was_seen() -> None:
    other = CellProbes(
        cell="other",
        tested={},
        answers=answer_all(REGISTRY, WASI, observed() | {"files.link": Observation(probe="files.link", **MISSING)}),  # type: ignore[arg-type]
    )
    lines = text_table(REGISTRY, [cell(), other]).splitlines()
    assert lines[0].split() == ["statement", "documented", "wasi", "other"]
    assert lines[1].split() == ["links", "missing", "lifted", "holds"]
    assert not any("pages" in line for line in lines)
    assert lines[-2] == ("positioned-io, wasi: differs (pread works; preadv AttributeError: no such function)")
    assert summary_line(cell()) == "wasi: 5 statements: 1 lifted, 1 differs, 3 not applicable"


def test_the_page_names_each_source() -> None:
    page = markdown(REGISTRY, [cell()])
    assert "| [links](https://x.org/#links): links does not work. | missing | lifted |" in page
    assert page.count("\n|---|---|---|\n") == 1


class ScriptedEngine:
    """An engine whose guests say `words`, and hang when there are none."""

    def __init__(self, words: str) -> None:
        self.words = words
        self.guests: list[GuestRun] = []

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        self.guests.append(guest)
        scratch = next(mount.host for mount in guest.mounts if mount.guest == "/tmp")
        assert not list(scratch.iterdir())
        (scratch / "left").touch()
        guest.output.write_text(self.words)
        if self.words:
            return GuestExit(ending=Ending.EXITED)
        while not (reason := watch()):
            pass
        return GuestExit(ending=Ending.STOPPED, reason=reason)

    def close(self) -> None:
        pass


def probe(engine: ScriptedEngine, folder: Path) -> dict[str, Observation]:
    names = ("files.umask", "files.dup")
    return run_probes(names, engine, folder, python="/p", mounts=(), env={"A": "b"}, timeout=0.05)


def test_each_probe_has_an_instance_and_an_empty_folder_of_its_own(tmp_path: Path) -> None:
    engine = ScriptedEngine('\nprobe: {"did": "works"}\n')
    assert {name: seen.did for name, seen in probe(engine, tmp_path / "probes").items()} == {
        "files.umask": Did.WORKS,
        "files.dup": Did.WORKS,
    }
    assert [guest.argv for guest in engine.guests] == [("/p", "/probes", "files.umask"), ("/p", "/probes", "files.dup")]
    assert engine.guests[0].env == {"A": "b"}
    assert sorted(path.name for path in (tmp_path / "probes").iterdir()) == ["files.dup.txt", "files.umask.txt"]


def test_what_is_typed_is_the_input_of_an_interactive_interpreter(tmp_path: Path) -> None:
    engine = ScriptedEngine('\nprobe: {"did": "works"}\n')
    run_probes(("shell.interactive",), engine, tmp_path / "probes", python="/p", mounts=(), env={})
    (guest,) = engine.guests
    assert guest.argv == ("/p", "-i", "-q", "/probes", "shell.interactive")
    assert guest.input is not None
    assert guest.input.read_text() == "6 * 7\nanswer()\n"


def test_a_probe_that_never_answers_is_stopped(tmp_path: Path) -> None:
    seen = probe(ScriptedEngine(""), tmp_path / "probes")["files.dup"]
    assert (seen.did, seen.message) == (Did.TIMEOUT, "no answer in 0 s")


def test_every_shipped_limitation_has_a_probe_or_says_why_not() -> None:
    limitations = load_registry(SHIPPED).limitations.values()
    assert [item.id for item in limitations if not (item.probes or item.page_probes or item.unprobed)] == []
    assert len([item for item in limitations if item.probes]) >= 90


def test_the_seed_statements_have_probes_and_the_rest_a_reason() -> None:
    unprobed = {item.id: item.unprobed for item in SEED if not item.probes and not item.page_probes}
    assert len(SEED) == 41
    assert unprobed == {"thread-with-dynamic-linking": "it is advice"}


def test_the_documentation_has_the_answers_of_the_seed_statements() -> None:
    """docs/limitations.md shows what tests/data/probe-findings.toml has, which a test holds against real runs."""
    text = (SHIPPED.parents[1] / "docs" / "limitations.md").read_text(encoding="utf-8")
    assert seed_table(SEED, load_findings(FINDINGS)) in text
    probed = sum(bool(item.probes or item.page_probes) for item in SEED)
    assert f"{probed} of the {len(SEED)} statements" in text


def test_every_statement_with_a_probe_has_an_expected_finding_for_each_of_its_targets() -> None:
    expected = load_findings(FINDINGS)
    for cell in ("wasi", "emscripten-3.1.69"):
        facts = condition_values(load_matrix(MATRICES).cell(cell), python="3.13.5")
        items = load_registry(SHIPPED).limitations.values()
        assert set(expected[cell]) == {item.id for item in items if item.probes and item.holds_for(facts)}


def test_every_statement_that_the_page_is_asked_for_has_an_expected_finding() -> None:
    items = load_registry(SHIPPED).limitations.values()
    assert set(load_findings(FINDINGS)[PAGE]) == {item.id for item in items if item.page_probes}


def test_every_probe_of_the_registry_exists_and_every_probe_is_used() -> None:
    defined = set()
    for path in set(PROBES_FOLDER.glob("[!_]*.py")) - {PROBES_FOLDER / "observed.py"}:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.args.args and not node.name.startswith("_"):
                defined.add(f"{path.stem}.{node.name}")
    wanted = {probe for item in load_registry(SHIPPED).limitations.values() for probe in item.probes}
    assert wanted - defined == set()
    assert defined - wanted == set()


def prepared(engine: Engine, cache: Path) -> Prepared:
    """The part of a prepared cell that the choice of its packages looks at."""
    return cast("Prepared", SimpleNamespace(cell=SimpleNamespace(id="cell", engine=engine), cache=cache))


def test_only_node_gets_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.diagnostics.probe.obtain_package", lambda *_, **__: tmp_path / "node_modules")
    found = {engine for engine in Engine if packages_for(prepared(engine, tmp_path), "") == tmp_path / "node_modules"}
    assert found == {Engine.NODE}


def test_without_npm_the_probes_run_and_say_what_they_lack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert packages_for(prepared(Engine.NODE, tmp_path), "") is None
    assert "the sockets of cell are not tried, ws is not available: npm is needed" in said[-1]


def test_cells_are_checked_before_the_first_is_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(probe_module, "prepare", no_build)
    monkeypatch.setenv("PATH", str(tmp_path))
    node = "emscripten-3.1.69"
    with pytest.raises(ConfigError, match=f"--on-page is for cells that run in a browser, and {node} runs under node"):
        probe_cells([f"{node}-chromium", node], BuildRequest(), "", on_page=True)
    with pytest.raises(ConfigError, match=r"there is no cell 'emscripten-3\.1\.6'"):
        probe_cells([node, "emscripten-3.1.6"], BuildRequest(), "")
    with pytest.raises(UnavailableError, match="this machine has no Firefox"):
        probe_cells([node, f"{node}-firefox"], BuildRequest(), "")
