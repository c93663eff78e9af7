// One guest: a fresh Pyodide in a Worker of node_host.mjs, loaded by its own `loadPyodide`. It runs `argv` from the start,
// or goes on from `snapshot`, one of Pyodide's own, with the Python code `resume`. With `keep` it gets ready and sends its
// snapshot to the host.

import { openSync, readSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";

import { FRAMES_KEPT, describe, framesOf } from "./faults.mjs";
import { layFiles, openJournal } from "./node_files.mjs";

// What `ended` says: whether the guest has exited, with which status, whether it has begun.
const HAS_EXITED = 0;
const STATUS = 1;
const HAS_BEGUN = 2;
const { compiled, journalNumber, module } = workerData;
const { argv, ended, env, input, journal, keep, mounts, output, resume, snapshot } =
  await new Promise((resolve) => parentPort.once("message", resolve));

const descriptor = openSync(output, "a");
const say = (line) => writeSync(descriptor, `${line}\n`);
const source = input ? openSync(input, "r") : undefined;

// Pyodide compiles its wasm with every start; the host has done so once.
const { instantiate } = WebAssembly;
WebAssembly.instantiate = async (code, imports) => {
  if (code instanceof WebAssembly.Module || !isWhole(code)) return instantiate(code, imports);
  return { instance: await instantiate(compiled, imports), module: compiled };
};

// Whether it is Pyodide itself, and not one of the small modules that it makes on its way.
function isWhole(code) {
  return !(code?.byteLength < 1 << 20);
}

const { loadPyodide } = await import(pathToFileURL(module));
const python = await loadPyodide({
  args: argv.slice(1),
  env: { ...env },
  stdout: say,
  stderr: say,
  _makeSnapshot: keep,
  _loadSnapshot: snapshot?.bytes,
  async fsInit(FS) {
    if (journal) openJournal(FS, journalNumber, openSync(journal, "a"));
    // Pyodide's root is in memory, and so are the folders that something is mounted on.
    for (const [, guest] of mounts) FS.mkdirTree(guest);
    layFiles(FS, mounts);
  },
});
const print = { write: (buffer) => writeSync(descriptor, buffer) };
python.setStdout(print);
python.setStderr(print);
python.setStdin({ read: (buffer) => (source === undefined ? 0 : readSync(source, buffer)) });
ended[HAS_BEGUN] = 1;
Error.stackTraceLimit = FRAMES_KEPT;
try {
  if (keep) sendSnapshot();
  else end(snapshot ? run(resume) : python._module._run_main());
} catch (error) {
  // Also what only says that the interpreter has exited. Not every fault is an Error.
  if (Number.isInteger(error?.status)) end(error.status);
  else {
    parentPort.postMessage({ trapped: describe(error), frames: framesOf(error) });
    throw error;
  }
}

function end(status) {
  ended[STATUS] = status;
  ended[HAS_EXITED] = 1;
  // Pyodide sets it, and the thread would end with it.
  process.exitCode = undefined;
  parentPort.postMessage("ended");
}

// Python code as the interpreter's own main() would run it: SystemExit ends it. What code that raised comes to is a status.
function run(code) {
  const { _PyRun_SimpleString, stringToNewUTF8 } = python._module;
  return _PyRun_SimpleString(stringToNewUTF8(code)) ? 1 : 0;
}

// The agent pauses by ending the interpreter, whose memory is kept then. Pyodide keeps that of one that goes on.
function sendSnapshot() {
  const agent = JSON.stringify(argv[1]);
  const failed = run(`
import os, sys
end, os._exit = os._exit, lambda status: None
sys.argv = [${agent}]
sys.path.insert(0, ${agent})
try:
    exec(compile(open(${agent} + "/__main__.py").read(), ${agent} + "/__main__.py", "exec"), {"__name__": "__main__"})
finally:
    os._exit = end
del end, os
`);
  if (failed) parentPort.postMessage({ why: "what every guest does first has failed" });
  else {
    const memory = python.makeMemorySnapshot();
    const bytes = new Uint8Array(new SharedArrayBuffer(memory.length));
    bytes.set(memory);
    parentPort.postMessage({ snapshot: { bytes } });
  }
  end(0);
}
