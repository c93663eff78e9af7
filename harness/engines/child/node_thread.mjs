// A thread of node_host.mjs, in which guests run one after another.

import { closeSync, openSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

import { globalsOf, haveChanged } from "./globals.mjs";
import { closeFiles } from "./node_files.mjs";

// The indexes in `ended`: whether the guest has exited, with which status, and whether it has begun.
const HAS_EXITED = 0;
const STATUS = 1;
const HAS_BEGUN = 2;
// Emscripten handles these with every instance that it makes.
const FAULTS = ["uncaughtException", "unhandledRejection"];

// What all guests have in common.
export const { compiled, journalNumber, module } = workerData;
export const send = (message) => parentPort.postMessage(message);

// Runs a guest for each command of the host. `run` gets the command and functions of the thread: `opened` opens a file
// of the host, `begin` is to be called before the guest's own code runs, `end` with its status. It returns the file
// system of a guest if nothing of that guest runs any more.
export function serve(run) {
  parentPort.once("message", async ({ ended, ...command }) => {
    // The thread of a guest that has not ended, and has nothing to wait for, ends.
    parentPort.unref();
    const waiting = process.getActiveResourcesInfo().length;
    const descriptors = [];
    let globals;
    const FS = await run(command, {
      opened: (path, flags) => descriptors[descriptors.push(openSync(path, flags)) - 1],
      begin() {
        globals = globalsOf();
        ended[HAS_BEGUN] = 1;
      },
      end(status) {
        ended[STATUS] = status;
        ended[HAS_EXITED] = 1;
        if (!command.snapshot) send("ended");
      },
    });
    if (!FS) return;
    // A promise of the guest that fails does so before.
    await new Promise((resolve) => setImmediate(resolve));
    // What a guest that has exited has left is removed, and the thread is free for the next one. It ends if there is a
    // timer, which would run under the next guest, or a new global, which that guest would see.
    closeFiles(FS);
    descriptors.forEach((descriptor) => closeSync(descriptor));
    FAULTS.forEach((name) => process.removeAllListeners(name));
    process.exitCode = undefined;
    if (process.getActiveResourcesInfo().length > waiting || haveChanged(globals)) send("ended");
    else {
      serve(run);
      send("free");
    }
  });
  parentPort.ref();
}
