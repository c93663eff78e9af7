"""The classes of a test file of CPython's, and which of them inherit what. Pure."""

from __future__ import annotations

import ast


def heirs(tree: ast.Module, method: str = "") -> dict[str, set[str]]:
    """Each class at the top of the file with those that inherit from it there, itself among them; with a `method` only
    as far as they inherit that: a class that defines one of its own is none.
    """
    found: dict[str, set[str]] = {}
    # A class comes after those that it inherits.
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            own = bool(method) and any(isinstance(each, FUNCTIONS) and each.name == method for each in node.body)
            bases = set() if own else {last_name(base) for base in node.bases}
            for names in found.values():
                if names & bases:
                    names.add(node.name)
            found[node.name] = {node.name}
    return found


def last_name(node: ast.expr) -> str:
    """`b` of `a.b`; empty for what is no name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
