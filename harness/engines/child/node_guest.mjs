// A Worker of node_host.mjs, which runs guests of the Emscripten module one after another (emscripten_guest.mjs).

import { closeSync, openSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";

import { runGuest, sendPythonStack } from "./emscripten_guest.mjs";
import { framesOf } from "./faults.mjs";
import { globalsOf, haveChanged } from "./globals.mjs";
import { closeFiles, layFiles, openJournal, openStreams } from "./node_files.mjs";

// What `ended` says: whether the guest has exited, with which status, whether it has begun.
const HAS_EXITED = 0;
const STATUS = 1;
const HAS_BEGUN = 2;
// Emscripten handles these with every instance that it makes.
const FAULTS = ["uncaughtException", "unhandledRejection"];

const { compiled, journalNumber, module } = workerData;
const { default: factory } = await import(pathToFileURL(module));
const send = (message) => parentPort.postMessage(message);

// For the host, which has it called in the midst of whatever runs when it stops the guest.
globalThis[Symbol.for("harness.stack")] = () => {
  // The innermost two frames are this function and the expression that calls it.
  send({ frames: framesOf(new Error("stopped")).slice(2) });
  sendPythonStack(send);
};
const globals = globalsOf();
waitForGuest();

function waitForGuest() {
  parentPort.once("message", run);
  parentPort.ref();
}

async function run({ ended, input, journal, mounts, output, ...guest }) {
  // The thread of a guest that has not ended, and has nothing to wait for, ends.
  parentPort.unref();
  const waiting = process.getActiveResourcesInfo().length;
  const descriptors = [];
  const opened = (path, flags) => descriptors[descriptors.push(openSync(path, flags)) - 1];
  const descriptor = opened(output, "a");
  const FS = await runGuest(factory, { ...guest, compiled }, {
    write: (...part) => writeSync(descriptor, ...part),
    send,
    lay(FS, print) {
      openStreams(FS, print, input ? opened(input, "r") : undefined);
      if (journal) openJournal(FS, journalNumber, opened(journal, "a"));
      layFiles(FS, mounts);
    },
    begin() { ended[HAS_BEGUN] = 1; },
    end(status) {
      ended[STATUS] = status;
      ended[HAS_EXITED] = 1;
      if (!guest.snapshot) send("ended");
    },
  });
  if (!FS) return;
  // A promise of the guest that fails does so before.
  await new Promise((resolve) => setImmediate(resolve));
  leave(FS, descriptors, waiting);
}

// What is left of a guest that has exited goes, and the thread is free for another. A timer would run while that does, and
// a global would be there for it: then the thread ends.
function leave(FS, descriptors, waiting) {
  closeFiles(FS);
  descriptors.forEach((descriptor) => closeSync(descriptor));
  FAULTS.forEach((name) => process.removeAllListeners(name));
  process.exitCode = undefined;
  if (process.getActiveResourcesInfo().length > waiting || haveChanged(globals)) send("ended");
  else {
    waitForGuest();
    send("free");
  }
}
