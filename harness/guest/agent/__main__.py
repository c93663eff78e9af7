"""Starts the agent and leaves no trace of it: `python /harness [JOURNAL MODULE [options...]]`.

Tests look at `__main__`, and at which files were traced. So this namespace ends up with no more in it than
that of `python -m test`, and the agent's code carries the kind of file name that `trace` leaves out.
"""

import sys


def main() -> None:
    path = f"{sys.path[0]}/agent.py"
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123 - pathlib would be imported for the test's part
        code = compile(stream.read(), "<harness agent>", "exec")
    namespace = {"__name__": "harness_agent"}
    exec(code, namespace)
    namespace["main"](sys.argv[1:])  # type: ignore[operator]


main()
