"""What is replaced in regrtest itself, which differs between CPython 3.11 and later versions."""

import contextlib
import importlib
from typing import Any

from harness.guest.agent.journal import emit
from harness.guest.agent.journal_result import EXCEPTIONS_OF_CASES
from harness.guest.agent.texts import detail_of, id_of


def state_of(result: Any) -> str:
    """regrtest's state of a module in lower case. 3.12 and later have a string, 3.11 has a class for each state."""
    state = getattr(result, "state", None)
    if state is not None:
        return str(state).lower()
    names = {"Failed": "failed", "UncaughtException": "uncaught_exc", "EnvChanged": "env_changed"}
    names |= {
        "Passed": "passed",
        "Skipped": "skipped",
        "ResourceDenied": "resource_denied",
        "DidNotRun": "did_not_run",
        "Interrupted": "interrupted",
        "RefLeak": "refleak",
    }
    return names.get(type(result).__name__, type(result).__name__)


def watch_module(main: Any) -> None:
    """Journals regrtest's state of the module: what `run_single_test` returns from 3.12 on, `runtest` in 3.11.

    regrtest prints the exception that ended the module and keeps it nowhere, so it is caught in the function that loads
    the module.
    """
    name = "run_single_test" if hasattr(main, "run_single_test") else "runtest"
    run, ended_by = getattr(main, name), list[BaseException]()

    def journalled(*args: Any, **kwargs: Any) -> Any:
        result = run(*args, **kwargs)
        error = ended_by.pop() if ended_by else None
        emit(
            e="module",
            state=state_of(result),
            d={} if error is None else detail_of(error),
            known=any(error is one for one in EXCEPTIONS_OF_CASES),
        )
        return result

    def loading(*args: Any, **kwargs: Any) -> Any:
        try:
            return load(*args, **kwargs)
        except BaseException as error:
            ended_by.append(error)
            raise

    setattr(main, name, journalled)
    for place, inner in (("single", "_load_run_test"), ("runtest", "_runtest_inner2")):
        with contextlib.suppress(ImportError, AttributeError):
            module = importlib.import_module(f"test.libregrtest.{place}")
            load = getattr(module, inner)
            setattr(module, inner, loading)
            break


class WholeId(str):
    """An id that regrtest compares as a whole. It compares the dotted parts of a plain one too, so that a pattern for
    an id of one word would match all others with that word in it.
    """

    __slots__ = ()

    def split(self, *_: Any) -> list[str]:
        return []

    def id(self) -> str:
        """Itself: regrtest's filter takes a case, and asks it for its id."""
        return self


def filter_by_journal_id(support: Any) -> None:
    """Makes regrtest filter by the ids that the journal has: a case's own `id` may be something else, or raise.

    Only the name under which regrtest's runner calls the filter is replaced, since `match_test` itself has tests.
    """

    def by_id(test: Any) -> bool:
        return bool(match(WholeId(id_of(test))))

    try:
        place: Any = importlib.import_module("test.libregrtest.single")
        match = place.match_test
    except (ImportError, AttributeError):
        of_suite, match = support._filter_suite, support.match_test
        support._filter_suite = lambda suite, wanted: of_suite(suite, by_id if wanted is match else wanted)
    else:
        place.match_test = by_id
