// One guest: a fresh instance of the Emscripten module in a Worker of node_host.mjs. It runs `argv` from the start, or
// goes on from `snapshot` with the Python code `resume`. With `keep` its memory is sent to the host at its end.

import { openSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";

import { FRAMES_KEPT, describe, framesOf } from "./faults.mjs";
import { layFiles, openJournal, openStreams } from "./node_files.mjs";
import { callResumed, settingsFor } from "./emscripten_instance.mjs";
import { copyOf, dumpStack, obstacle, restore, take } from "./emscripten_snapshot.mjs";

// What `ended` says: whether the guest has exited, with which status, whether it has begun.
const HAS_EXITED = 0;
const STATUS = 1;
const HAS_BEGUN = 2;
const STACK_LIMIT = 64 * 1024;
const { argv, compiled, ended, env, input, journal, journalNumber, keep, module, mounts, output, resume, snapshot } =
  workerData;

const descriptor = openSync(output, "a");
const say = (line) => writeSync(descriptor, `${line}\n`);
let print = (...part) => writeSync(descriptor, ...part);

let python;
let parts;
let begun;

function end(status) {
  if (keep && status === 0) {
    const why = obstacle(parts, python.FS, begun.tableLength);
    parentPort.postMessage(why ? { why } : { snapshot: take(parts, python.FS, begun.memory) });
  }
  ended[STATUS] = status;
  ended[HAS_EXITED] = 1;
  parentPort.postMessage("ended");
}

const { default: factory } = await import(pathToFileURL(module));

python = await factory(settingsFor({
  argv,
  compiled,
  env,
  say,
  end,
  ready: (found) => { parts = found; },
  lay(FS) {
    openStreams(FS, (...part) => print(...part), input ? openSync(input, "r") : undefined);
    if (journal) openJournal(FS, journalNumber, openSync(journal, "a"));
    layFiles(FS, mounts);
  },
}));
// Until here nothing depends on what the guest does.
if (keep) begun = { tableLength: parts.table?.length, memory: copyOf(parts) };
const goOn = snapshot && restore(snapshot, parts, python.FS, Buffer.from(resume));
ended[HAS_BEGUN] = 1;
Error.stackTraceLimit = FRAMES_KEPT;
// For the host, which has it called in the midst of whatever runs when it stops the guest.
globalThis[Symbol.for("harness.stack")] = () => {
  // The innermost two frames are this function and the expression that calls it.
  parentPort.postMessage({ frames: framesOf(new Error("stopped")).slice(2) });
  sendPythonStack();
};
try {
  if (goOn) callResumed(goOn, end);
  else python.callMain(argv.slice(1));
} catch (error) {
  parentPort.postMessage({ trapped: describe(error), frames: framesOf(error) });
  sendPythonStack();
  throw error;
}

// Sends the stack of Python that the guest had when it trapped or was interrupted, as far as it can print it. Its memory
// may be damaged, so the host gives it a second.
function sendPythonStack() {
  let left = STACK_LIMIT;
  const usual = print;
  print = (buffer, offset, length) => {
    const stack = Buffer.from(buffer.buffer, buffer.byteOffset + offset, Math.min(length, left)).toString();
    left -= stack.length;
    if (stack) parentPort.postMessage({ stack });
    return length;
  };
  dumpStack(parts, () => left < STACK_LIMIT);
  print = usual;
}
