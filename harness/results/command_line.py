"""The command that runs a case again as it was run, with every option that decided what was tested."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.project import CACHE_VARIABLE, project_root
from harness.results.case_ids import FIXTURE_KIND, dotted, subject_of
from harness.util.cache import cache_root
from harness.util.paths import expanded, shown

_CHECKOUT = Path(__file__).resolve().parents[2]
# As FIXTURE, for the id of any class or case, which may contain any character.
ABOUT = re.compile(rf"(?:{FIXTURE_KIND}|after) \((.+)\)", re.DOTALL)
_VERSION = re.compile(r"\d+(\.\d+)*\w*")
# A bracket that stands for one character of an id.
_ESCAPED = re.compile(r"\[([\[*?])\]")


class RunOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What decided, besides cell and cases, what a run tested; empty for the default.

    The first fields are options of `test`, with absolute paths. `cache` is the cache folder if the environment names
    one, `project` the folder with matrix and lists if it is not the checkout, and `program` the command that starts the
    harness's Python.
    """

    cpython: str = ""
    prebuilt: str = ""
    suite: str = ""
    own_suite: str = ""
    provider: str = ""
    toolchain: str = ""
    runtime: str = ""
    pins: str = ""
    bundle: str = ""
    tests: str = ""
    use: tuple[str, ...] = ()
    randseed: str = ""
    randomize: bool = False
    tree_pins: bool = False
    isolated: bool = False
    fail_env_changed: bool = False
    cache: str = ""
    project: str = ""
    program: str = "python"

    @classmethod
    def of(cls, options: object) -> RunOptions:
        """The options of a run in parsed options; not every command has all of them."""
        given = {name: absolute(name, str(getattr(options, name, "") or "")) for name in _VALUES}
        switches = {name: bool(getattr(options, name, False)) for name in _SWITCHES}
        decided: dict[str, Any] = given | switches | {"use": tuple(getattr(options, "use", ()))}
        return msgspec.structs.replace(cls.here(), **decided)

    @classmethod
    def here(cls) -> RunOptions:
        """A run without options, by this program in this folder and cache."""
        root = project_root()
        found = shutil.which("python")
        # A run may have been started without activating its environment.
        ours = found and Path(found).parent.resolve() == Path(sys.executable).parent.resolve()
        return cls(
            cache=str(cache_root()) if os.environ.get(CACHE_VARIABLE) else "",
            project="" if root == _CHECKOUT else str(root),
            program="python" if ours else sys.executable,
        )

    def arguments(self) -> Iterator[str]:
        """The options, as a user would type them."""
        yield from (f"--{name.replace('_', '-')}={value}" for name in _VALUES if (value := getattr(self, name)))
        yield from (f"--use={each}" for each in self.use)
        yield from (f"--{name.replace('_', '-')}" for name in _SWITCHES if getattr(self, name))

    @property
    def why_no_evidence(self) -> str:
        """Why lists and history learn nothing from a run with these options; empty when they do."""
        if self.tests:
            return f"a run of own tests, {self.tests}"
        return "a run with -u or --randomize" if self.use or self.randomize else ""

    def line(self, arguments: Sequence[str], module: str = "harness") -> str:
        """A line for a shell: the harness with these arguments, in the folder and the cache of the run. `module` is
        what is started: it may be pytest.
        """
        folder = f"cd {shell_word(self.project)} && " if self.project else ""
        cache = f"{CACHE_VARIABLE}={shell_word(self.cache)} " if self.cache else ""
        return f"{folder}{cache}{shell_word(self.program)} -m {module} {' '.join(map(shell_word, arguments))}"

    def command(self, cell: str, *further: str) -> str:
        """The line that tests the cell again; `further` are more arguments."""
        return self.line(["test", cell, *self.arguments(), *further])

    def probe(self, cell: str, run: Path) -> str:
        """The line that probes the build that was tested, into the folder `run`."""
        build = RunOptions(**{name: getattr(self, name) for name in _PROBED})
        folder = str(run.absolute()) if self.project else shown(run)
        return self.line(["probe", cell, *build.arguments(), "--run-dir", folder])

    def again(self, cell: str, case: str, module: str) -> str:
        """The line that runs one case of the cell's module again."""
        return self.command(cell, "--case", case_word(case, module, own=bool(self.tests)))


def go_on_line(argv: Sequence[str], run: Path) -> str:
    """The line that resumes the run in the folder `run`, which the command with these arguments has started."""
    module = "pytest" if "pytest" in argv[0] else "harness"
    words = iter(argv[1:])
    kept = []
    for word in words:
        if word == "--run-dir":
            next(words, "")
        elif not word.startswith("--run-dir=") and word not in {"--resume", "--overwrite"}:
            kept.append(word)
    return RunOptions.here().line([*kept, f"--run-dir={shown(run)}", "--resume"], module)


DEFAULT = RunOptions()
_VALUES = (
    "cpython",
    "prebuilt",
    "suite",
    "own_suite",
    "provider",
    "toolchain",
    "runtime",
    "pins",
    "bundle",
    "tests",
    "randseed",
)
_PROBED = ("cpython", "prebuilt", "suite", "provider", "toolchain", "runtime", "pins", "bundle", "tree_pins")
_SWITCHES = ("randomize", "tree_pins", "isolated", "fail_env_changed")


def absolute(name: str, value: str) -> str:
    """The value of the option of that name, with an absolute path if it has one."""
    if not value or name in {"provider", "randseed"}:
        return value
    if name == "runtime":
        kind, colon, path = value.partition(":")
        return f"{kind}:{expanded(Path(path))}" if colon and path else value
    if name in {"cpython", "suite", "own_suite", "toolchain"} and (
        _VERSION.fullmatch(value) or value.startswith("git:")
    ):
        return value
    return str(expanded(Path(value)))


def shell_word(text: str) -> str:
    """The text quoted for a shell, on one line and without characters that a terminal would not show."""
    if text.isprintable():
        return shlex.quote(text)
    return f"$'{''.join(map(_escaped, text))}'"


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    how = "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass"
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", how))


def case_word(case: str, module: str, *, own: bool = False) -> str:
    """The argument of `--case` for this case of this module: its id, with `MODULE::` in front if the id does not begin
    with the name of the module. Characters that `--case` would take for a pattern are escaped.
    """
    word = re.sub(r"([\[*])", r"[\1]", case) if "*" in case or _ESCAPED.search(case) else case
    name, subject = dotted(module, own=own), subject_in(case)
    return word if not module or subject == name or subject.startswith(f"{name}.") else f"{module}::{word}"


def subject_in(case: str) -> str:
    """What an id is about, as `subject_of` in case_ids.py, but for ids that may contain any character."""
    found = ABOUT.fullmatch(case)
    return found[1] if found else subject_of(case)


def split_word(word: str) -> tuple[str, str]:
    """The module before `::` in an argument of `--case`, or an empty string, and the id or the pattern."""
    module, colons, case = word.partition("::")
    return (module, case) if colons and case and re.fullmatch(r"[\w.]+", module) else ("", word)


def literal(word: str) -> str:
    """The id for an argument of `--case` without a pattern in it."""
    return _ESCAPED.sub(r"\1", word)


def pattern(word: str) -> str:
    """The argument of `--case` as a pattern for fnmatch. Only `*` is a wildcard: ids have `?` for a character that
    cannot be printed. White space at an end, which regrtest would strip, is put in brackets.
    """
    escaped = re.sub(r"\[[\[*?]\]|\[", lambda found: found[0] if len(found[0]) == 3 else "[[]", word)
    return re.sub(r"^\s|\s$", lambda found: f"[{found[0]}]", escaped)
