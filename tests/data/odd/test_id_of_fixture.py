# A function as a case is called like a fixture, and fails. The cases of the class have nothing to do with it.

import unittest


class T(unittest.TestCase):
    def test_a(self):
        pass


def load_tests(loader, tests, pattern):
    def fail():
        raise OSError(44, "on purpose")

    fail.__name__ = "setUpClass (test_id_of_fixture.T)"
    return unittest.TestSuite([unittest.FunctionTestCase(fail), tests])
