// One guest in a browser: a fresh instance of the Emscripten module in a Worker of page.mjs, as the web example of
// CPython's tree has it. It runs `argv` from the start, or goes on from `snapshot` with the Python code `resume`. With
// `keep` its memory is sent to the page at its end.

import { copyOf, dumpStack, obstacle, partsOf, restore, take } from "./emscripten_snapshot.mjs";
import { openJournal, openStreams } from "./emscripten_streams.mjs";
import { FRAMES_KEPT, describe, framesOf } from "./faults.mjs";
import { layFiles } from "./memory_files.mjs";

// As many bytes may be under way to the engine before the guest waits.
const UNDER_WAY = 1 << 20;
const STACK_LIMIT = 64 * 1024;

const { promise: given, resolve: give } = Promise.withResolvers();
self.onmessage = ({ data }) => give(data);
// Emscripten's factory does not pass on everything that goes wrong in it.
self.onunhandledrejection = ({ reason }) => trapped(reason);
const { argv, compiled, env, input, journal, journalNumber, keep, module, mounts, pending, resume, snapshot, waits } =
  await given;

let python;
let parts;
let begun;
let readAt = 0;

function send(name, buffer, offset, length) {
  const bytes = Uint8Array.from(buffer.subarray(offset, offset + length));
  const before = Atomics.add(pending, 0, length) + length;
  self.postMessage({ name, bytes }, [bytes.buffer]);
  // A tab that dies takes along what is under way: with `waits` there never is anything.
  for (let left = before; left > (waits ? 0 : UNDER_WAY); left = Atomics.load(pending, 0)) Atomics.wait(pending, 0, left);
  return length;
}

let print = (...part) => send("output", ...part);

function say(line) {
  const bytes = new TextEncoder().encode(`${line}\n`);
  print(bytes, 0, bytes.length);
}

function read(buffer, offset, length) {
  const part = input ? input.subarray(readAt, readAt + length) : new Uint8Array();
  buffer.set(part, offset);
  readAt += part.length;
  return part.length;
}

function isExit(error) {
  return error === "unwind" || error?.name === "ExitStatus";
}

function trapped(error) {
  if (!isExit(error)) self.postMessage({ trapped: describe(error), frames: framesOf(error) });
}

function end(status) {
  if (keep && status === 0) {
    const why = obstacle(parts, python.FS, begun.tableLength);
    self.postMessage(why ? { why } : { snapshot: take(parts, python.FS, begun.memory) });
  }
  self.postMessage({ ended: status });
}

// As Emscripten calls main(): an exit is thrown, and has been noted by `onExit`. What Python says of code that raised is
// a status too: 1, as from its start.
function callResumed(call) {
  try {
    end(call() ? 1 : 0);
  } catch (error) {
    if (!isExit(error)) throw error;
  }
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

python = await factory({
  thisProgram: argv[0],
  noInitialRun: true,
  instantiateWasm(imports, receive) {
    WebAssembly.instantiate(compiled, imports).then((instance) => {
      parts = partsOf(instance, imports);
      // With dynamic linking Emscripten looks at every export; ours it would take for symbols of libraries.
      const own = Object.entries(instance.exports).filter(([name]) => !name.startsWith("harness."));
      receive({ exports: Object.fromEntries(own) }, compiled);
    });
    return {};
  },
  // A library that the guest's file system does not have would be asked of the engine.
  locateFile: (name) => `/nonexistent/${name}`,
  print: say,
  printErr: say,
  preRun(instance) {
    openStreams(instance.FS, (...part) => print(...part), read);
    if (journal) openJournal(instance.FS, journalNumber, (...part) => send("journal", ...part));
    layFiles(instance.FS, mounts);
    Object.assign(instance.ENV, env);
  },
  onExit: end,
});
// Until here nothing depends on what the guest does.
const goOn = snapshot && restore(snapshot, parts, python.FS, new TextEncoder().encode(resume));
self.postMessage({ begun: true });
// A prologue ends with os._exit(). Where main() runs in a pthread nobody learns that, and so it is not begun there.
const why = keep && obstacle(parts, python.FS, parts.table?.length);
if (keep) begun = { tableLength: parts.table?.length, memory: copyOf(parts) };
Error.stackTraceLimit = FRAMES_KEPT;
try {
  if (why) end(0);
  else if (goOn) callResumed(goOn);
  else python.callMain(argv.slice(1));
} catch (error) {
  if (!isExit(error)) {
    trapped(error);
    sendPythonStack();
    self.postMessage({ done: true });
  }
}
