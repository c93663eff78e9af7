// One guest: a fresh Pyodide in a Worker of node_host.mjs, loaded by its own `loadPyodide`. It runs `argv` from the start,
// or goes on from `snapshot`, one of Pyodide's own, with the Python code `resume`. With `keep` it gets ready and sends its
// snapshot to the host.

import { openSync, readSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";

import { FRAMES_KEPT, describe, framesOf } from "./faults.mjs";
import { layFiles, openJournal } from "./node_files.mjs";
import { run, snapshotOf, useCompiled } from "./pyodide_instance.mjs";

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

useCompiled(compiled);
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
  if (keep) {
    parentPort.postMessage(snapshotOf(python, argv[1]));
    end(0);
  } else end(snapshot ? run(python, resume) : python._module._run_main());
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
