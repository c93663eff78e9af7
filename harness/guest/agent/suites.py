"""unittest's suites: the plan that is announced before the first case, and the random order."""

import random
import unittest
from collections.abc import Iterator
from typing import Any

from harness.guest.agent.fixtures import FIXTURES, watched_fixture
from harness.guest.agent.frozen_objects import unfreeze_for
from harness.guest.agent.journal import emit
from harness.guest.agent.texts import exact, id_of, type_name


class _Choice:
    """What this guest runs: a module, in the random order of `seed`; in unittest's own order when that is empty."""

    module = ""
    seed = ""


CHOICE = _Choice()


def watch_suites(journal_result: Any) -> None:
    """Makes unittest's suites announce the cases that they are about to run and the fixtures that begin, if their
    result is a `journal_result`. The outermost suite of a module is put in the random order, if there is one.
    """
    suite: Any = unittest.TestSuite
    run = suite.run

    def planned_run(self: Any, result: Any, debug: bool = False) -> Any:
        if isinstance(result, journal_result) and not result.journal_planned:
            result.journal_planned = True
            unfreeze_for(CHOICE.module)
            if CHOICE.seed:
                shuffle(self, CHOICE.seed)
            emit(e="plan", ids=list(ids_in(self)))
        return run(self, result, debug)

    suite.run = planned_run
    for method in FIXTURES:
        setattr(suite, method, watched_fixture(method, journal_result))


def ids_in(suite: Any) -> Iterator[str]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from ids_in(test)
        elif test is not None:
            yield id_of(test)


def shuffle(suite: Any, seed: str) -> None:
    """Puts a suite in the random order of the seed: modules, the classes of each, and the cases of each class.

    The cases of a class stay together, since unittest would run the fixtures of the class again for each part of it.
    The position of a case in its class depends on the seed and the id of the case alone: when the guest is started
    again without the cases that are finished, the rest keeps its order.
    """

    def chance(text: str) -> float:
        named = f"{seed} {text}".encode(errors="surrogatepass")
        # Seeded by a number, random does not need hashlib.
        return random.Random(int.from_bytes(named, "big")).random()

    def place(test: Any) -> tuple[float, ...]:
        while isinstance(test, unittest.TestSuite):
            test = next((one for one in test if one is not None), None)
        return chance(exact(type(test).__module__)), chance(type_name(type(test))), chance(id_of(test))

    suite._tests = sorted((test for test in suite if test is not None), key=place)
    for test in suite._tests:
        if isinstance(test, unittest.TestSuite):
            shuffle(test, seed)
