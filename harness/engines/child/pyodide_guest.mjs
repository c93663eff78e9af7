// A thread of node_host.mjs that runs guests of Pyodide: each is a new one, loaded by Pyodide's own `loadPyodide`. It
// runs `argv` from the start, or continues from `snapshot`, one of Pyodide's own, with the Python code `resume`. With
// `keep` it runs the prologue and sends its snapshot to the host. A guest that has used JavaScript is the last in its
// thread.

import { readSync, realpathSync, writeSync } from "node:fs";
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { dirname, sep } from "node:path";
import { pathToFileURL } from "node:url";

import { FRAMES_KEPT, describe, framesOf } from "./faults.mjs";
import { layFiles, openJournal } from "./node_files.mjs";
import { compiled, journalNumber, module, send, serve } from "./node_thread.mjs";
import { javascriptOf, run, snapshotOf, useCompiled } from "./pyodide_instance.mjs";

// Pyodide's loader reads its files at every start. Here they are read once; a guest gets copies of what it can write
// to.
const { readFile } = promises;
const folder = realpathSync(dirname(module)) + sep;
const files = new Map();
promises.readFile = async (path, ...settings) => {
  if (!String(path).startsWith(folder)) return readFile(path, ...settings);
  const key = JSON.stringify([path, settings]);
  if (!files.has(key)) files.set(key, await readFile(path, ...settings));
  const content = files.get(key);
  return typeof content === "string" || path.endsWith(".wasm") ? content : Buffer.from(content);
};
syncBuiltinESMExports();

useCompiled(compiled);
const { loadPyodide } = await import(pathToFileURL(module));

serve(async ({ argv, env, input, journal, keep, mounts, output, resume, snapshot }, { opened, begin, end }) => {
  const descriptor = opened(output, "a");
  const say = (line) => writeSync(descriptor, `${line}\n`);
  const source = input ? opened(input, "r") : undefined;
  const javascript = javascriptOf(globalThis);
  const python = await loadPyodide({
    args: argv.slice(1),
    env: { ...env },
    stdout: say,
    stderr: say,
    ...(snapshot && { jsglobals: javascript.object, _loadSnapshot: snapshot.bytes }),
    _makeSnapshot: keep,
    async fsInit(FS) {
      if (journal) openJournal(FS, journalNumber, opened(journal, "a"));
      // Pyodide's root is in memory, and so are the folders that something is mounted on.
      for (const [, guest] of mounts) FS.mkdirTree(guest);
      layFiles(FS, mounts);
    },
  });
  const print = { write: (buffer) => writeSync(descriptor, buffer) };
  python.setStdout(print);
  python.setStderr(print);
  python.setStdin({ read: (buffer) => (source === undefined ? 0 : readSync(source, buffer)) });
  begin();
  Error.stackTraceLimit = FRAMES_KEPT;
  javascript.isUsed = false;
  try {
    if (keep) {
      send(snapshotOf(python, argv[1]));
      end(0);
    } else end(snapshot ? run(python, resume) : python._module._run_main());
  } catch (error) {
    // Also what only says that the interpreter has exited. Not every fault is an Error.
    if (!Number.isInteger(error?.status)) {
      send({ trapped: describe(error), frames: framesOf(error) });
      throw error;
    }
    end(error.status);
  }
  if (!snapshot) return undefined;
  if (!javascript.isUsed) return python.FS;
  send("ended");
  return undefined;
});
