"""What is known to keep the examples of CPython's tree from working, and the smallest change for each. Pure."""

from __future__ import annotations

from harness.examples.trials import Cause

NO_FOLDER = Cause(
    name="no-lib-folder",
    why="FS.mount needs a folder to mount on, and Emscripten's file system has no /lib",
    change='FS.mkdirTree("/lib")',
    error=r"ErrnoError.*\b44\b",
)
NO_LIBRARY = Cause(
    name="not-below-a-prefix",
    why="Python looks for lib/pythonX.Y/os.py below a prefix: what is mounted on /lib has to hold pythonX.Y",
    error="No module named 'encodings'",
)
NO_PROGRAM = Cause(
    name="program-on-the-host",
    why="until 3.13 Python looks for its library where the program is, which Emscripten takes from the host",
    change='thisProgram: "./this.program"',
    error="No module named 'encodings'",
)
NO_ZLIB = Cause(
    name="deflated-zip-without-zlib",
    why="the zip file of the library is compressed, and the interpreter is built without zlib",
    change="a zip file that is stored",
    error="zlib not available",
)
UNCLOSED_SCRIPT = Cause(
    name="unclosed-script",
    why="HTML does not close a script element with `/>`: the page's own script is taken for a part of the one before",
    change="</script>",
    error="the button Run stays disabled",
)
NO_FS = Cause(
    name="fs-is-not-exported",
    why="Module.FS is there only where -sEXPORTED_RUNTIME_METHODS names it, which until 3.13 CPython does not",
    change="FS instead of Module.FS",
    error="writeFile",
)
SMALL_STACK = Cause(
    name="stack-of-64-kib",
    why="from Emscripten 3.1.27 on the stack is 64 KiB by default, and what needs more overwrites other memory",
    change="-sSTACK_SIZE=5MB",
    error="the answer is not shown",
)
NOT_READY = Cause(
    name="run-before-ready",
    why="Stop enables Run at once: a program that is started before the new Worker is ready runs in no interpreter",
    change="Run stays disabled until the Worker is ready",
    error="Cannot read properties of undefined",
)
ENDED_RUNTIME = Cause(
    name="ended-runtime",
    why="the interpreter is linked with -sEXIT_RUNTIME: what runs next in the same instance prints nothing",
    change="a new Worker after each program",
    error="nothing is printed",
)
SHORT_LINES = Cause(
    name="lines-of-127-bytes",
    why="the Worker's buffer for standard input has 127 places, and a longer line ends the input",
    change="a larger buffer",
    error="the answer is not shown",
)
HALF_ERASED = Cause(
    name="half-a-character-erased",
    why="the page erases one unit of UTF-16, and of a character beyond the first plane a half is left",
    change="erase a whole character",
    error="the answer is not shown",
)
NOT_IN_LIBRARY = Cause(
    name="not-in-the-library",
    why="as documented: the library of the page lacks networking and more, and has no sources",
    error=r"\bnetworking lacks\b",
)
NOT_KEPT = Cause(
    name="only-in-memory",
    why="as documented: files are in memory, and a page that is loaded again does not have those from before",
    error=r"\bkept False\b",
)
NO_ISOLATION = Cause(
    name="no-isolation",
    why="as documented: only a page that is cross-origin isolated has SharedArrayBuffer, which the example needs",
    error="SharedArrayBuffer is not defined",
)
