"""Ids and texts of tests and exceptions, taken so that nothing which a test does can end the agent.

A test may raise anything anywhere, also what is no Exception: in `__str__`, in `id`, in the name of a type. Whatever
happens, each function here returns plain strings.
"""

import traceback
import unittest
import unittest.suite
from typing import Any

MESSAGE_LIMIT = 500
TRACEBACK_LIMIT = 6000


def id_of(test: Any) -> str:
    """The id of a case, or of what unittest reports a failed fixture under.

    It is the one that unittest or doctest gives it: a test may define an `id` of its own that is something else, or
    changes while it runs. doctest's own method has to be asked, since `unittest.TestCase.id` is the same for all
    doctests.
    """
    for ask in (_id_of_library, str):
        try:
            return exact(ask(test))
        except BaseException:
            continue
    return f"a case of {type_name(type(test))}"


def _id_of_library(test: Any) -> Any:
    for kind in type(test).__mro__:
        if "id" in vars(kind) and is_of_library(kind):
            return vars(kind)["id"](test)
    raise LookupError


def is_of_library(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in {"unittest", "doctest"}


def exact(text: Any, limit: int | None = None) -> str:
    """The text, or its beginning, as an object of `str` itself: a subclass may override what is called later."""
    return str.__getitem__(str(text), slice(limit))


def type_name(kind: Any) -> str:
    try:
        name, module = exact(kind.__qualname__), exact(kind.__module__)
    except BaseException:
        return "a_type_without_a_name"
    return name if module == "builtins" else f"{module}.{name}"


def text_of(value: object, limit: int | None = MESSAGE_LIMIT) -> str:
    try:
        return exact(value, limit)
    except BaseException as error:
        return f"<its text raises {type_name(type(error))}>"


def params_of(subtest: Any) -> str:
    """A subtest's parameters as unittest prints them."""
    try:
        return exact(subtest._subDescription())
    except BaseException as error:
        return f"<its parameters raise {type_name(type(error))}>"


def detail_of(error: BaseException) -> dict[str, str]:
    """The detail of an exception outside of all cases: its type, its text, and the end of its traceback.

    A skip has no traceback: to format one the sources of its frames are read, which takes longer than everything else
    in a module that is skipped.
    """
    if issubclass(type(error), unittest.SkipTest):
        return {"exception": type_name(type(error)), "message": text_of(error)}
    try:
        trace = exact("".join(traceback.format_exception(error)))
    except BaseException as failed:
        trace = f"<no traceback: {type_name(type(failed))}>"
    return {"exception": type_name(type(error)), "message": text_of(error), "traceback": trace[-TRACEBACK_LIMIT:]}


def kind_of(test: Any, err: Any) -> str:
    """`fail` or `error`: what unittest calls an exception in a subtest."""
    try:
        return "fail" if issubclass(err[0], test.failureException) else "error"
    except BaseException:
        return "error"


def printable(test: Any) -> Any:
    """The case, or a holder of its id if it cannot be printed: regrtest prints the failed ones when all have run."""
    try:
        exact(test)
        test.shortDescription()
    except BaseException:
        return error_holder(id_of(test))
    return test


def error_holder(name: str) -> Any:
    """The object under which unittest reports an error that belongs to no case."""
    return unittest.suite._ErrorHolder(name)  # type: ignore[attr-defined]
