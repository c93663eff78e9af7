"""What the classes of a test file inherit."""

from __future__ import annotations

import ast

from harness.curation.class_tree import heirs

TREE = ast.parse("""
class A:
    def test_x(self): pass
class B(base.A): pass
class C(B):
    async def test_x(self): pass
class D(C): pass
""")


def test_a_class_has_its_subclasses_at_any_depth() -> None:
    assert heirs(TREE) == {"A": {*"ABCD"}, "B": {*"BCD"}, "C": {*"CD"}, "D": {"D"}}


def test_a_class_with_its_own_method_does_not_inherit_one_of_that_name() -> None:
    assert heirs(TREE, "test_x") == {"A": {*"AB"}, "B": {"B"}, "C": {*"CD"}, "D": {"D"}}
