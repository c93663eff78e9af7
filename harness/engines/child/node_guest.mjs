// A thread of node_host.mjs that runs guests of the Emscripten module (emscripten_guest.mjs).

import { writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { runGuest, sendPythonStack } from "./emscripten_guest.mjs";
import { FRAMES_KEPT, framesOf } from "./faults.mjs";
import { layFiles, openJournal, openStreams } from "./node_files.mjs";
import { compiled, journalNumber, module, send, serve } from "./node_thread.mjs";

const { default: factory } = await import(pathToFileURL(module));

// Called for the host in the middle of whatever runs when the guest is stopped.
globalThis[Symbol.for("harness.stack")] = () => {
  // The guest may be in an operation on files, which has switched stack traces off.
  Error.stackTraceLimit = FRAMES_KEPT;
  // The innermost two frames are this function and the expression that calls it.
  send({ frames: framesOf(new Error("stopped")).slice(2) });
  sendPythonStack(send);
};

serve(({ input, journal, mounts, output, ...guest }, { opened, begin, end }) => {
  const descriptor = opened(output, "a");
  return runGuest(factory, { ...guest, compiled }, {
    write: (...part) => writeSync(descriptor, ...part),
    send,
    lay(FS, print) {
      openStreams(FS, print, input ? opened(input, "r") : undefined);
      if (journal) openJournal(FS, journalNumber, opened(journal, "a"));
      layFiles(FS, mounts);
    },
    begin,
    end,
  });
});
