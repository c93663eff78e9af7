"""The options of a test run of a cell, for `python -m harness test` and for pytest."""

from __future__ import annotations

import random
import re
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option with a value, or a switch if it has no `metavar`. An option with `many` may be repeated. `kind` makes
    a value of text, and `default` is such a value. `short` is a second name of it, which pytest does not get: it takes
    no options of one letter.
    """

    flag: str
    help: str
    metavar: str = ""
    short: str = ""
    many: bool = False
    kind: type = str
    default: Any = None

    @property
    def name(self) -> str:
        return self.flag.removeprefix("--").replace("-", "_")

    def add(self, add: Callable[..., Any], *, short: bool = False) -> None:
        """`add` is argparse's `add_argument` or pytest's `addoption`; `short` adds the short name too."""
        names = [*([self.short] if short and self.short else []), self.flag]
        if not self.metavar:
            add(*names, action="store_true", help=self.help)
        elif self.many:
            add(*names, action="append", default=[], metavar=self.metavar, help=self.help)
        else:
            add(*names, type=self.kind, default=self.fallback, metavar=self.metavar, help=self.help)

    @property
    def fallback(self) -> Any:
        """The value of the option where the command line does not have it."""
        return self.kind() if self.default is None else self.default


# The options that decide which build is tested, or only built.
BUILD_OPTIONS = (
    Option(flag="--cpython", metavar="PATH-OR-VERSION", help="another CPython than the cell's own"),
    Option(flag="--provider", metavar="NAME", help="get the toolchain from this provider only"),
    Option(
        flag="--toolchain",
        metavar="PATH-OR-VERSION",
        help="use the toolchain in this folder, or another version of it than the cell's own",
    ),
    Option(
        flag="--runtime",
        metavar="VERSION",
        help="another version of the runtime than the cell's own, or one of this machine: path:/usr/bin/node, "
        "path:/usr/bin/chromium, path: and the folder of wasmtime's Python package; system for the browser on PATH",
    ),
    Option(
        flag="--tree-pins",
        help="take the toolchain, the Node and the regrtest resources that the CPython tree pins; cells whose id "
        "names no toolchain, such as `emscripten`, always do",
    ),
    Option(
        flag="--prebuilt",
        metavar="PATH",
        help="an interpreter that somebody else has built: with `pyodide` the folder of Pyodide's dist, with `wasi` or "
        "`emscripten` a build folder of CPython's, what `make install` has made, or a release archive of it",
    ),
    Option(
        flag="--suite",
        metavar="PATH-OR-VERSION",
        help="for an interpreter that somebody else has built: the tests of this CPython, in the place of its own's; a "
        "checkout, a version, or the prefix of an installed one",
    ),
    Option(flag="--pins", metavar="FILE", help="further pins, of the form of matrices/pins.toml"),
    Option(flag="--jobs", metavar="N", kind=int, help="jobs for make (default: the number of processors)"),
)
RUN_DIR = Option(flag="--run-dir", metavar="DIR", help="where results go (default: a new folder in reports/)")
BUNDLE = Option(
    flag="--bundle",
    metavar="FILE",
    help="test the build in this file, made by `python -m harness bundle`, and build nothing",
)
TESTS = Option(
    flag="--tests",
    metavar="PATH",
    help="run the test_*.py modules and test_* packages in this folder, or this .py file, in the place of the suite",
)
NATIVE = Option(
    flag="--native",
    metavar="PATH",
    help="a Python of this machine with the version and the tests of the suite, where the build has none here: that of "
    "a bundle, or an interpreter that somebody else has built",
)
OWN_SUITE = Option(
    flag="--own-suite",
    metavar="PATH-OR-VERSION",
    help="with --suite: the tests of the interpreter's own version, or of another one such that its own "
    "is between that and the suite's. A case that they have with other source is no regression (default: those of its "
    "version, if available)",
)
TESTING = (
    *BUILD_OPTIONS,
    BUNDLE,
    OWN_SUITE,
    Option(
        flag="--case",
        metavar="ID",
        many=True,
        help="only this case, the cases of a class (its name and .*), or a module; may be repeated, and adds to the "
        "modules that are named",
    ),
    TESTS,
    Option(
        flag="--changed",
        metavar="REV",
        help="with --cpython PATH: only the modules that the changes in that checkout since this commit, branch or tag "
        "can reach, by what they imported in the last whole run",
    ),
    Option(flag="--shard", metavar="K/N", help="only the K-th of N parts of the suite, which take about the same time"),
    Option(
        flag="--cut-by",
        metavar="FILE",
        help="cut shards by the durations in this results.json, the same for all (default: what this machine recorded)",
    ),
    Option(
        flag="--reruns",
        metavar="N",
        kind=int,
        default=2,
        help="how often a case that did something unexpected runs again, to tell what is flaky (default: 2)",
    ),
    Option(flag="--verify", metavar="K", kind=int, default=1, help="run everything that is selected K times in all"),
    Option(
        flag="--use",
        short="-u",
        metavar="RESOURCES",
        many=True,
        help="regrtest's -u in the place of the cell's own: all, cpu,network, all,-gui; may be repeated",
    ),
    Option(
        flag="--randomize",
        help="modules in regrtest's random order for the seed, and the classes and cases of each in a random order too",
    ),
    Option(
        flag="--randseed",
        metavar="N",
        help="the seed of --randomize (default: a new one), and of random in every module, as regrtest's (default: 0)",
    ),
    Option(flag="--show-known", help="show every known failure as an unexpected one is; those of --case always are"),
    Option(flag="--fail-env-changed", help="a module that alters its environment is unexpected, as in CPython's CI"),
    RUN_DIR,
    Option(
        flag="--resume",
        help="go on with the run in --run-dir, or with the last one in reports/ that did not come to its end, as it "
        "was begun, but for -n: modules that are finished there are kept",
    ),
    Option(flag="--overwrite", help="with --run-dir: replace the results that the cell has there"),
    Option(flag="--isolated", help="a new engine process for every start of the interpreter, to debug the harness"),
)

OPTIONS_HINT = "`python -m harness test --help` lists the options; pytest's own are allowed too"


def one_or_more(text: str) -> int:
    """The number, as argparse's `type` of an option that counts."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text}: must be a number of 1 or more")
    return int(text)


def check_numbers(options: Namespace) -> None:
    """ConfigError for a number out of its range."""
    for name, least in (("reruns", 0), ("verify", 1)):
        if getattr(options, name) < least:
            raise ConfigError(f"--{name} {getattr(options, name)}: must be {least} or more")
    if not re.fullmatch(r"[0-9]{0,18}", options.randseed):
        raise ConfigError(f"--randseed {options.randseed}: must be a number of 18 digits at most, 0 or more")
    if options.randomize and options.shard and not options.randseed and not options.resume:
        raise ConfigError(
            "--shard and --randomize without a seed: each shard would have another one",
            hint="give all of them the same: --randseed N",
        )


def with_seed(options: Namespace) -> Namespace:
    """The options with a new seed, if they ask for a random order and have none."""
    if not options.randomize or options.randseed:
        return options
    return Namespace(**{**vars(options), "randseed": str(random.SystemRandom().getrandbits(32))})


def as_arguments(options: Namespace, which: tuple[Option, ...] = TESTING) -> list[str]:
    """The command line arguments for these options."""
    found = []
    for option in which:
        value = getattr(options, option.name)
        if not option.metavar:
            found += [option.flag] if value else []
        elif option.many:
            found += [f"{option.flag}={each}" for each in value]
        elif value != option.fallback:
            found.append(f"{option.flag}={value}")
    return found
