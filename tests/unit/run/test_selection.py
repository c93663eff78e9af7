"""Which modules and cases a run is to test."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harness.build.artifact import Build
from harness.errors import ConfigError
from harness.manifest import Manifest
from harness.results.command_line import RunOptions
from harness.run.keywords import ANY, Keyword
from harness.run.past_cases import NO_PAST
from harness.run.prepared import Prepared
from harness.run.selection import (
    Suite,
    TestSelection,
    check_names,
    check_resources,
    choose,
    choose_shard,
    known_resources,
    planned,
    read_shard,
    wanted_cases,
)
from harness.suite.parts import module_of_work
from harness.suite.shards import Shard, parse_shard
from tests.unit.sample_cells import WASI

SUITE = ("test_bool", "test_json", "test_os", "test.test_asyncio.test_tasks")
WHOLE = Suite(modules={"test.test_bool": "test_bool", "test.test_json": "test_json", "test.test_os": "test_os"})
CASE = "test.test_json.test_decode.TestCDecode.test_float"


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    """A suite in which test_os took longest, then test_json."""
    (tmp_path / "modules.json").write_text(json.dumps(SUITE))
    build = Build(folder=tmp_path, manifest=Manifest())
    found = Prepared(cell=WASI, build=build, runtime=tmp_path, cache=tmp_path)
    found.durations.parent.mkdir()
    found.durations.write_text(json.dumps(dict(zip(SUITE, (1, 5, 9, 3), strict=True))))
    return found


def record_cases(prepared: Prepared, cases: dict[str, dict[str, float]]) -> None:
    prepared.durations.with_name(f"{prepared.durations.stem}.cases.json").write_text(json.dumps(cases))


def test_without_a_selection_the_whole_suite_runs_longest_first(prepared: Prepared) -> None:
    modules = ("test_os", "test_json", "test.test_asyncio.test_tasks", "test_bool")
    chosen = choose(prepared, ())
    assert (chosen.modules, chosen.cases, chosen.patterns) == (modules, (), {})


def test_the_shards_are_the_suite_and_name_the_way_they_were_cut(prepared: Prepared) -> None:
    one, two = (choose_shard(prepared, parse_shard(text)) for text in ("1/2", "2/2"))
    assert one.modules == ("test_os",)
    assert two.modules == ("test_json", "test.test_asyncio.test_tasks", "test_bool")
    assert (one.shard, two.shard) == ("1/2", "2/2")
    assert one.plan == two.plan != ""


def test_a_shard_is_cut_by_the_durations_that_are_named(prepared: Prepared, tmp_path: Path) -> None:
    named = tmp_path / "named.json"
    named.write_text(json.dumps(dict.fromkeys(SUITE, 1.0) | {"test_bool": 100.0}))
    assert choose_shard(prepared, parse_shard("1/2"), cut_by=str(named)).modules == ("test_bool",)
    named.write_text("{}")
    with pytest.raises(ConfigError, match="holds no durations"):
        choose_shard(prepared, parse_shard("1/2"), cut_by=str(named))


def test_a_long_module_is_in_several_shards(prepared: Prepared) -> None:
    record_cases(prepared, {"test_os": {f"test.test_os.{name}.test": 2.0 for name in "ABCD"}})
    shards = [choose_shard(prepared, Shard(number=number, count=3)) for number in (1, 2, 3)]
    assert len({shard.plan for shard in shards}) == 1
    work = [planned(shard, prepared, 2).work() for shard in shards]
    assert work == [shard.work() for shard in shards]
    assert sorted(name for names in work for name in names) == sorted(
        [*SUITE[:2], *SUITE[3:], *(f"test_os[{number}/4]" for number in (1, 2, 3, 4))]
    )
    assert [{name for name in names if module_of_work(name) == "test_os"} for names in work] == [
        {f"test_os[{number}/4]" for number in (1, 2, 3, 4)} - set(shard.elsewhere) for shard in shards
    ]
    assert sum("test_os" in shard.modules for shard in shards) > 1


def test_a_shard_cuts_what_it_has_alone_for_its_own_workers(prepared: Prepared) -> None:
    prepared.durations.write_text(json.dumps({"test_os": 90, "test_json": 6}))
    of_os = {f"test.test_os.T{number}.test": 1.0 for number in range(90)}
    record_cases(prepared, {"test_os": of_os, "test_json": {f"test.test_json.{name}.test": 2.0 for name in "ABC"}})
    shards = [choose_shard(prepared, Shard(number=number, count=2)) for number in (1, 2)]
    (shard,) = (shard for shard in shards if "test_json" in shard.modules)
    assert set(shard.parts) == {"test_os"}
    many = planned(shard, prepared, 16)
    assert set(many.parts) == {"test_os", "test_json"}
    assert many.parts["test_os"] == shard.parts["test_os"]
    assert not set(many.work()) & set(shard.elsewhere)


def test_in_random_order_shards_are_made_of_whole_modules(prepared: Prepared) -> None:
    record_cases(prepared, {"test_os": {f"test.test_os.{name}.test": 2.0 for name in "ABCD"}})
    assert choose_shard(prepared, Shard(number=1, count=3)).parts
    assert not choose_shard(prepared, Shard(number=1, count=3), randomize=True).parts


def test_a_module_that_is_longer_than_its_share_is_cut_unless_cases_of_it_are_named(prepared: Prepared) -> None:
    ids = {"test.test_os.A.test_a": 8.0, "test.test_os.B.test_b": 1.0}
    record_cases(prepared, {"test_os": ids})
    whole = choose(prepared, ())
    found = planned(whole, prepared, 8)
    assert found.parts == {"test_os": (("test.test_os.B.test_b",),)}
    assert list(found.seconds)[:2] == ["test_os[1/2]", "test_json"]
    assert planned(whole, prepared, 1).parts == {}
    named = choose(prepared, ("test.test_os.A.test_a",))
    assert planned(named, prepared, 8).parts == {}
    shuffled = planned(whole.ordered(SUITE, RunOptions(randseed="7", randomize=True)), prepared, 8)
    assert shuffled.parts == {}
    assert tuple(shuffled.seconds) == shuffled.modules != whole.modules
    prepared.durations.unlink()
    assert planned(whole, prepared, 8) == whole


def test_cases_choose_their_modules_and_a_module_by_its_name_is_whole(prepared: Prepared) -> None:
    chosen = choose(prepared, (CASE, "test.test_bool"))
    assert chosen.modules == ("test_json", "test_bool")
    assert chosen.cases_in("test_json") == (CASE,)
    assert chosen.cases_in("test_bool") == ()


@pytest.mark.parametrize(
    ("case", "pattern"),
    [
        (CASE, CASE),
        ("setUpClass (test.test_json.test_decode.TestCDecode)", "test.test_json.test_decode.TestCDecode.*"),
        (f"after ({CASE})", "test.test_json.test_decode.TestCDecode.*"),
    ],
)
def test_what_a_report_names_can_be_asked_for(prepared: Prepared, case: str, pattern: str) -> None:
    assert choose(prepared, (case,)).cases_in("test_json") == (pattern,)


@pytest.mark.parametrize("case", ["setUpModule (test.test_json)", "after (test.test_json)"])
def test_what_is_the_module_s_own_takes_the_whole_module(prepared: Prepared, case: str) -> None:
    assert choose(prepared, (case, CASE)).cases_in("test_json") == ()


def test_a_case_of_no_module_is_reported_with_the_nearest_one() -> None:
    with pytest.raises(
        ConfigError, match=r"no module of the suite holds the case 'test\.test_jsn\.T\.test_a'"
    ) as caught:
        wanted_cases(["test.test_jsn.T.test_a"], WHOLE)
    assert "test.test_json" in str(caught.value)


@pytest.mark.parametrize("word", ["test.test_jsn", "test_jsn"])
def test_a_module_that_is_not_there_is_called_a_module(word: str) -> None:
    with pytest.raises(ConfigError, match=rf"the suite has no module '{word}'; did you mean 'test\.test_json'"):
        wanted_cases([word], WHOLE)


def test_a_shard_of_modules_by_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="--shard cuts the whole suite, and -k names modules"):
        read_shard("1/2", (), keyword="test_json")
    assert read_shard("", (), keyword="test_json") is None


def test_a_shard_of_named_cases_is_refused() -> None:
    with pytest.raises(ConfigError, match="--shard cuts the whole suite"):
        read_shard("1/2", (CASE,))
    assert read_shard("", (CASE,)) is None


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The tests of a source tree that is not built."""
    for name in ("test_json/test_tool.py", "test_asyncio/test_tasks.py", "test_bool.py", "support/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("test.test_jsn", "the suite has no module 'test.test_jsn'; did you mean 'test.test_json'?"),
        ("test.test_boool.A.test_b", "no module of the suite holds the case"),
        ("test_bool.A.test_b", "did you leave out the 'test.' before it?"),
    ],
)
def test_a_source_reports_a_mistyped_module_before_it_is_built(source: Path, case: str, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        check_names(source, [case], ANY, NO_PAST)


@pytest.mark.parametrize(
    "case",
    ["test.test_json", "test.test_bool.A.test_b", "test.test_asyncio.test_tasks.A.*", "test_bool::x", CASE],
)
def test_a_source_lets_pass_what_a_build_may_have(source: Path, case: str) -> None:
    check_names(source, [case], Keyword("test_tasks"), NO_PAST)


def test_a_source_reports_a_keyword_that_matches_nothing(source: Path) -> None:
    with pytest.raises(ConfigError, match=r"-k test_jsn matches none of \d+ test files of the source") as caught:
        check_names(source, [], Keyword("test_jsn"), NO_PAST)
    assert "did you mean 'test_json'?" in caught.value.hint


def test_a_tree_without_tests_refuses_nothing(tmp_path: Path) -> None:
    check_names(tmp_path, ["test.test_jsn"], Keyword("x"), NO_PAST)


def test_a_shard_of_named_modules_says_so() -> None:
    with pytest.raises(ConfigError, match="--shard cuts the whole suite, and test_json is a module of it"):
        read_shard("1/2", ("test.test_json",))


def test_the_random_order_of_a_suite_is_that_of_regrtest_with_this_seed() -> None:
    """The order is what `python -m test --randomize --randseed 5 --list-tests` of CPython 3.13.5 prints of these."""
    suite = ("test_abc", "test_array", "test_bool", "test_calendar", "test_dict", "test_enum", "test_float", "test_gc")
    asked = RunOptions(randomize=True, randseed="5")
    chosen = TestSelection(modules=tuple(reversed(suite))).ordered(suite, asked)
    order = ["float", "calendar", "array", "abc", "gc", "bool", "enum", "dict"]
    assert chosen.modules == tuple(f"test_{name}" for name in order)
    assert (chosen.seed, chosen.randomize) == (5, True)
    some = TestSelection(modules=("test_abc", "test_enum", "test_float")).ordered(suite, asked)
    assert some.modules == ("test_float", "test_abc", "test_enum")


def test_a_seed_alone_leaves_the_order_as_it_is() -> None:
    chosen = TestSelection(modules=("test_os", "test_bool"))
    assert chosen.ordered(SUITE, RunOptions()) == chosen
    seeded = chosen.ordered(SUITE, RunOptions(randseed="7"))
    assert (seeded.modules, seeded.seed, seeded.randomize) == (chosen.modules, 7, False)


CMDLINE = """\
ALL_RESOURCES = ('audio', 'curses',
                 'cpu')
RESOURCE_NAMES = ALL_RESOURCES + ('tzdata', 'xpickle')
"""


def test_a_resource_that_regrtest_does_not_know_is_refused_with_those_that_it_knows(tmp_path: Path) -> None:
    check_resources(tmp_path, ["nonsense"])
    (tmp_path / "libregrtest").mkdir()
    (tmp_path / "libregrtest" / "cmdline.py").write_text(CMDLINE)
    assert known_resources(tmp_path) == {"all", "none", "audio", "curses", "cpu", "tzdata", "xpickle"}
    check_resources(tmp_path, ["all,-CPU", "tzdata", "xpickle=2.7"])
    with pytest.raises(ConfigError, match=r"-u curse: regrtest") as error:
        check_resources(tmp_path, ["all", "-cpu,curse"])
    assert error.value.hint == "did you mean 'curses'?"
    with pytest.raises(ConfigError, match=r"-u nosuch: regrtest of this CPython knows no such resource\n") as error:
        check_resources(tmp_path, ["nosuch"])
    assert error.value.hint.startswith("it knows all, audio,")
