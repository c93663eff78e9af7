"""Modules that need a library, a process or a file of their own."""

import io
import os
import sys

from observed import NoEffect, NotApplicable, new_file, scratch


def ctypes_call() -> None:
    import ctypes

    if ctypes.pythonapi.Py_IsInitialized() != 1:
        raise NoEffect("a call through ctypes gives something else")


def readline_history() -> None:
    import readline

    readline.add_history("line")
    if readline.get_history_item(1) != "line":
        raise NoEffect("the line is not in the history")


def ssl_context() -> None:
    import ssl

    ssl.create_default_context()


def curses_terminal() -> None:
    import curses

    curses.setupterm("dumb", 1)


def dbm_sqlite() -> None:
    _keep("dbm.sqlite3")


def dbm_gnu() -> None:
    _keep("dbm.gnu")


def dbm_ndbm() -> None:
    _keep("dbm.ndbm")


def _keep(kind: str) -> None:
    import importlib

    with importlib.import_module(kind).open(scratch("database"), "c") as database:
        database[b"key"] = b"value"
        if database[b"key"] != b"value":
            raise NoEffect("the value is lost")


def _section(number: int, content: bytes) -> bytes:
    return bytes([number, len(content)]) + content


def _side_module() -> bytes:
    """A module of WebAssembly for run-time linking, whose PyInit_probe() returns NULL."""
    name = b"PyInit_probe"
    return b"".join(
        (
            b"\0asm\1\0\0\0",
            _section(0, b"\x08dylink.0" + b"\1\4" + bytes(4)),  # it needs no memory and no table of its own
            _section(1, b"\1\x60\0\1\x7f"),  # (func (result i32))
            _section(3, b"\1\0"),
            _section(7, b"\1" + bytes([len(name)]) + name + b"\0\0"),
            _section(10, b"\1\4\0\x41\0\x0b"),  # i32.const 0
        )
    )


def extension_from_a_file() -> None:
    """Loads an extension module that is a file: on WebAssembly one of our own, elsewhere one that the build has."""
    if sys.platform in ("emscripten", "wasi"):
        _load_side_module()
    else:
        _load_a_module_of_the_build()


def extension_in_a_thread() -> None:
    """Two threads load an extension module that is a file: what one loads, the other has to load as well."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        for _ in range(2):
            pool.submit(_load_a_module_of_the_build).result(timeout=60)
            _load_a_module_of_the_build()


def _load_side_module() -> None:
    """It is loaded when CPython complains of what its initialization returns."""
    import importlib.machinery
    import importlib.util

    loader = importlib.machinery.ExtensionFileLoader("probe", new_file("probe.so", _side_module()))
    try:
        importlib.util.module_from_spec(importlib.util.spec_from_loader("probe", loader))
    except SystemError as error:
        if "initialization of probe failed" not in str(error):
            raise


def _load_a_module_of_the_build() -> None:
    import importlib.machinery
    import importlib.util

    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    for folder in filter(os.path.isdir, sys.path):
        for name in sorted(os.listdir(folder)):
            module = name.split(".")[0]
            if name.endswith(suffixes) and module not in sys.modules and not module.startswith("_test"):
                spec = importlib.util.spec_from_file_location(module, os.path.join(folder, name))
                spec.loader.exec_module(importlib.util.module_from_spec(spec))
                return
    raise NoEffect("no extension module has a file of its own")


def testcapi() -> None:
    import _testcapi

    if _testcapi.INT_MAX <= 0:
        raise NoEffect("a constant of the module is wrong")


def testinternalcapi() -> None:
    import _testinternalcapi

    if _testinternalcapi.get_recursion_depth() <= 0:
        raise NoEffect("the interpreter has no depth")


def testbuffer() -> None:
    import _testbuffer

    if bytes(_testbuffer.ndarray([1, 2], shape=[2], format="B")) != b"\1\2":
        raise NoEffect("a buffer has another content")


def xxtestfuzz() -> None:
    import _xxtestfuzz

    _xxtestfuzz.run(b"")


def ensurepip_bootstrap() -> None:
    import ensurepip

    ensurepip.bootstrap(root=scratch("pip"))


def venv_create() -> None:
    import venv

    venv.create(scratch("environment"), with_pip=False)
    if not os.path.exists(scratch("environment/pyvenv.cfg")):
        raise NoEffect("no environment was made")


def compileall_file() -> None:
    import compileall
    import importlib.util

    path = new_file("compiled.py", b"x = 1\n")
    if not compileall.compile_file(path, quiet=2) or not os.path.exists(importlib.util.cache_from_source(path)):
        raise NoEffect("nothing was compiled")


def webbrowser_found() -> None:
    """A program that can be run counts as a browser."""
    import webbrowser

    os.environ["BROWSER"] = scratch("browser")
    with open(scratch("browser"), "w") as stream:
        stream.write("#!/bin/sh\nexit 0\n")
    os.chmod(scratch("browser"), 0o700)
    if not webbrowser.get().open("http://localhost/"):
        raise NoEffect("no browser was opened")


def zone_from_a_file() -> None:
    """A zone of one offset, in the format of RFC 8536."""
    import datetime
    import struct
    import zoneinfo

    header = b"TZif" + b"2" + bytes(15)
    block = struct.pack(">6l", 0, 0, 0, 0, 1, 4) + struct.pack(">lbb", 3600, 0, 0) + b"XYZ\0"
    zone = zoneinfo.ZoneInfo.from_file(io.BytesIO((header + block) * 2 + b"\nXYZ-1\n"), key="Made/Up")
    if datetime.datetime(2020, 1, 1, tzinfo=zone).utcoffset() != datetime.timedelta(hours=1):
        raise NoEffect("the zone has another offset")


def zone_by_name() -> None:
    import zoneinfo

    if sys.platform == "linux" and not any(map(os.path.isdir, zoneinfo.TZPATH)):
        raise NotApplicable("this machine has no time zone files")
    zoneinfo.ZoneInfo("Europe/Berlin")
