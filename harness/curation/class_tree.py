"""The classes in a test file of CPython, and which of them inherit a method. Pure."""

from __future__ import annotations

import ast


def heirs(tree: ast.Module, method: str = "") -> dict[str, set[str]]:
    """For each class at the top level of the file, the class itself and all classes there that inherit from it. With a
    `method`, only the classes that inherit this method, and not those that define their own.
    """
    found: dict[str, set[str]] = {}
    # A class is defined after its bases.
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
    """The last name of an expression, `b` for `a.b`; empty if the expression is not a name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
