// A Worker of page.mjs that runs guests of Pyodide: each is a new one, loaded by Pyodide's own `loadPyodide`. It runs
// `argv` from the start, or continues from `snapshot`, one of Pyodide's own, with the Python code `resume`. With `keep`
// it runs the prologue and sends its snapshot to the page. A guest that has used JavaScript is the last in its Worker.

import { openJournal } from "./emscripten_streams.mjs";
import { FRAMES_KEPT, describe, framesOf } from "./faults.mjs";
import { layFiles } from "./memory_files.mjs";
import { javascriptOf, run, snapshotOf, useCompiled } from "./pyodide_instance.mjs";
import { importModule, reader, sender, serve, treesOf } from "./worker_streams.mjs";

const send = (message) => self.postMessage(message);
const { fetch } = self;
// The files that Pyodide's loader has fetched, by their addresses.
const files = new Map();

// Fetches a file of Pyodide once, and never its wasm, which is there.
async function fetchOnce(address, ...settings) {
  const name = String(address);
  if (name.endsWith(".wasm")) return new Response();
  if (!files.has(name)) {
    const response = await fetch(address, ...settings);
    if (!response.ok) return response;
    files.set(name, await response.arrayBuffer());
  }
  return new Response(files.get(name));
}

function sendFault(error) {
  send({ trapped: describe(error), frames: framesOf(error) });
}

self.onunhandledrejection = ({ reason }) => sendFault(reason);

serve(async (command, begin) => {
  const { argv, compiled, env, journal, journalNumber, keep, module, resume, snapshot } = command;
  const put = sender(command);
  const read = reader(command);
  const print = (buffer) => put("output", buffer, 0, buffer.length);
  const say = (line) => print(new TextEncoder().encode(`${line}\n`));
  const javascript = javascriptOf(globalThis);
  const end = (status) => send({ ended: status, isLast: !snapshot || javascript.isUsed });
  useCompiled(compiled);
  const { loadPyodide } = await importModule(module);
  const ownFetch = self.fetch;
  self.fetch = fetchOnce;
  const python = await loadPyodide({
    indexURL: new URL("./", new URL(module, import.meta.url)).href,
    args: argv.slice(1),
    env: { ...env },
    stdout: say,
    stderr: say,
    _makeSnapshot: keep,
    // Browsers do not decode text in shared memory.
    ...(snapshot && { jsglobals: javascript.object, _loadSnapshot: snapshot.bytes.slice() }),
    async fsInit(FS) {
      if (journal) openJournal(FS, journalNumber, (...part) => put("journal", ...part));
      layFiles(FS, treesOf(command));
    },
  });
  self.fetch = ownFetch;
  python.setStdout({ write: print });
  python.setStderr({ write: print });
  python.setStdin({ read: (buffer) => read(buffer, 0, buffer.length) });
  begin();
  javascript.isUsed = false;
  Error.stackTraceLimit = FRAMES_KEPT;
  try {
    if (keep) send(snapshotOf(python, argv[1]));
    end(keep ? 0 : snapshot ? run(python, resume) : python._module._run_main());
  } catch (error) {
    // Also what only says that the interpreter has exited. Not every fault is an Error.
    if (!Number.isInteger(error?.status)) throw error;
    end(error.status);
  }
  return snapshot && !javascript.isUsed;
}, sendFault);
