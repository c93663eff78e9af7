"""What is special to the Node engine: how a guest can end in it, and what it may not reach."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.engines import node as node_engine
from harness.engines.protocol import Ending, Mount
from harness.errors import EngineFailedError, UnavailableError
from harness.results.outcomes import Outcome
from harness.run.prepared import Prepared
from harness.suite.module import run_module
from harness.util.process import capture
from tests.integration.guests import NEEDS_NODE, NODE, Opener, node_session, opener, run
from tests.integration.test_engines import resumed

ROOT = Path(__file__).parents[2]
CHILD = Path(node_engine.__file__).with_name("child")
pytestmark = [pytest.mark.integration, NEEDS_NODE]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    with opener("node", tmp_path) as open_it:
        yield open_it


@pytest.mark.parametrize(
    ("name", "ending", "status"),
    [
        ("later", Ending.EXITED, 6),
        ("exit-in-a-thread", Ending.EXITED, 7),
        ("status-then-fault", Ending.EXITED, 4),
        ("process-exit", Ending.TRAPPED, 0),
        ("nothing", Ending.TRAPPED, 0),
    ],
)
def test_how_else_a_guest_ends(opened: Opener, tmp_path: Path, name: str, ending: Ending, status: int) -> None:
    session = opened(name)
    for _ in range(2):
        ended = run(session, tmp_path)
        assert (ended.ending, ended.status) == (ending, status)
    assert session.starts == 1


def test_a_guest_has_the_stack_that_is_asked_for(tmp_path: Path) -> None:
    deep = []
    for stack in (1 << 20, 1 << 20, 3 << 20):
        session = node_session(tmp_path, "recurse", stack=stack)
        with contextlib.closing(session):
            deep.append(len(run(session, tmp_path).frames))
    assert deep[0] == deep[1]
    assert 2.5 < deep[2] / deep[0] < 3.5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("process-exit", "ended with status 5"),
        ("nothing", "ended with status 0"),
        ("out-of-memory", "memory limit"),
        ("throws-a-number", "1234"),
    ],
)
def test_a_trap_says_which_and_leaves_the_engine_alive(opened: Opener, tmp_path: Path, name: str, words: str) -> None:
    session = opened(name)
    ended = run(session, tmp_path)
    assert ended.ending is Ending.TRAPPED
    assert words in ended.reason
    assert session.pid
    assert session.starts == 1


def test_a_guest_has_its_own_arguments_and_environment_and_not_those_of_the_harness(
    opened: Opener, tmp_path: Path
) -> None:
    run(opened("argv"), tmp_path)
    assert (tmp_path / "output.txt").read_text() == '["guest","one","value",null]'


def test_a_guest_cannot_read_the_requests_of_the_harness(opened: Opener, tmp_path: Path) -> None:
    session = opened("reads-input")
    assert run(session, tmp_path).ending is Ending.EXITED
    assert (tmp_path / "output.txt").read_text() == "0"
    assert run(session, tmp_path).ending is Ending.EXITED


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_node_cannot_override_file_permissions_even_for_root(opened: Opener, tmp_path: Path) -> None:
    run(opened("status-file"), tmp_path)
    lines = (tmp_path / "output.txt").read_text().splitlines()
    fields = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    overrides = 1 << 1 | 1 << 3  # CAP_DAC_OVERRIDE and CAP_FOWNER of <linux/capability.h>
    held = [name for name in ("CapInh", "CapPrm", "CapEff", "CapAmb") if int(fields[name], 16) & overrides]
    assert held == []
    assert fields["NoNewPrivs"] == "1"  # and so nothing that it starts can have them


def test_an_engine_that_a_guest_takes_down_is_data_and_starts_again(opened: Opener, tmp_path: Path) -> None:
    session = opened("kills-its-host")
    for _ in range(2):
        ended = run(session, tmp_path)
        assert ended.ending is Ending.ENGINE_DIED
        assert "signal 11" in ended.reason
    assert session.starts == 2


def test_a_node_that_is_not_there_is_reported(tmp_path: Path) -> None:
    missing = tmp_path / "node"
    session = node_session(tmp_path, "well", node=missing)
    with pytest.raises(UnavailableError, match=f"the engine did not start: cannot start {missing}: No such file or"):
        run(session, tmp_path)


def test_a_module_that_is_not_there_is_a_fault_of_the_engine(opened: Opener, tmp_path: Path) -> None:
    session = opened("well")
    (tmp_path / "well.mjs").unlink()
    with pytest.raises(EngineFailedError, match="Cannot find module"):
        run(session, tmp_path)


def test_a_host_script_that_breaks_is_a_fault_of_the_engine(opened: Opener, tmp_path: Path) -> None:
    session = opened("well")
    shutil.copytree(CHILD, tmp_path / "engines")
    *argv, _ = session._command.argv
    host = tmp_path / "engines" / "node_host.mjs"
    session._command = dataclasses.replace(session._command, argv=(*argv, str(host)))
    guest = host.with_name("node_guest.mjs")
    guest.write_text(guest.read_text(encoding="utf-8").replace("layFiles(", "layNothing("), encoding="utf-8")
    with pytest.raises(EngineFailedError, match="the engine could not run a guest"):
        run(session, tmp_path)
    host.write_text(
        host.read_text(encoding="utf-8").replace("  stopped = false;", "  process.exit(7);"), encoding="utf-8"
    )
    with pytest.raises(EngineFailedError, match="the engine process ended with status 7"):
        run(session, tmp_path)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("pausing-badly", '{"status":1}'),
        ("pausing-without-a-way-in", "its module lacks what a snapshot is taken by"),
        ("pausing-with-a-library", "it has loaded dynamic libraries"),
        ("pausing-with-a-file", "it has files open"),
        ("pausing-in-shared-memory", "its memory is shared between threads"),
    ],
)
def test_where_no_snapshot_can_be_taken_guests_run_from_their_start_and_the_log_says_so_once(
    opened: Opener, tmp_path: Path, name: str, why: str
) -> None:
    session = opened(name)
    for _ in range(2):
        assert resumed(session, tmp_path) == (0, "from the start\n")
    assert (tmp_path / "engine.log").read_text().splitlines() == [f"no snapshot: {why}"]


def test_what_a_guest_leaves_open_is_closed_before_the_next(opened: Opener, tmp_path: Path) -> None:
    session = opened("pausing-leaving-a-file")
    for _ in range(3):
        assert resumed(session, tmp_path) == (4, "pBGxy")
    opened_files = [str(file.readlink()) for file in Path(f"/proc/{session.pid}/fd").iterdir()]
    assert "/dev/zero" not in opened_files
    assert str(tmp_path / "output.txt") not in opened_files


REAL = pytest.mark.toolchain


@REAL
@pytest.mark.parametrize("module", ["test_json", "test_dict", "test_enum"])
def test_a_module_of_the_suite_runs_to_its_end(emscripten: Prepared, tmp_path: Path, module: str) -> None:
    """With deep recursion in it: Node's stack must not end before CPython's own limits do."""
    with contextlib.closing(emscripten.open_engine(tmp_path / "engine.log", 0)) as engine:
        job = emscripten.job(module, tmp_path / module, match=(), excluded=(), should_stop=lambda: False)
        result = run_module(job, engine)
    assert (result.outcome, result.attempts, result.complete) == (Outcome.PASS, 1, True), result
    assert len(result.cases) > 50


@REAL
def test_the_mode_of_a_link_is_changed_as_without_a_sandbox(emscripten: Prepared, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    shutil.copy(ROOT / "tests" / "data" / "test_modes_of_links.py", tmp_path / "given")
    with contextlib.closing(emscripten.open_engine(tmp_path / "engine.log", 0)) as engine:
        job = emscripten.job("test_modes_of_links", tmp_path / "run", match=(), excluded=(), should_stop=lambda: False)
        mounts = (*job.mounts, Mount(host=tmp_path / "given", guest="/given"))
        result = run_module(dataclasses.replace(job, own=True, mounts=mounts, options=("--testdir", "/given")), engine)
    assert (result.outcome, result.complete, len(result.cases)) == (Outcome.PASS, True, 3), result


# Emscripten finds its nodes again by every path today; these take a folder for what it was before.
GUARD = """
import {{ layFiles }} from "{files}";
const NODEFS = {{
  node_ops: {{}}, stream_ops: {{}}, realPath: (node) => node.path, flagsForNode: (flags) => flags,
}};
class ErrnoError {{ constructor(errno) {{ this.errno = errno; }} }}
const mounted = [];
const FS = {{
  ErrnoError, filesystems: {{ NODEFS }}, isDir: (mode) => mode === "folder", mkdirTree() {{}},
  mount: (kind, opts) => mounted.push({{ opts }}),
}};
layFiles(FS, [["{folder}", "/tmp", true]]);
const attempt = (path, mode) => {{
  try {{
    return NODEFS.realPath({{ path: "{folder}/" + path, mode, parent: null, mount: mounted[0] }}) && "allowed";
  }} catch (error) {{
    return error.errno;
  }}
}};
console.log(JSON.stringify([
  attempt("inside", "folder"), attempt("inside/new/newer", "folder"), attempt("file", "file"),
  attempt("out", "folder"), attempt("out/file", "file"), attempt("inside/up/file", "file"), NODEFS.flagsForNode(0),
]));
"""


def test_a_link_in_the_place_of_a_folder_that_emscripten_remembers_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    (folder / "inside").mkdir(parents=True)
    (folder / "out").symlink_to(tmp_path)
    (folder / "inside" / "up").symlink_to("../..")
    script = tmp_path / "guard.mjs"
    files = (CHILD / "node_files.mjs").as_uri()
    script.write_text(GUARD.format(files=files, folder=folder), encoding="utf-8")
    eacces = 2
    expected = ["allowed", "allowed", "allowed", eacces, eacces, eacces, os.O_NOFOLLOW]
    assert json.loads(capture([NODE, str(script)])) == expected


# What was a folder stays one until a call may have put a link in its place, or in that of a folder above it.
MOVED = """
import {{ renameSync, rmdirSync, symlinkSync }} from "node:fs";
import {{ layFiles }} from "{files}";
const NODEFS = {{
  node_ops: {{
    symlink(parent, name, target) {{
      rmdirSync(`${{parent.path}}/${{name}}`);
      symlinkSync(target, `${{parent.path}}/${{name}}`);
    }},
    rename(node, parent, name) {{
      NODEFS.realPath(node);
      renameSync(`${{parent.path}}/${{name}}`, `${{parent.path}}/aside`);
      renameSync(node.path, `${{parent.path}}/${{name}}`);
    }},
  }},
  stream_ops: {{}}, realPath: (node) => node.path,
}};
class ErrnoError {{ constructor(errno) {{ this.errno = errno; }} }}
const mounted = [];
const FS = {{
  ErrnoError, filesystems: {{ NODEFS }}, isDir: (mode) => mode === "folder", mkdirTree() {{}}, getPath: () => "/tmp",
  mount: (kind, opts) => mounted.push({{ opts }}),
}};
layFiles(FS, [["{folder}", "/tmp", true]]);
const at = (path, mode) => ({{ path: "{folder}" + path, mode, parent: null, mount: mounted[0] }});
const attempt = (path) => {{
  try {{ return NODEFS.realPath(at(path, "file")) && "allowed"; }} catch (error) {{ return error.errno; }}
}};
const found = [attempt("/one/two/file"), attempt("/other/file"), attempt("/one/two/file")];
{operation};
console.log(JSON.stringify([...found, attempt("/one/two/file"), attempt("/other/file")]));
"""


@pytest.mark.parametrize(
    ("operation", "after"),
    [
        ('NODEFS.node_ops.symlink(at("/one"), "two", "/")', [2, "allowed"]),
        ('NODEFS.node_ops.rename(at("/link"), at(""), "one")', [2, "allowed"]),
        ('NODEFS.node_ops.rename(at("/one", "folder"), at(""), "other")', ["allowed", "allowed"]),
        (
            'NODEFS.node_ops.rename(at("/one", "folder"), at(""), "other"); symlinkSync("/", at("/one").path)',
            [2, "allowed"],
        ),
    ],
)
def test_a_folder_is_looked_at_again_once_a_link_may_have_taken_its_place(
    tmp_path: Path, operation: str, after: list[object]
) -> None:
    folder = tmp_path / "scratch"
    (folder / "one" / "two").mkdir(parents=True)
    (folder / "other").mkdir()
    (folder / "link").symlink_to("/")
    script = tmp_path / "moved.mjs"
    files = (CHILD / "node_files.mjs").as_uri()
    script.write_text(MOVED.format(files=files, folder=folder, operation=operation), encoding="utf-8")
    assert json.loads(capture([NODE, str(script)])) == ["allowed"] * 3 + after


# From 3.1.74 on NODEFS makes Emscripten forget the node that a rename replaces, by the host's path; older ones do not.
RENAME = """
import {{ layFiles }} from "{files}";
class ErrnoError {{}}
const unlinked = [];
const NODEFS = {{
  node_ops: {{ rename(node, folder, name) {{ {body} }} }}, stream_ops: {{}}, realPath: (node) => node.path,
}};
const mounted = [];
const FS = {{
  ErrnoError, filesystems: {{ NODEFS }}, mkdirTree() {{}}, mount: (kind, opts) => mounted.push({{ opts }}),
  getPath: () => "/tmp/folder", unlink(path) {{ unlinked.push(path); throw new ErrnoError(); }},
}};
layFiles(FS, [["{folder}", "/tmp", true]]);
const node = {{ mount: mounted[0] }};
NODEFS.node_ops.rename(node, node, "new");
console.log(JSON.stringify(unlinked));
"""


@pytest.mark.parametrize(
    ("body", "unlinked"),
    [('try { FS.unlink("/host/new") } catch (e) {}', ["/tmp/folder/new", "/host/new"]), ("", [])],
)
def test_what_a_rename_replaces_is_forgotten_where_emscripten_means_to(
    tmp_path: Path, body: str, unlinked: list[str]
) -> None:
    script = tmp_path / "rename.mjs"
    files = (CHILD / "node_files.mjs").as_uri()
    script.write_text(RENAME.format(files=files, folder=tmp_path, body=body), encoding="utf-8")
    assert json.loads(capture([NODE, str(script)])) == unlinked


def test_a_guest_that_is_stopped_in_an_operation_on_files_says_where_it_was(opened: Opener, tmp_path: Path) -> None:
    ended = run(opened("loop-in-an-operation-on-files"), tmp_path, stop_after=2)
    assert ended.ending is Ending.STOPPED
    assert len(ended.frames) == 1


# What an operation on the host's files throws, and the limit of frames that it runs with.
STACKS = """
import {{ layFiles }} from "{child}/node_files.mjs";
class ErrnoError {{}}
const NODEFS = {{ node_ops: {{}}, stream_ops: {{}}, tryFSOperation: (operation) => operation() }};
layFiles({{ ErrnoError, filesystems: {{ NODEFS }}, mkdirTree() {{}}, mount() {{}} }}, []);
Error.stackTraceLimit = 5000;
const thrown = (operation) => {{
  try {{ return NODEFS.tryFSOperation(operation); }} catch (error) {{ return error.stack.split("\\n").length; }}
}};
const deepest = (depth) => (depth ? [deepest(depth - 1)][0] : thrown(() => {{ throw new RangeError("exhausted"); }}));
const endless = () => [endless()][0];
console.log(JSON.stringify([
  thrown(() => Error.stackTraceLimit), thrown(() => {{ throw new Error("ENOENT"); }}), deepest(1000) > 1000,
  thrown(endless) > 1, Error.stackTraceLimit,
]));
"""


def test_a_stack_is_collected_when_it_is_exhausted_and_not_when_the_host_fails(tmp_path: Path) -> None:
    script = tmp_path / "stacks.mjs"
    script.write_text(STACKS.format(child=CHILD.as_uri()), encoding="utf-8")
    assert json.loads(capture([NODE, str(script)])) == [0, 1, True, True, 5000]


# How long the thread sleeps while a guest asks for the time 2000 times, by a clock that goes on `step` ms each time.
NAPS = """
import {{ settingsFor }} from "{child}/emscripten_instance.mjs";
const compiled = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
const naps = [];
Atomics.wait = (cells, index, value, ms) => {{ naps.push(ms); time += ms; }};
let time = 1000;
function _emscripten_get_now() {{ return (time += {step}); }}
const imports = {{ env: {{ emscripten_get_now: _emscripten_get_now }} }};
settingsFor({{ argv: ["python"], compiled, ready() {{}} }}).instantiateWasm(imports, () => {{
  const times = Array.from({{ length: 2000 }}, imports.env.emscripten_get_now);
  const rising = times.every((one, at) => !at || one > times[at - 1]);
  console.log(JSON.stringify([rising, naps.length > 100, naps.at(0) ?? 0, Math.max(0, ...naps)]));
}});
"""


@pytest.mark.parametrize(
    ("step", "expected"), [(0.00005, [True, True, 0.05, 1]), (0.0002, [True, False, 0, 0])], ids=["sleep", "python"]
)
def test_a_busy_wait_yields_the_processor(tmp_path: Path, step: float, expected: list[object]) -> None:
    script = tmp_path / "naps.mjs"
    script.write_text(NAPS.format(child=CHILD.as_uri(), step=step), encoding="utf-8")
    assert json.loads(capture([NODE, str(script)])) == expected


@REAL
def test_a_guest_that_sleeps_takes_no_processor(emscripten: Prepared, tmp_path: Path) -> None:
    def seconds_of_processor(pid: int) -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    taken = []
    with contextlib.closing(emscripten.open_engine(tmp_path / "engine.log", 0)) as engine:
        for seconds in (0, 0, 3):
            before = seconds_of_processor(engine.pid) if engine.pid else 0.0  # type: ignore[attr-defined]
            guest = emscripten.guest_python(("-c", f"import time; time.sleep({seconds})"), (), tmp_path / "output")
            assert engine.run(guest, lambda: None).status == 0
            taken.append(seconds_of_processor(engine.pid) - before)  # type: ignore[attr-defined]
    assert taken[2] - taken[1] < 1.5, taken
