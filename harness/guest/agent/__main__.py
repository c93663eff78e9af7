"""Starts the agent and leaves no trace of it: `python /harness [JOURNAL MODULE [options...]]`.

Tests look at `__main__`, at `sys.modules`, and at which files were traced. So `__main__` ends up with no more in it
than under `python -m test`, the agent's modules are gone from `sys.modules` once they have imported each other, and
their code has a file name of the kind that `trace` leaves out.
"""

import sys


def main() -> None:
    # Each after those that it imports.
    files = (
        "journal",
        "texts",
        "journal_result",
        "fixtures",
        "frozen_objects",
        "suites",
        "regrtest_hooks",
        "library_imports",
        "agent",
    )
    for file in files:
        name = f"harness.guest.agent.{file}"
        module = sys.modules[name] = type(sys)(name)
        with open(f"{sys.path[0]}/{file}.py", encoding="utf-8") as stream:  # noqa: PTH123 - pathlib would be imported for the test's part
            exec(compile(stream.read(), "<harness agent>", "exec"), vars(module))
    for file in files:
        module = sys.modules.pop(f"harness.guest.agent.{file}")
    module.main(sys.argv[1:])


main()
