"""Starts the agent behind open gates: `python /gates [JOURNAL MODULE [options...]]`.

CPython's suite asks `test.support` what the platform can do. Here the answer is that it can do everything, so that the
cases run which would be skipped, and show whether they still have to be. The names are those of CPython 3.11 to 3.15;
a name that the CPython under test does not have is not added.
"""

import sys


def same(test: object) -> object:
    return test


def set_all(module: object, value: object, *names: str) -> None:
    for name in names:
        if hasattr(module, name):
            setattr(module, name, value)


def open_gates() -> None:
    from test import support

    # Before its submodules are imported: they copy some of these. linked_to_musl() asks the last one.
    set_all(support, False, "is_emscripten", "is_wasi", "is_wasm32")
    set_all(support, True, "has_fork_support", "has_subprocess_support", "has_socket_support")
    overflows = "skip_emscripten_stack_overflow", "skip_wasi_stack_overflow"
    set_all(support, lambda: same, *overflows)
    from test.support import os_helper, socket_helper, threading_helper

    set_all(threading_helper, True, "can_start_thread")
    set_all(os_helper, True, "_can_symlink", "_can_hardlink", "_can_chmod")
    set_all(socket_helper, True, "has_gethostname")


def main() -> None:
    open_gates()
    sys.path[0] = "/harness"
    with open("/harness/__main__.py", encoding="utf-8") as stream:
        exec(compile(stream.read(), "<harness agent>", "exec"), {"__name__": "harness_agent"})


if __name__ == "__main__":
    main()
