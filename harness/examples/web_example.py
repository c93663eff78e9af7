"""`web-example`: the web example of CPython's tree, served by its own server and used in a real browser."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

from harness.build.artifact import Build
from harness.errors import ConfigError, UnavailableError
from harness.examples.causes import (
    ENDED_RUNTIME,
    HALF_ERASED,
    NO_ISOLATION,
    NOT_IN_LIBRARY,
    NOT_KEPT,
    NOT_READY,
    SHORT_LINES,
    SMALL_STACK,
)
from harness.examples.classic_example import ClassicExample, classic_example_of, is_classic
from harness.examples.page_probes import ASK_FOR_CONTENTS, CONTENTS, LACKS, LIBRARY, RUN, page_observations
from harness.examples.results import report
from harness.examples.tab import Tab, browser_of_playwright, check_playwright, new_tab
from harness.examples.trials import Cause, Seen, Trial, try_example
from harness.examples.web_page import PAGE, WebExample, check_makes_web_example, foreign_files, web_example_of
from harness.limitations.page import WEB_EXAMPLE_FILE, observations_json
from harness.matrix.cells import Cell
from harness.matrix.load import load_configuration
from harness.matrix.pins import Pins, load_pins
from harness.results.run_folder import new_run_folder
from harness.run.prepare import BuildRequest, named_cell, prepare
from harness.run.prepared import Prepared
from harness.targets import Engine, Target
from harness.toolchains.browsers import machines_browser, own_browser
from harness.toolchains.runtimes import obtain_package, obtain_runtime
from harness.util.cache import cache_root
from harness.util.files import remove_tree
from harness.util.process import Background, Command, last_lines

SYSTEM = "system"
READY_SECONDS = 30.0
ANSWER_SECONDS = 20.0
_SERVER_SECONDS = 20.0
_PROMPT = ">>>"
_ENDED = "Exited with status: 0"
_PROGRAM, _ANSWER = "import sys; print('answer', 6 * 7, sys.platform)", "answer 42 emscripten"
_PORT = re.compile(r" port (\d+)")

Act = Callable[[Tab], Seen]
Example = WebExample | ClassicExample


def web_example(
    cell: str, wishes: BuildRequest, run_dir: str, browser: str, only: Sequence[str] = ()
) -> tuple[str, int]:
    """What `web-example` prints, and its exit status. `browser` is a Chromium's program, `system` for that on PATH, or
    empty for the one that is pinned, or the cell's own. `only` are the names of the parts to be tried, all when empty.

    Before anything is built: ConfigError for a part that is not known, UnavailableError for a cell or a tree that has
    no web example, and when Playwright or that browser is missing.
    """
    parts = _parts_named(only)
    named = named_cell(cell, wishes)
    if named.target is not Target.EMSCRIPTEN or named.is_prebuilt:
        raise UnavailableError(
            f"{cell} has no web example: that is a part of a build of CPython for Emscripten",
            hint="`python -m harness cells -t emscripten` lists such cells",
        )
    given = functools.cache(lambda: _chromium(named, wishes, browser))

    def check(tree: Path) -> None:
        # First what no installation would change.
        check_makes_web_example(tree)
        check_playwright()
        given()

    prepared = prepare(cell, dataclasses.replace(wishes, web_example=True), check)
    example = _example_of(prepared.build)
    program = given() or _program(prepared.runtime)
    elsewhere, hashes = _elsewhere(prepared, example, wishes)

    def try_all(folder: Path) -> list[Trial]:
        work = folder / "web-example"
        remove_tree(work)
        work.mkdir()
        with browser_of_playwright(program) as started, served(example, work) as address:
            bench = _Bench(example=example, browser=started, address=address, elsewhere=elsewhere, work=work)
            return [hashes, *bench.trials(parts)]

    return report(
        prepared, run_dir, WEB_EXAMPLE_FILE, try_all, lambda trials: observations_json(page_observations(trials))
    )


def try_for_probes(cells: Sequence[str], wishes: BuildRequest, run_dir: str) -> tuple[str, str]:
    """What `web-example` prints of these cells, and the folder of the run, in which the probes find what was seen.
    ConfigError, before anything is built, for a cell that does not run in Chromium: no other browser is used.
    """
    for cell in cells:
        named = named_cell(cell, wishes)
        if named.engine is not Engine.CHROMIUM:
            raise ConfigError(
                f"--web-example is for cells that run in Chromium, and {cell} runs under {named.engine}",
                hint="`python -m harness cells -t browser` lists them",
            )
    folder = run_dir or str(new_run_folder())
    return "\n\n".join(web_example(cell, wishes, folder, "")[0] for cell in cells), folder


def _example_of(build: Build) -> Example:
    return classic_example_of(build) if is_classic(build) else web_example_of(build)


def _chromium(cell: Cell, wishes: BuildRequest, wish: str) -> Path | None:
    """The program of the Chromium that is to be driven, None for the cell's own: Playwright cannot drive a Firefox that
    is not its own.
    """
    if wish:
        own = machines_browser(Engine.CHROMIUM) if wish == SYSTEM else own_browser(Engine.CHROMIUM, Path(wish))
        return own[0]
    if cell.engine is Engine.CHROMIUM:
        return None
    pins = _pins(wishes)
    pinned = max((pin.version for pin in pins.runtime if pin.name == Engine.CHROMIUM), key=Version)
    return _program(obtain_runtime(Engine.CHROMIUM.value, pinned, pins, cache_root()))


def _program(runtime: Path) -> Path:
    return runtime if runtime.is_file() else runtime / "bin" / Engine.CHROMIUM.value


def _pins(wishes: BuildRequest) -> Pins:
    _, pins = load_configuration()
    return load_pins(Path(wishes.pins), pins) if wishes.pins else pins


def _elsewhere(prepared: Prepared, example: Example, wishes: BuildRequest) -> tuple[dict[str, bytes], Trial]:
    """What the page takes from other servers, by its address, as npm's package has it; and whether that has the hashes
    that the page names.
    """
    pins = _pins(wishes)
    found, wrong = {}, []
    for foreign in foreign_files(example.texts[PAGE]):
        pinned = pins.npm_pin(foreign.package).version
        if pinned != foreign.version:
            raise UnavailableError(
                f"the web example takes {foreign.address}, and of {foreign.package} {pinned} is pinned",
                hint="pin that version as [[npm]] in a file, and name it with --pins",
            )
        file = obtain_package(foreign.package, pins, prepared.cache) / foreign.package / foreign.file
        if not file.is_file():
            wrong.append(f"{foreign.package} {pinned} of npm has no {foreign.file}, as the page takes it")
            continue
        content = found[foreign.address] = file.read_bytes()
        if not foreign.is_right(content):
            wrong.append(f"{foreign.address} has another hash than {foreign.integrity}")
    text = "; ".join(wrong) or f"{len(found)} files of npm have the hashes that the page names"
    return found, Trial(example="what the page takes from a CDN", seen=Seen(works=bool(found) and not wrong, text=text))


@contextlib.contextmanager
def served(example: Example, work: Path) -> Iterator[str]:
    """The address of the page in the folder `page`, served by the tree's own server as long as the block runs."""
    page, log = work / "page", work / "server.log"
    example.lay((), page)
    argv = (sys.executable, "-u", "server.py", "--port", "0")
    server = Background(Command(argv=argv, cwd=page), log=log)
    try:
        deadline = time.monotonic() + _SERVER_SECONDS
        while not (found := _PORT.search(log.read_text(encoding="utf-8"))):
            if server.poll() is not None or time.monotonic() > deadline:
                raise UnavailableError(
                    f"the web example's own server does not start: {last_lines(log) or 'it says nothing'}",
                    hint=f"start it by hand: cd {shlex.quote(str(page))} && {shlex.join(argv)}",
                )
            time.sleep(0.05)
        yield f"http://127.0.0.1:{found[1]}/{PAGE}"
    finally:
        server.kill()


@dataclass(frozen=True)
class _Part:
    """What its user may do with the page. `name` is that of its screenshots, `title` that in the table; `fault` keeps
    it from working where the example has that.
    """

    name: str
    title: str
    act: Act
    fault: Cause | None = None
    isolated: bool = True


@dataclass(frozen=True, kw_only=True)
class _Bench:
    """What the trials of one example share. Screenshots are left in the folder `work`."""

    example: Example
    browser: Any
    address: str
    elsewhere: Mapping[str, bytes]
    work: Path

    def trials(self, parts: Sequence[_Part]) -> Iterator[Trial]:
        for part in parts:
            if part.name == RUN:
                yield from try_example(
                    part.title, self.example.causes, functools.partial(self._attempt_part, part), part.name
                )
            else:
                yield from self._trials_of(part)

    def _trials_of(self, part: _Part) -> Iterator[Trial]:
        """Where the example has the part's fault: without the change for it, and with it as far as there is one."""
        causes = self.example.causes
        fault = part.fault if part.fault in (*self.example.faults, *_DOCUMENTED) else None
        if fault:
            seen = self._attempt_part(part, causes)
            yield Trial(example=part.title, part=part.name, changes=causes, expected=fault, seen=seen)
        if not fault or fault.change:
            changes = (*causes, *((fault,) if fault else ()))
            seen = self._attempt_part(part, changes)
            yield Trial(example=part.title, part=part.name, changes=changes, seen=seen)

    def _attempt_part(self, part: _Part, changes: Sequence[Cause]) -> Seen:
        return self.attempt(part.name, changes, part.act, isolated=part.isolated)

    def attempt(self, photo: str, changes: Sequence[Cause], act: Act, *, isolated: bool = True) -> Seen:
        """What comes of that part of the example with those changes."""
        self.example.lay(changes, self.work / "page")
        with new_tab(self.browser, self.elsewhere, isolated=isolated) as tab:
            seen = Seen(works=False, text="Error: the button Run stays disabled")
            try:
                tab.open(self.address)
                if tab.is_enabled("run", READY_SECONDS):
                    seen = act(tab)
            except tab.failure as error:
                # The page has changed: it has no such button, or one that stays disabled.
                seen = Seen(works=False, text=f"Error: {str(error).partition(chr(10))[0]}")
            tab.photograph(self.work / f"{photo}-{len(changes)}.png")
            return seen if seen.works else dataclasses.replace(seen, text="\n".join((seen.text, *tab.problems)))


def _run(tab: Tab) -> Seen:
    tab.put_code(_PROGRAM)
    tab.click("run")
    tab.shows("Exited with status", ANSWER_SECONDS)
    return _shows(tab, _ANSWER, _ENDED)


def _shows(tab: Tab, *wanted: str) -> Seen:
    works = all(tab.shows(text, ANSWER_SECONDS) for text in wanted)
    return Seen(works=works, text=tab.text if works else f"Error: the answer is not shown, but {tab.text!r}")


def _start_repl(tab: Tab) -> None:
    tab.click("repl")
    tab.shows(_PROMPT, ANSWER_SECONDS)


def _repl(tab: Tab) -> Seen:
    _start_repl(tab)
    tab.type("print('answer', 6 * 7)")
    answered = _shows(tab, "\nanswer 42\n")
    tab.press("Control+d")
    return _shows(tab, _ENDED) if answered.works else answered


def _stop(tab: Tab) -> Seen:
    """Ends a program that never does, and runs another one as soon as the page allows it."""
    tab.put_code("print('begun')\nwhile True: pass")
    tab.click("run")
    tab.shows("begun", ANSWER_SECONDS)
    tab.put_code(_PROGRAM)
    tab.click_at_once("stop", "run")
    # Where Run was disabled until the new Worker is ready, the second click did nothing.
    if not tab.shows("Exited with status", ANSWER_SECONDS) and tab.is_enabled("run", READY_SECONDS):
        return _run(tab)
    return _shows(tab, _ANSWER, _ENDED)


def _run_nested(tab: Tab) -> Seen:
    """Runs what CPython's parser and compiler need a deeper stack for."""
    tab.put_code(f"print('answer', len(eval('{'[' * 90}{']' * 90}')))")
    tab.click("run")
    return _shows(tab, "answer 1\n", _ENDED)


def _run_again(tab: Tab) -> Seen:
    first = _run(tab)
    if not first.works or not tab.is_enabled("run", READY_SECONDS):
        return first
    tab.put_code("print('once', 'more')")
    tab.click("run")
    if tab.shows("once more", ANSWER_SECONDS):
        return Seen(works=True, text=tab.text)
    return Seen(works=False, text=f"Error: nothing is printed by the second program: {tab.text!r}")


def _library(tab: Tab) -> Seen:
    """Works where the library has all that is asked for."""
    tab.put_code(ASK_FOR_CONTENTS)
    tab.click("run")
    seen = _shows(tab, *CONTENTS, _ENDED)
    return Seen(works=seen.works and LACKS not in seen.text, text=seen.text)


def _kept(tab: Tab) -> Seen:
    tab.put_code("open('/home/web_user/left', 'w').close(); print('written')")
    tab.click("run")
    written = _shows(tab, "written", _ENDED)
    if not written.works:
        return written
    tab.reload()
    if not tab.is_enabled("run", READY_SECONDS):
        return Seen(works=False, text="Error: the button Run stays disabled when the page is loaded again")
    tab.put_code("import os; print('kept', os.path.exists('/home/web_user/left'))")
    tab.click("run")
    seen = _shows(tab, "kept ", _ENDED)
    return Seen(works="kept True" in seen.text, text=seen.text)


def _paste_lines(tab: Tab) -> Seen:
    _start_repl(tab)
    tab.paste("for number in (40, 41):\n    print('answer', number + 1)\n\n")
    return _shows(tab, "\nanswer 41\nanswer 42\n")


def _paste_unicode(tab: Tab) -> Seen:
    _start_repl(tab)
    tab.paste("print('answer', ascii('\u00e9\u20ac\U0001f600'))\n")
    return _shows(tab, r"answer '\xe9\u20ac\U0001f600'")


def _paste_long_line(tab: Tab) -> Seen:
    _start_repl(tab)
    tab.paste(f"print('answer', len('{'x' * 200}'))\n")
    return _shows(tab, "\nanswer 200\n")


def _erase_unicode(tab: Tab) -> Seen:
    _start_repl(tab)
    tab.paste("print('answer', ascii('x\U0001f600")
    tab.press("Backspace")
    tab.type("'))")
    return _shows(tab, "\nanswer 'x'\n")


# These hold for the example of every version.
_DOCUMENTED = (NOT_IN_LIBRARY, NOT_KEPT, NO_ISOLATION)
# Run comes first: it shows what keeps the example from running any program.
PARTS = (
    _Part(RUN, "Run", _run),
    _Part("repl", "Start REPL, type, Ctrl-D", _repl),
    _Part("paste-lines", "REPL: lines are pasted", _paste_lines),
    _Part("paste-unicode", "REPL: Unicode is pasted", _paste_unicode),
    _Part("stop", "Stop, Run", _stop, NOT_READY),
    _Part("run-nested", "Run: nested lists", _run_nested, SMALL_STACK),
    _Part("run-again", "Run, Run again", _run_again, ENDED_RUNTIME),
    _Part("paste-long-line", "REPL: a long line is pasted", _paste_long_line, SHORT_LINES),
    _Part("erase-unicode", "REPL: a character is erased", _erase_unicode, HALF_ERASED),
    _Part(LIBRARY, "Run: what the library has", _library, NOT_IN_LIBRARY),
    _Part("kept", "Run, reload, Run: a file is kept", _kept, NOT_KEPT),
    _Part("not-isolated", "Run, not cross-origin isolated", _run, NO_ISOLATION, isolated=False),
)


def _parts_named(names: Sequence[str]) -> tuple[_Part, ...]:
    """The parts with these names, all when there are none, in their order."""
    known = [part.name for part in PARTS]
    for name in names:
        if name not in known:
            raise ConfigError(f"--only {name}: the web example has no such part", hint=f"its parts: {', '.join(known)}")
    return tuple(part for part in PARTS if not names or part.name in names)
