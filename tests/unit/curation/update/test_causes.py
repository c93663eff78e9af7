"""Causes: failures as they were seen under Emscripten 3.1.69 and WASI, compared with this project's own registry."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.curation.update.causes import Causes, Scene, reason_of, text_of
from harness.curation.update.evidence import Failure, read_run, setting_of
from harness.expectations.entries import Expectation
from harness.limitations.findings import ProbeAnswer
from harness.limitations.observation import Did, Finding, Observation
from harness.limitations.registry import Limitation, Registry, load_registry
from harness.matrix.cells import Cell
from harness.results.outcomes import CaseResult, Detail, Outcome
from harness.targets import Target
from tests.unit.sample_lists import limitation
from tests.unit.sample_results import module, results
from tests.unit.sample_runs import NEW, OLD, WASI

REGISTRY = load_registry(Path(__file__).parents[4] / "expected_failures" / "limitations.toml")
ENOENT = "[Errno 44] No such file or directory: "
DELTA = "within 1e-06 delta"


def fails(signature: str, *, errno: bool = True) -> tuple[Observation, ...]:
    kind, _, number = signature.partition(" ")
    return (Observation(probe="a.b", did=Did.ERROR, kinds=(kind,), errno=(number,) if errno and number else ()),)


IDLE = (Observation(probe="a.b", did=Did.NO_EFFECT),)
SEEN = {
    "emscripten-one-time-of-a-file": IDLE,
    "emscripten-times-in-milliseconds": IDLE,
    "emscripten-rename-keeps-the-replaced": fails("FileExistsError EEXIST") + fails("FileNotFoundError ENOENT"),
    "emscripten-readlink-resolves": IDLE,
    "emscripten-no-file-through-a-link": fails("FileExistsError EEXIST"),
    "emscripten-no-enotdir": fails("PermissionError EACCES"),
    "emscripten-parent-of-nothing": IDLE,
    "emscripten-inode-of-an-entry": IDLE,
    "emscripten-no-list-of-descriptors": fails("NotADirectoryError ENOTDIR"),
    "emscripten-fstat": fails("FileNotFoundError ENOENT"),
    "wasi-paths-stay-below-their-folder": fails("PermissionError EPERM"),
}
PROBED = {
    name: ProbeAnswer(limitation=name, finding=Finding.HOLDS, observations=observations)
    for name, observations in SEEN.items()
}


def proposed(failure: Failure, *, cell: Cell = OLD, probed: dict[str, ProbeAnswer] | None = None) -> tuple[str, str]:
    found = PROBED if probed is None else probed
    scene = Scene(settings=[setting_of(cell)], probed=[found])
    cause = Causes(registry=REGISTRY).propose("test.test_x.X.test_y", failure, (failure.signature,), scene)
    return cause.limitation, cause.reason


@pytest.mark.parametrize(
    ("signature", "message", "line", "cause"),
    [
        (
            "FileExistsError EEXIST",
            "[Errno 20] File exists: 'a'",
            "os.mkdir(self._path, 0o700)",
            "rename-keeps-the-replaced",
        ),
        ("FileNotFoundError ENOENT", f"{ENOENT}'a'", "f = open(self._path, 'wb+')", "rename-keeps-the-replaced"),
        (
            "FileExistsError EEXIST",
            "[Errno 20] File exists",
            'with bltn_open(path, "wb") as t:',
            "no-file-through-a-link",
        ),
        ("FileNotFoundError ENOENT", ENOENT, "fdfstat = os.fstat(fd)", "fstat"),
        ("PermissionError EACCES", "[Errno 2] Permission denied: 'a'", "_os.mkdir(file, 0o700)", "no-enotdir"),
        (
            "PermissionError EACCES",
            "[Errno 2] Permission denied: 'a'",
            "fd = _os.open(file, flags, 0o600)",
            "no-enotdir",
        ),
        ("AssertionError", "'/a/b' != 'b'", "self.assertEqual(posix.readlink(name), 'b')", "readlink-resolves"),
        ("AssertionError", "1941 != 23", "self.assertEqual(entry.inode(),", "inode-of-an-entry"),
        ("AssertionError", "", "assert os.stat(new).st_mtime == os.stat(old).st_mtime", "one-time-of-a-file"),
        (
            "AssertionError",
            f"4.005 != 1.002003 {DELTA} (3.002 difference)",
            "self.assertAlmostEqual(st.st_atime, atime_ns * 1e-9, delta=1e-6)",
            "one-time-of-a-file",
        ),
        (
            "AssertionError",
            f"1.002 != 1.002003 {DELTA} (2.99e-06 difference)",
            "self.assertAlmostEqual(st.st_atime, atime_ns * 1e-9, delta=1e-6)",
            "times-in-milliseconds",
        ),
        (
            "AssertionError",
            "Items in the first set",
            'self.assertEqual(set(p.glob("xyzzy/..")), set())',
            "parent-of-nothing",
        ),
        (
            "NotADirectoryError ENOTDIR",
            "[Errno 54] Not a directory: '/proc/self/fd'",
            "names = os.listdir(fd_path)",
            "no-list-of-descriptors",
        ),
    ],
)
def test_what_was_seen_under_emscripten_has_the_right_cause(
    signature: str, message: str, line: str, cause: str
) -> None:
    failure = Failure(signature.partition(" ")[0], message, signature, (line, "self.check()"))
    assert proposed(failure)[0] == f"emscripten-{cause}"
    assert proposed(failure, probed={})[0] == "", "nothing was probed"
    lifted = {name: ProbeAnswer(limitation=name, finding=Finding.LIFTED) for name in SEEN}
    assert proposed(failure, probed=lifted) == ("", "TODO")
    if cause not in {"fstat", "times-in-milliseconds"}:
        assert proposed(failure, cell=NEW) == ("", "TODO"), "the fault is fixed there"


@pytest.mark.parametrize(
    ("signature", "message", "line"),
    [
        ("AssertionError", "True is not false", "self.assertFalse(support.has_strftime_extensions)"),
        ("AssertionError", "0.09 not less than 0.02", "self.assertLess(stop - start, 0.020)"),
        ("AssertionError", "nan != 3.14", "self.assertAlmostEqual(libm.atan2(arg), 3.14)"),
        ("ValueError", "embedded null byte", 't.strftime("m:%m d:%d y:%y %"),'),
        ("FileNotFoundError ENOENT", f"{ENOENT}'data.json'", "with open(json_data_path) as f:"),
        ("FileNotFoundError ENOENT", ENOENT, "clk_id = time.pthread_getcpuclockid(threading.get_ident())"),
        ("io.UnsupportedOperation", "underlying stream is not seekable", "pos = self.stream.tell()"),
    ],
)
def test_what_no_limitation_explains_has_no_cause(signature: str, message: str, line: str) -> None:
    assert proposed(Failure(signature.partition(" ")[0], message, signature, (line,))) == ("", "TODO")


def test_wasi_refuses_to_leave_a_folder() -> None:
    failure = Failure("PermissionError", "[Errno 63] x: '/tmp/../etc'", "PermissionError EPERM", ("os.stat(self)",))
    assert proposed(failure, cell=WASI)[0] == "wasi-paths-stay-below-their-folder"


def test_the_lines_of_a_traceback_are_known_from_the_innermost_on() -> None:
    traceback = (
        "Traceback (most recent call last):\n"
        '  File "/Lib/test/test_os.py", line 2, in test_link\n'
        "    self.link(\n"
        "    ~~~~~~~~~^\n"
        "        a, b)\n"
        '  File "/Lib/os.py", line 1, in link\n'
        "    posix.link(a, b)\n"
        "OSError: [Errno 58] Not supported\n"
    )
    detail = Detail(exception="OSError", message="[Errno 58] Not supported", traceback=traceback)
    case = CaseResult(case="test.test_os.T.test_link", outcome=Outcome.ERROR, detail=detail)
    run = read_run(results(module("test_os", case)), source="results.json")
    assert run.failures[case.case] == Failure(
        "OSError", "[Errno 58] Not supported", "OSError ENOTSUP", ("posix.link(a, b)", "self.link(")
    )


# What needs no pattern: a probe that failed with the words of the case.


def answer(name: str, observation: Observation, finding: Finding = Finding.HOLDS) -> dict[str, ProbeAnswer]:
    return {name: ProbeAnswer(limitation=name, finding=finding, observations=(observation,))}


def limits(*found: Limitation) -> Causes:
    return Causes(registry=Registry({item.id: item for item in found}))


def cause_of(causes: Causes, failure: Failure, probed: dict[str, ProbeAnswer]) -> tuple[str, str]:
    scene = Scene(settings=[setting_of(WASI)], probed=[probed])
    cause = causes.propose("test.test_x.X.test_y", failure, (failure.signature,), scene)
    return cause.limitation, cause.reason


THREADS = Failure("RuntimeError", "can't start new thread", "RuntimeError", ("_start_joinable_thread(self)",))
NO_THREAD = Observation(probe="a.b", did=Did.ERROR, kinds=("RuntimeError",), message="can't start new thread")
LINK = Failure("OSError", "[Errno 58] Not supported: 'a' -> 'b'", "OSError ENOTSUP", ("posix.link(a, b)",))
NO_LINK = Observation(
    probe="a.b", did=Did.ERROR, kinds=("OSError",), errno=("ENOTSUP", "EOPNOTSUPP"), line="os.link(path, other)"
)


def test_the_words_of_a_probe_are_proof_enough() -> None:
    one = limits(limitation("no-threads", Target.WASI))
    assert cause_of(one, THREADS, answer("no-threads", NO_THREAD))[0] == "no-threads"
    assert cause_of(one, THREADS, answer("no-threads", NO_THREAD, Finding.LIFTED))[0] == ""
    assert cause_of(one, THREADS._replace(message="cannot join"), answer("no-threads", NO_THREAD))[0] == ""


def test_the_words_are_an_exception_and_its_message() -> None:
    one = limits(limitation("no-threads", Target.WASI))
    assert cause_of(one, THREADS, answer("no-threads", NO_THREAD, Finding.DIFFERS))[0] == "no-threads"
    crashed = dataclasses.replace(NO_THREAD, did=Did.CRASH)
    assert cause_of(one, THREADS, answer("no-threads", crashed))[0] == ""
    assert cause_of(one, THREADS, answer("no-threads", dataclasses.replace(NO_THREAD, kinds=("OSError",))))[0] == ""
    silent = answer("no-threads", dataclasses.replace(NO_THREAD, message=""))
    assert cause_of(one, THREADS._replace(message=""), silent)[0] == ""


@pytest.mark.parametrize("errno", ["ENOSYS", "ENOTSUP", "EOPNOTSUPP"])
def test_a_call_that_the_system_lacks_is_known_by_each_errno_for_it(errno: str) -> None:
    one = limits(limitation("no-links", Target.WASI))
    lacking = dataclasses.replace(NO_LINK, errno=(errno,))
    failure = LINK._replace(signature=f"OSError {errno}")
    assert cause_of(one, failure, answer("no-links", lacking))[0] == "no-links"
    around = failure._replace(lines=("self.prepare()", "posix.link(a, b)"))
    assert cause_of(one, around, answer("no-links", lacking))[0] == "", "the innermost call is another one"


def test_a_call_that_the_system_lacks_is_known_by_its_name() -> None:
    one = limits(limitation("no-links", Target.WASI))
    assert cause_of(one, LINK, answer("no-links", NO_LINK))[0] == "no-links"
    assert cause_of(one, LINK._replace(lines=("os.symlink(a, b)",)), answer("no-links", NO_LINK))[0] == ""
    missing = Observation(
        probe="a.b", did=Did.ERROR, kinds=("OSError",), errno=("ENOENT",), message=LINK.message, line="os.link(a, b)"
    )
    gone = LINK._replace(signature="OSError ENOENT")
    assert cause_of(one, gone, answer("no-links", missing))[0] == "", "any call can meet a file that is not there"


def test_what_two_explain_is_left_to_a_person_with_their_names() -> None:
    both = limits(limitation("no-threads", Target.WASI), limitation("no-executors", Target.WASI))
    probed = answer("no-threads", NO_THREAD) | answer("no-executors", NO_THREAD)
    assert cause_of(both, THREADS, probed) == ("", "TODO: perhaps no-threads or no-executors")


@pytest.mark.parametrize(("count", "reason"), [(3, "TODO: perhaps n0 or n1 or n2"), (4, "TODO")])
def test_at_most_three_limitations_are_named(count: int, reason: str) -> None:
    names = [f"n{number}" for number in range(count)]
    probed = {name: found for each in names for name, found in answer(each, NO_THREAD).items()}
    assert cause_of(limits(*(limitation(name, Target.WASI) for name in names)), THREADS, probed) == ("", reason)


# What a pattern explains: a probe has to fail as the case does.

ENOTSUP = Observation(probe="a.b", did=Did.ERROR, kinds=("OSError",), errno=("ENOTSUP",))


@pytest.mark.parametrize(
    ("observation", "confirmed"),
    [
        (ENOTSUP, True),
        (dataclasses.replace(ENOTSUP, errno=()), True),
        (dataclasses.replace(ENOTSUP, errno=("EPERM",)), False),
        (dataclasses.replace(ENOTSUP, kinds=("ValueError", "OSError")), False),
        (dataclasses.replace(ENOTSUP, kinds=()), False),
        (dataclasses.replace(ENOTSUP, did=Did.CRASH), False),
        (Observation(probe="a.b", did=Did.NO_EFFECT), True),
    ],
)
def test_an_explanation_is_sure_where_a_probe_fails_as_the_case_does(observation: Observation, confirmed: bool) -> None:
    telling = dataclasses.replace(limitation("no-links", Target.WASI), explains=("^OSError",), probes=("a.b",))
    found = cause_of(limits(telling), LINK._replace(lines=()), answer("no-links", observation))
    assert found == (("no-links", reason_of(LINK)) if confirmed else ("", "TODO: perhaps no-links"))


def test_a_failure_that_said_nothing_is_not_explained_for_sure() -> None:
    any_failure = dataclasses.replace(limitation("no-links", Target.WASI), explains=(".",))
    assert cause_of(limits(any_failure), Failure("", ""), {}) == ("", "TODO: perhaps no-links")


def test_patterns_are_searched_in_what_the_failure_says_and_shows() -> None:
    assert text_of(LINK) == "OSError ENOTSUP: [Errno 58] Not supported: 'a' -> 'b'\nposix.link(a, b)"
    assert text_of(Failure("ValueError", "no\n  null")) == "ValueError: no null"


# What the lists say of the other cases of a class.


def listed(test: str, *signature: str, cause: str) -> Expectation:
    return Expectation(
        tests=(test,), outcome=(Outcome.ERROR,), signature=signature, limitation=cause, reason="x", place="a:1"
    )


def test_a_class_and_a_signature_have_the_cause_that_all_their_entries_name() -> None:
    entries = [
        listed("test.test_os.A.test_a", "OSError ENOSYS", "ValueError", cause="no-links"),
        listed("test.test_os.A.test_b", "OSError ENOSYS", cause="no-links"),
        listed("test.test_os.A.test_c", "ValueError", cause="no-threads"),
        listed("test.test_os.A.test_d", "KeyError", cause=""),
        listed("test.test_os.B.*", "KeyError", cause="no-threads"),
    ]
    assert Causes.of(REGISTRY, entries) == Causes(
        registry=REGISTRY,
        siblings={
            ("test.test_os.A.*", "OSError ENOSYS"): "no-links",
            ("test.test_os.B.*", "KeyError"): "no-threads",
        },
    )


def test_the_cause_of_a_class_is_not_used_for_its_next_case_where_a_probe_found_it_lifted() -> None:
    probed = dataclasses.replace(limitation("no-links", Target.WASI), probes=("a.b",))
    siblings = {("test.test_x.X.*", LINK.signature): "no-links"}
    causes = Causes(registry=Registry({"no-links": probed}), siblings=siblings)
    assert cause_of(causes, LINK, {}) == ("no-links", reason_of(LINK))
    assert cause_of(causes, LINK, answer("no-links", NO_LINK, Finding.LIFTED)) == ("", "TODO")


TIMES = "self.assertAlmostEqual(st.st_atime, atime_ns * 1e-9, delta=1e-6)"


@pytest.mark.parametrize(
    ("message", "line", "reason"),
    [
        (f"4.005 != 1.002003 {DELTA} (3.002 difference)", TIMES, "TODO: perhaps emscripten-one-time-of-a-file"),
        (f"1.002 != 1.002003 {DELTA} (2.99e-06 difference)", TIMES, "TODO: perhaps emscripten-times-in-milliseconds"),
        ("True is not false", "self.assertFalse(found)", "TODO"),
    ],
)
def test_a_bare_assertion_has_the_cause_that_its_message_names_and_not_another_one_of_the_class(
    message: str, line: str, reason: str
) -> None:
    siblings = {("test.test_x.X.*", "AssertionError"): "emscripten-times-in-milliseconds"}
    failure = Failure("AssertionError", message, "AssertionError", (line,))
    scene = Scene(settings=[setting_of(OLD)])
    cause = Causes(registry=REGISTRY, siblings=siblings).propose(
        "test.test_x.X.test_y", failure, ("AssertionError",), scene
    )
    assert (cause.limitation, cause.reason) == ("", reason)


def test_a_bare_assertion_names_every_limitation_that_explains_its_message() -> None:
    found = {
        name: dataclasses.replace(limitation(name, Target.WASI), explains=(pattern,), probes=("a.b",))
        for name, pattern in (("one", "never"), ("other", "1 != 2"), ("third", "!= 2"))
    }
    found["silent"] = limitation("silent", Target.WASI)
    for name in ("one", "silent"):
        causes = Causes(registry=Registry(found), siblings={("test.test_x.X.*", "AssertionError"): name})
        failure = Failure("AssertionError", "1 != 2", "AssertionError", ("self.check()",))
        assert cause_of(causes, failure, {}) == ("", "TODO: perhaps other or third")
        unexplained = failure._replace(message="nothing")
        assert cause_of(causes, unexplained, {}) == ("", "TODO: perhaps silent" if name == "silent" else "TODO")


@pytest.mark.parametrize(("pattern", "cause"), [("Not supported", "no-links"), ("Operation not permitted", "")])
def test_the_cause_of_a_class_is_not_used_for_its_next_case_where_its_own_pattern_says_otherwise(
    pattern: str, cause: str
) -> None:
    explained = dataclasses.replace(limitation("no-links", Target.WASI), explains=(pattern,), probes=("a.b",))
    siblings = {("test.test_x.X.*", LINK.signature): "no-links"}
    assert cause_of(Causes(registry=Registry({"no-links": explained}), siblings=siblings), LINK, {})[0] == cause


def test_what_is_documented_for_the_target_alone_comes_first() -> None:
    both = limits(limitation("wasm-ipc", *Target), limitation("no-threads", Target.WASI))
    probed = answer("no-threads", NO_THREAD) | answer("wasm-ipc", NO_THREAD)
    assert cause_of(both, THREADS, probed)[0] == "no-threads"


def test_a_reason_is_one_line_of_bounded_length() -> None:
    assert reason_of(Failure("OSError", "no\nlinks\x1b[31m")) == "OSError: no links?[31m"
    exact = Failure("OSError", "x" * 151)
    assert reason_of(exact) == f"OSError: {'x' * 151}"
    assert reason_of(Failure("OSError", "x" * 152)) == f"OSError: {'x' * 148}..."
