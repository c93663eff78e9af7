// A Worker of node_host.mjs, which runs guests one after another: each is a fresh instance of the Emscripten module. It
// runs `argv` from the start, or goes on from `snapshot` with the Python code `resume`. With `keep` its memory is sent to
// the host at its end.

import { closeSync, openSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";

import { FRAMES_KEPT, describe, framesOf } from "./faults.mjs";
import { closeFiles, layFiles, openJournal, openStreams } from "./node_files.mjs";
import { callResumed, settingsFor } from "./emscripten_instance.mjs";
import { beginningOf, dumpStack, kept, restore } from "./emscripten_snapshot.mjs";

// What `ended` says: whether the guest has exited, with which status, whether it has begun.
const HAS_EXITED = 0;
const STATUS = 1;
const HAS_BEGUN = 2;
const STACK_LIMIT = 64 * 1024;
// Emscripten handles these with every instance that it makes.
const FAULTS = ["uncaughtException", "unhandledRejection"];

const { compiled, journalNumber, module } = workerData;
const { default: factory } = await import(pathToFileURL(module));
// Of the guest that runs: the parts of its instance, and where what it prints goes.
let parts;
let print;

// For the host, which has it called in the midst of whatever runs when it stops the guest.
globalThis[Symbol.for("harness.stack")] = () => {
  // The innermost two frames are this function and the expression that calls it.
  parentPort.postMessage({ frames: framesOf(new Error("stopped")).slice(2) });
  if (parts) sendPythonStack();
};
waitForGuest();

function waitForGuest() {
  parentPort.once("message", runGuest);
  parentPort.ref();
}

async function runGuest({ argv, ended, env, input, journal, keep, mounts, output, resume, snapshot }) {
  // The thread of a guest that has not ended, and has nothing to wait for, ends.
  parentPort.unref();
  const waiting = process.getActiveResourcesInfo().length;
  const descriptors = [];
  const opened = (path, flags) => descriptors[descriptors.push(openSync(path, flags)) - 1];
  const descriptor = opened(output, "a");
  print = (...part) => writeSync(descriptor, ...part);
  let begun;
  const end = (status) => {
    if (keep && status === 0) parentPort.postMessage(kept(parts, python.FS, begun));
    ended[STATUS] = status;
    ended[HAS_EXITED] = 1;
    if (!snapshot) parentPort.postMessage("ended");
  };
  const python = await factory(settingsFor({
    argv,
    compiled,
    env,
    say: (line) => writeSync(descriptor, `${line}\n`),
    end,
    ready: (found) => { parts = found; },
    lay(FS) {
      openStreams(FS, (...part) => print(...part), input ? opened(input, "r") : undefined);
      if (journal) openJournal(FS, journalNumber, opened(journal, "a"));
      layFiles(FS, mounts);
    },
  }));
  // Until here nothing depends on what the guest does.
  if (keep) begun = beginningOf(parts);
  const goOn = snapshot && restore(snapshot, parts, python.FS, Buffer.from(resume));
  ended[HAS_BEGUN] = 1;
  Error.stackTraceLimit = FRAMES_KEPT;
  try {
    if (goOn) callResumed(goOn, end);
    else python.callMain(argv.slice(1));
  } catch (error) {
    parentPort.postMessage({ trapped: describe(error), frames: framesOf(error) });
    sendPythonStack();
    throw error;
  }
  if (goOn) leave(python.FS, descriptors, waiting);
}

// What is left of a guest that has exited goes, and the thread is free for another. A timer would run while that does:
// then the thread ends.
function leave(FS, descriptors, waiting) {
  closeFiles(FS);
  descriptors.forEach((descriptor) => closeSync(descriptor));
  FAULTS.forEach((name) => process.removeAllListeners(name));
  process.exitCode = undefined;
  parts = undefined;
  if (process.getActiveResourcesInfo().length > waiting) parentPort.postMessage("ended");
  else {
    waitForGuest();
    parentPort.postMessage("free");
  }
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
