// A Worker of page.mjs, which runs guests of the Emscripten module one after another (emscripten_guest.mjs), as the web
// example of CPython's tree runs one.

import { runGuest } from "./emscripten_guest.mjs";
import { isExit } from "./emscripten_instance.mjs";
import { openJournal, openStreams } from "./emscripten_streams.mjs";
import { describe, framesOf } from "./faults.mjs";
import { layFiles } from "./memory_files.mjs";
import { importModule, reader, sender, serve, treesOf } from "./worker_streams.mjs";

const send = (message) => self.postMessage(message);

function sendFault(error) {
  if (!isExit(error)) send({ trapped: describe(error), frames: framesOf(error) });
}

// Emscripten's factory does not pass on everything that goes wrong in it.
self.onunhandledrejection = ({ reason }) => sendFault(reason);
// A fault in another thread of the guest: Emscripten throws the event that says so, whose message begins with a word of
// the browser's own.
self.onerror = (message, file, line, column, error) => {
  const fault = error instanceof ErrorEvent ? error.message.replace(/^Uncaught /, "") : (error ?? message);
  if (isExit(fault)) return true;
  sendFault(fault);
  send({ done: true });
  return true;
};

serve(async (command, begin) => {
  const { journal, journalNumber, module, snapshot } = command;
  const { default: factory } = await importModule(module);
  const put = sender(command);
  const FS = await runGuest(factory, command, {
    write: (...part) => put("output", ...part),
    send,
    lay(FS, print) {
      openStreams(FS, print, reader(command));
      if (journal) openJournal(FS, journalNumber, (...part) => put("journal", ...part));
      layFiles(FS, treesOf(command));
    },
    begin,
    end: (status) => send({ ended: status, isLast: !snapshot }),
  });
  return Boolean(FS);
}, sendFault);
