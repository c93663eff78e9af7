"""Lists as texts after a plan: what is edited, copied, joined, put in order, and left alone."""

from __future__ import annotations

from harness.curation.update.causes import LimitationGuess
from harness.curation.update.plan import ListsPlan, Piece
from harness.curation.update.rewrite import Addition, additions, assemble
from harness.expectations.files import read_lists
from harness.matrix.conditions import ALWAYS, Condition, read_condition
from harness.results.outcomes import Outcome
from tests.unit.sample_lists import REGISTRY, entry

FILE = "lists/os.toml"
Pieces = tuple[tuple[Piece, tuple[str, ...]], ...]


def where(**terms: str | bool) -> Condition:
    condition, mistakes = read_condition(terms)
    assert not mistakes
    return condition


def piece(outcome: str = "error", when: Condition = ALWAYS) -> Piece:
    return Piece((Outcome(outcome),), (), when)


def named(letters: str) -> tuple[str, ...]:
    return tuple(f"test.test_os.T.test_{letter}" for letter in letters)


def listed(letters: str, **changes: str) -> str:
    names = ", ".join(f'"{test}"' for test in named(letters))
    return entry(
        tests=f"[{names}]" if len(letters) == 1 else "[\n    " + names.replace(", ", ",\n    ") + ",\n]", **changes
    )


def assembled(text: str, *pieces: Pieces | None, new: tuple[Addition, ...] = ()) -> str:
    """The list after a plan with those pieces for its entries, one after the other; None leaves one as it is."""
    entries = read_lists({FILE: text}, REGISTRY).entries
    own: list[Pieces] = [((Piece(one.outcome, one.signature, one.when), one.tests),) for one in entries]
    kept = {one.place: same if found is None else found for one, found, same in zip(entries, pieces, own, strict=True)}
    return assemble({FILE: text}, entries, ListsPlan(kept=kept, added={}, held=()), new)[FILE]


def addition(letters: str, found: Piece, *, limitation: str = "", reason: str = "TODO") -> Addition:
    return Addition(
        file=FILE, piece=found, tests=named(letters), cause=LimitationGuess(limitation=limitation, reason=reason)
    )


def added(letters: str) -> str:
    return listed(letters, limitation="", reason='"TODO"')


def test_a_list_in_which_nothing_changes_may_be_written_in_any_way() -> None:
    inline = (
        f'expect = [{{ tests = ["{named("a")[0]}"], outcome = "error", limitation = "fs-hard-links", reason = "x" }}]\n'
    )
    assert assembled(inline, None) == inline


def test_an_entry_that_stays_keeps_every_byte_where_another_one_changes() -> None:
    windows = listed("a").replace("\n", "\r\n")
    found = assembled(windows + listed("bc"), None, ((piece(), named("b")),))
    assert found.startswith(windows)
    assert found.endswith(listed("b"))


def test_a_list_with_only_comments_left_is_empty() -> None:
    assert assembled("# About links.\n\n" + listed("a"), ()) == ""


def test_an_entry_that_is_divided_keeps_its_place_and_comment_for_what_it_says_itself() -> None:
    text = "# head\n\n# why\n" + listed("abc")
    own, other = (piece(), named("b")), (piece("fail"), named("ac"))
    expected = "# head\n\n# why\n" + listed("b") + listed("ac", outcome='"fail"')
    assert assembled(text, (other, own)) == expected.rstrip("\n") + "\n"


def test_an_entry_that_says_nothing_of_its_own_any_more_becomes_the_piece_with_the_most_tests() -> None:
    text = "# head\n\n# why\n" + listed("abc")
    one, most = (piece("fail"), named("a")), (piece("timeout"), named("bc"))
    expected = "# head\n\n# why\n" + listed("bc", outcome='"timeout"') + listed("a", outcome='"fail"')
    assert assembled(text, (one, most)) == expected.rstrip("\n") + "\n"


def test_a_new_entry_is_put_in_order_among_what_is_left() -> None:
    found = assembled(listed("am"), ((piece(), named("m")),), new=(addition("f", piece("fail")),))
    assert found == added("f").replace('"error"', '"fail"') + listed("m")
    found = assembled(listed("x") + listed("b"), (), None, new=(addition("c", piece("fail")),))
    assert found.index("test_b") < found.index("test_c")


def test_an_addition_joins_the_entry_that_says_the_same_of_the_same_cause() -> None:
    wasi, emscripten = where(target="wasi"), where(target="emscripten")
    pieces = ((piece(when=wasi), named("m")), (piece("fail", wasi), named("n")), (piece(when=emscripten), named("o")))
    same = {"limitation": "fs-hard-links", "reason": "os.link() fails with ENOSYS"}
    found = assembled(listed("mno", when='{ target = "wasi" }'), pieces, new=(addition("a", pieces[0][0], **same),))
    entries = read_lists({FILE: found}, REGISTRY).entries
    assert [(one.tests, one.outcome[0].value, str(one.when)) for one in entries] == [
        (named("am"), "error", "target wasi"),
        (named("n"), "fail", "target wasi"),
        (named("o"), "error", "target emscripten"),
    ]
    for other in (
        addition("a", piece(when=emscripten), **same),
        addition("a", piece(when=wasi)),
        addition("a", piece(when=wasi), limitation="fs-hard-links", reason="other"),
    ):
        text = listed("m", when='{ target = "wasi" }')
        assert len(read_lists({FILE: assembled(text, None, new=(other,))}, REGISTRY).entries) == 2


def test_additions_go_to_a_file_for_each_target_and_module() -> None:
    found = {
        piece(when=where(target="wasi")): (
            "test.test_asyncio.test_tasks.T.test_a",
            "test.test_asyncio.helper.T.test_a",
            "setUpClass (test.test_os.T)",
        ),
        piece("fail"): ("test.test_os.T.test_b", "test.test_os.T.test_a"),
    }
    plan = ListsPlan(kept={}, added=found, held=())
    cause = LimitationGuess(limitation="fs-hard-links", reason="x", when=where(pydebug=False))
    new = additions(plan, "lists", ["test.test_asyncio.test_tasks"], lambda *_: cause)
    assert {one.file: (one.tests, str(one.piece.when)) for one in new} == {
        "lists/wasi/test_asyncio.test_tasks.toml": (
            ("test.test_asyncio.test_tasks.T.test_a",),
            "target wasi, no pydebug",
        ),
        "lists/wasi/test_asyncio.toml": (("test.test_asyncio.helper.T.test_a",), "target wasi, no pydebug"),
        "lists/wasi/test_os.toml": (("setUpClass (test.test_os.T)",), "target wasi, no pydebug"),
        "lists/all/test_os.toml": (("test.test_os.T.test_a", "test.test_os.T.test_b"), "no pydebug"),
    }
