"""The command that repeats a run: what decided it, and ids, as a shell reads them."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from pathlib import Path

import msgspec
import pytest

from harness.project import CACHE_VARIABLE
from harness.results.cell_results import load_results, write_results
from harness.results.command_line import RunOptions, case_word, go_on_line, literal, pattern, shell_word, split_word
from harness.run.options import BUILD_OPTIONS, BUNDLE, TESTING, TESTS
from tests.unit.sample_results import usual

HERE = RunOptions.here()


def test_the_command_line_has_everything_that_decided_the_run() -> None:
    options = RunOptions(
        cpython="/home/me/c py",
        provider="apt",
        toolchain="24",
        runtime="20.18.0",
        pins="/p.toml",
        bundle="/b.tar.gz",
        tests="/t",
        use=("all,-gui", "cpu"),
        randseed="7",
        randomize=True,
        isolated=True,
    )
    assert options.again("wasi", "test.test_os.T.test_a", "test_os") == (
        "python -m harness test wasi '--cpython=/home/me/c py' --provider=apt --toolchain=24 --runtime=20.18.0 "
        "--pins=/p.toml --bundle=/b.tar.gz --tests=/t --randseed=7 --use=all,-gui --use=cpu --randomize --isolated "
        "--case test_os::test.test_os.T.test_a"
    )
    assert msgspec.convert(msgspec.to_builtins(options), RunOptions) == options


def test_a_build_is_probed_by_the_options_that_say_which_it_is() -> None:
    options = RunOptions(toolchain="24", tests="/t", use=("cpu",), randseed="7", tree_pins=True, isolated=True)
    assert options.probe("wasi", Path.cwd() / "reports" / "latest") == (
        "python -m harness probe wasi --toolchain=24 --tree-pins --run-dir reports/latest"
    )
    elsewhere = RunOptions(project="/home/me/lists").probe("wasi", Path.cwd() / "latest")
    assert elsewhere == f"cd /home/me/lists && python -m harness probe wasi --run-dir {Path.cwd()}/latest"
    bundle = RunOptions(bundle="/b.tar.gz").probe("wasi", Path("latest"))
    assert bundle == "python -m harness probe wasi --bundle=/b.tar.gz --run-dir latest"


def test_a_line_of_the_checkout_s_own_project_needs_no_other_folder() -> None:
    assert RunOptions.here().project == ""


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["/x/harness/__main__.py", "test", "wasi", "-k", "a b"], "harness test wasi -k 'a b'"),
        (["/x/harness/__main__.py", "test", "wasi", "--run-dir", "a", "--resume", "-n", "1"], "harness test wasi -n 1"),
        (["/x/harness/__main__.py", "test", "wasi", "--run-dir=a", "--overwrite"], "harness test wasi"),
        (["/x/bin/pytest", "--cell", "wasi"], "pytest --cell wasi"),
        (["/x/pytest/__main__.py", "--cell=wasi"], "pytest --cell=wasi"),
    ],
)
def test_a_run_goes_on_by_the_command_that_began_it(argv: list[str], line: str) -> None:
    assert go_on_line(argv, Path.cwd() / "reports" / "r").endswith(f" -m {line} --run-dir=reports/r --resume")


def test_each_option_that_says_what_is_tested_is_kept() -> None:
    """An option that is added to `test` is to be in the line too, unless it is one of those that decide nothing."""
    deciding_nothing = {"jobs", "case", "shard", "cut_by", "reruns", "verify", "run_dir"}
    deciding_nothing |= {"resume", "overwrite", "show_known", "changed"}
    names = {option.name for option in (*BUILD_OPTIONS, BUNDLE, TESTS, *TESTING)} - deciding_nothing
    assert names <= set(RunOptions.__struct_fields__)


def test_another_cache_and_other_lists_come_first() -> None:
    options = RunOptions(cache="/tmp/a b", project="/home/me/lists", program="/venv/bin/python")
    assert options.command("wasi") == (
        f"cd /home/me/lists && {CACHE_VARIABLE}='/tmp/a b' /venv/bin/python -m harness test wasi"
    )


def test_the_environment_and_the_folder_are_those_of_the_run(
    project_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "~/cache")
    monkeypatch.setenv("HOME", "/home/me")
    found = RunOptions.here()
    assert (found.cache, found.project) == ("/home/me/cache", str(project_folder))


@pytest.fixture
def project_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "matrices").mkdir()
    (tmp_path / "matrices" / "default.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_python_is_called_by_its_path_where_the_shell_has_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert RunOptions.here().program == sys.executable
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    (tmp_path / "python").touch()
    assert RunOptions.here().program in {"python", sys.executable}


def test_paths_are_whole_and_versions_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = Namespace(
        cpython="../cpython", toolchain="sdk", runtime="path:node", pins="p.toml", tests="t", bundle="b", provider="apt"
    )
    found = RunOptions.of(given)
    assert (found.cpython, found.toolchain) == (f"{tmp_path}/../cpython", f"{tmp_path}/sdk")
    assert (found.runtime, found.pins) == (f"path:{tmp_path}/node", f"{tmp_path}/p.toml")
    assert (found.tests, found.bundle, found.provider) == (f"{tmp_path}/t", f"{tmp_path}/b", "apt")
    versions = RunOptions.of(Namespace(cpython="3.15.0a2", toolchain="6.0.5", runtime="22.1.0", isolated=True))
    assert (versions.cpython, versions.toolchain, versions.runtime) == ("3.15.0a2", "6.0.5", "22.1.0")
    assert versions.isolated
    assert RunOptions.of(Namespace(cpython="git:https://x.org/c@main")).cpython == "git:https://x.org/c@main"


def test_results_keep_the_options_and_older_ones_have_none(tmp_path: Path) -> None:
    write_results(tmp_path / "results.json", usual())
    text = (tmp_path / "results.json").read_text()
    assert '"options": {}' in text
    (tmp_path / "results.json").write_text(text.replace('"options": {},', ""))
    assert load_results(tmp_path / "results.json").run.options == RunOptions()
    (tmp_path / "results.json").write_text(text.replace('"options": {}', '"options": {"tests": "/t", "later": 1}'))
    assert load_results(tmp_path / "results.json").run.options == RunOptions(tests="/t")


@pytest.mark.parametrize(
    ("case", "module", "word"),
    [
        ("test.test_json.T.test_a", "test_json", "test.test_json.T.test_a"),
        ("test.test_json", "test_json", "test.test_json"),
        ("test.test_jsonx.T.test_a", "test_json", "test_json::test.test_jsonx.T.test_a"),
        ("test.test_asyncio.test_x.T.test_a", "test.test_asyncio.test_x", "test.test_asyncio.test_x.T.test_a"),
        ("ieee754_txt", "test_math", "test_math::ieee754_txt"),
        ("doctest.DebugRunner", "test_doctest.test_doctest", "test_doctest.test_doctest::doctest.DebugRunner"),
        ("setUpClass (test.test_os.T)", "test_os", "setUpClass (test.test_os.T)"),
        ("after (func)", "test_x", "test_x::after (func)"),
        ("test.test_x.T.test_a[1]", "test_x", "test.test_x.T.test_a[1]"),
        ("test.test_x.T.test_*", "test_x", "test.test_x.T.test_[*]"),
        ("test.test_x.T.test_a[*]", "test_x", "test.test_x.T.test_a[[][*]]"),
        ("test.test_x.T.test_[[]#2", "test_x", "test.test_x.T.test_[[][[]]#2"),
    ],
)
def test_a_word_for_a_case_names_its_module_where_the_id_does_not(case: str, module: str, word: str) -> None:
    assert case_word(case, module) == word
    assert literal(split_word(word)[1]) == case


def test_the_cases_of_own_tests_begin_with_their_module() -> None:
    assert case_word("test_x.T.test_a", "test_x", own=True) == "test_x.T.test_a"
    assert case_word("test_x.T.test_a", "test_x") == "test_x::test_x.T.test_a"


@pytest.mark.parametrize(
    ("word", "module", "case"),
    [
        ("test_x::func", "test_x", "func"),
        ("test.test_x::a::b", "test.test_x", "a::b"),
        ("test.test_x.T.test_a[b::c]", "", "test.test_x.T.test_a[b::c]"),
        ("::x", "", "::x"),
        ("test_x::", "", "test_x::"),
    ],
)
def test_a_module_is_named_before_two_colons(word: str, module: str, case: str) -> None:
    assert split_word(word) == (module, case)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("a.T.*", "a.T.*"),
        ("a[1]", "a[[]1]"),
        ("a[*]", "a[*]"),
        ("a[[]x", "a[[]x"),
        ("a[[][*]]", "a[[][*]]"),
        ("a.T.b ", "a.T.b[ ]"),
    ],
)
def test_only_a_star_is_a_pattern(word: str, expected: str) -> None:
    assert pattern(word) == expected


@pytest.mark.parametrize("text", ["plain", "two words", "it's", "$HOME `x`", 'a"b', "#2", "*", "\\n", "ü"])
def test_what_can_be_printed_is_quoted_as_shlex_does(text: str) -> None:
    assert shlex.split(shell_word(text)) == [text]


def test_what_cannot_be_printed_is_escaped_on_one_line() -> None:
    assert shell_word("a\nb'\\\x1b\udcff\ud800") == "$'a\\x0ab\\'\\\\\\x1b\\xff\\xed\\xa0\\x80'"
