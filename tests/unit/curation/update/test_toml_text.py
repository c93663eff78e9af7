"""Lists as texts: an edit touches what it is about and nothing else."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.curation.update.toml_text import (
    Block,
    Fields,
    ListText,
    edited,
    insert_sorted,
    lines_of,
    new_entry,
    split,
    trimmed,
    without_comment,
)
from harness.matrix.conditions import read_condition

PLAIN = '[[expect]]\ntests = ["test.a.B.c"]\noutcome = "error"\nlimitation = "x"\nreason = "y"\n'


def fields(
    *tests: str,
    outcome: tuple[str, ...] = ("error",),
    signature: tuple[str, ...] = (),
    when: dict[str, object] | None = None,
    reason: str = "",
) -> Fields:
    condition, mistakes = read_condition(when or {})
    assert not mistakes
    return Fields(tests=tests, outcome=outcome, signature=signature, when=condition, reason=reason)


def test_nothing_to_change_changes_nothing() -> None:
    odd = PLAIN.replace('["test.a.B.c"]', '[ "test.a.B.c" ]  # why') + 'when = {target="wasi"}\n\n# next\n\n'
    assert edited(odd, fields("test.a.B.c", when={"target": "wasi"})) == odd


def test_a_string_that_looks_like_an_entry_or_a_comment_is_a_string() -> None:
    text = PLAIN.replace('"y"', "'''\n[[expect]]\n# y'''")
    assert len(split(text + text).blocks) == 2
    changed = edited(text, fields("test.a.B.c", outcome=("fail",)))
    assert changed == text.replace('"error"', '"fail"')


def test_only_a_line_feed_ends_a_line() -> None:
    text = PLAIN.replace('"y"', '"one\u2028two\x85three"')
    listing = split(text + "\n" + text)
    assert [block.line for block in listing.blocks] == [1, 7]
    assert str(listing) == text + "\n" + text
    assert lines_of("a\x0cb\n\nc") == ["a\x0cb\n", "\n", "c"]


def test_the_comment_directly_above_belongs_to_the_entry() -> None:
    text = "# the file\n\n# the entry\n" + PLAIN + "# after\n\n# detached\n\n" + PLAIN
    listing = split(text)
    assert listing.head == "# the file\n\n"
    assert listing.blocks[0].text.startswith("# the entry\n[[expect]]")
    assert listing.blocks[0].text.endswith("# detached\n\n")
    assert without_comment(listing.blocks[0].text).startswith("[[expect]]")
    assert str(listing) == text


@pytest.mark.parametrize(
    ("when", "after"),
    [
        (
            'when = { target = "wasi", python = "<3.14" } # note\n',
            'when = { python = "<3.14", pydebug = false } # note\n',
        ),
        ('[expect.when]\npython = "<3.14"\n# why\n', '[expect.when]\npython = "<3.14"\npydebug = false\n# why\n'),
        ("", 'when = { python = "<3.14", pydebug = false }\n'),
    ],
)
def test_a_condition_is_changed_in_place(when: str, after: str) -> None:
    wanted = {"python": "<3.14", "pydebug": False}
    found = edited(PLAIN + when, fields("test.a.B.c", when=wanted))
    assert tomllib.loads(found)["expect"][0]["when"] == wanted
    assert found == PLAIN + after or when.startswith("[expect")
    gone = edited(PLAIN + when, fields("test.a.B.c"))
    assert "when" not in tomllib.loads(gone)["expect"][0]


def test_tests_with_comments_keep_them() -> None:
    text = PLAIN.replace('["test.a.B.c"]', '[\n    "test.a.B.c", # first\n    "test.a.B.d", # second\n]')
    assert edited(text, fields("test.a.B.d", "test.a.B.e")).splitlines()[1:5] == [
        "tests = [",
        '    "test.a.B.d", # second',
        '    "test.a.B.e",',
        "]",
    ]


def test_a_comment_at_the_very_top_is_about_the_file() -> None:
    text = "# the file\n" + PLAIN + "# the entry\n" + PLAIN
    listing = split(text)
    assert (listing.head, [block.line for block in listing.blocks]) == ("# the file\n", [2, 8])
    assert listing.blocks[1].text == "# the entry\n" + PLAIN
    assert split(PLAIN).head == ""
    assert split(PLAIN + "# no line break").blocks[0].text == PLAIN + "# no line break"


def test_what_follows_an_entry_stays_behind_it() -> None:
    text = PLAIN.replace('"y"', "'''\n# y\n\n'''") + "# after\n\n"
    assert trimmed(text) == text.removesuffix("# after\n\n")
    assert edited(text, fields("test.a.B.c", when={"pydebug": True})) == trimmed(text) + (
        "when = { pydebug = true }\n# after\n\n"
    )


def test_one_word_stays_as_it_is_written() -> None:
    for outcome in ('["error"]', "'error'"):
        text = PLAIN.replace('"error"', outcome) + "signature = ['ValueError']\n"
        same = fields("test.a.B.c", signature=("ValueError",))
        assert edited(text, same) == text
    several = fields("test.a.B.c", "test.a.B.d", outcome=("error", "fail"))
    assert edited(PLAIN, several) == PLAIN.replace(
        '["test.a.B.c"]', '[\n    "test.a.B.c",\n    "test.a.B.d",\n]'
    ).replace('"error"', '["error", "fail"]')


def test_a_table_of_conditions_keeps_what_is_still_wanted() -> None:
    text = PLAIN + '[expect.when]\ntarget = "wasi" # where\npython = "<3.14" # since\n'
    assert edited(text, fields("test.a.B.c", when={"target": "wasi", "pydebug": True})) == (
        PLAIN + '[expect.when]\ntarget = "wasi" # where\npydebug = true\n'
    )
    assert edited(text, fields("test.a.B.c", when={"target": "wasi", "python": "<3.14"})) == text


def test_a_new_entry_has_only_what_it_needs() -> None:
    assert new_entry(fields("test.a.B.c", reason="y")) == PLAIN.replace('limitation = "x"\n', "")
    assert new_entry(fields("test.a.B.c", outcome=("error", "fail"), reason="y")).splitlines()[2] == (
        'outcome = ["error", "fail"]'
    )


@pytest.mark.parametrize(
    ("first", "order"),
    [("a", "new b d d"), ("b", "b new d d"), ("c", "b new d d"), ("d", "b d d new"), ("e", "b d d new")],
)
def test_a_new_entry_is_put_before_the_first_with_a_later_test(first: str, order: str) -> None:
    listing = ListText("# head\n\n", (Block(line=3, text="b\n"), Block(line=5, text="d\n\n"), Block(line=7, text="d")))
    found = insert_sorted(listing, [(first, "new\n")], ["b", "d", "d"])
    assert found == "# head\n\n" + "\n\n".join(order.split()) + "\n"


def test_several_new_entries_are_put_in_order_and_nothing_makes_nothing() -> None:
    assert insert_sorted(ListText("", ()), [("b", "b"), ("a", "a\n")], []) == "a\n\nb\n"
    assert insert_sorted(ListText("", ()), [], []) == ""


TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.lists(TEXTS, min_size=1, max_size=3), TEXTS, st.lists(st.sampled_from(("fail", "error")), min_size=1))
def test_a_new_entry_says_what_it_is_given(tests: list[str], reason: str, outcome: list[str]) -> None:
    text = new_entry(
        fields(*tests, outcome=tuple(outcome), signature=("exit: 3",), when={"pydebug": True}, reason=reason)
    )
    (entry,) = tomllib.loads(text)["expect"]
    assert entry["tests"] == tests
    assert entry["reason"] == reason
    assert entry["outcome"] in (outcome, outcome[0])
    assert (entry["signature"], entry["when"]) == ("exit: 3", {"pydebug": True})
    again = edited(text, fields("test.x", outcome=("fail",)))
    assert tomllib.loads(again)["expect"] == [{"tests": ["test.x"], "outcome": "fail", "reason": reason}]
