"""What the harness reads from the output of git."""

from __future__ import annotations

from harness.util.git import parse_tags


def test_an_annotated_tag_is_the_commit_that_it_is_put_on() -> None:
    listing = "aa\trefs/tags/6.0.9\nbb\trefs/tags/6.0.10\ncc\trefs/tags/6.0.10^{}\n"
    assert parse_tags(listing) == {"6.0.9": "aa", "6.0.10": "cc"}


def test_a_repository_without_tags_has_none() -> None:
    assert parse_tags("") == {}
