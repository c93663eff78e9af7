// One guest in a browser: a fresh instance of the Emscripten module in a Worker of page.mjs, as the web example of
// CPython's tree has it. It runs `argv` from the start, or goes on from `snapshot` with the Python code `resume`. With
// `keep` its memory is sent to the page at its end.

import { callResumed, isExit, settingsFor } from "./emscripten_instance.mjs";
import { beginningOf, dumpStack, kept, obstacle, restore } from "./emscripten_snapshot.mjs";
import { openJournal, openStreams } from "./emscripten_streams.mjs";
import { FRAMES_KEPT, describe, framesOf } from "./faults.mjs";
import { layFiles } from "./memory_files.mjs";
import { given, reader, sender } from "./worker_streams.mjs";

const STACK_LIMIT = 64 * 1024;

// Emscripten's factory does not pass on everything that goes wrong in it.
self.onunhandledrejection = ({ reason }) => trapped(reason);
// A fault in another thread of the guest: Emscripten throws the event that says so, whose message begins with a word of
// the browser's own.
self.onerror = (message, file, line, column, error) => {
  const fault = error instanceof ErrorEvent ? error.message.replace(/^Uncaught /, "") : (error ?? message);
  if (isExit(fault)) return true;
  trapped(fault);
  self.postMessage({ done: true });
  return true;
};
const command = await given;
const { argv, compiled, env, journal, journalNumber, keep, module, mounts, resume, snapshot } = command;
const send = sender(command);

let python;
let parts;
let begun;

let print = (...part) => send("output", ...part);

function say(line) {
  const bytes = new TextEncoder().encode(`${line}\n`);
  print(bytes, 0, bytes.length);
}

function trapped(error) {
  if (!isExit(error)) self.postMessage({ trapped: describe(error), frames: framesOf(error) });
}

function end(status) {
  if (keep && status === 0) self.postMessage(kept(parts, python.FS, begun));
  self.postMessage({ ended: status });
}

// Sends the stack of Python that the guest had when it trapped, as far as it can print it. Its memory may be damaged, so
// the page gives it a second.
function sendPythonStack() {
  let left = STACK_LIMIT;
  print = (buffer, offset, length) => {
    const part = Uint8Array.from(buffer.subarray(offset, offset + Math.min(length, left)));
    left -= part.length;
    if (part.length) self.postMessage({ stack: new TextDecoder().decode(part) });
    return length;
  };
  dumpStack(parts, () => left < STACK_LIMIT);
}

const { default: factory } = await import(module);

python = await factory(settingsFor({
  argv,
  compiled,
  env,
  say,
  end,
  ready: (found) => { parts = found; },
  lay(FS) {
    openStreams(FS, (...part) => print(...part), reader(command));
    if (journal) openJournal(FS, journalNumber, (...part) => send("journal", ...part));
    layFiles(FS, mounts);
  },
}));
// Until here nothing depends on what the guest does.
const goOn = snapshot && restore(snapshot, parts, python.FS, new TextEncoder().encode(resume));
self.postMessage({ begun: true });
// A prologue that cannot be kept is not begun.
const why = keep && obstacle(parts, python.FS, parts.table?.length);
if (keep) begun = beginningOf(parts);
Error.stackTraceLimit = FRAMES_KEPT;
try {
  if (why) end(0);
  else if (goOn) callResumed(goOn, end);
  else python.callMain(argv.slice(1));
} catch (error) {
  if (!isExit(error)) {
    trapped(error);
    sendPythonStack();
    self.postMessage({ done: true });
  }
}
