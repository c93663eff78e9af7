// Runs guests of the Emscripten module in one thread, under Node and in a browser: one after another, each as a new
// instance. A guest runs `argv` from the start, or continues from `snapshot` with the Python code `resume`. With `keep`
// its memory is sent to the engine at its end, as a snapshot.

import { callResumed, isExit, settingsFor } from "./emscripten_instance.mjs";
import { beginningOf, dumpStack, kept, obstacle, restore } from "./emscripten_snapshot.mjs";
import { FRAMES_KEPT, describe, framesOf } from "./faults.mjs";

const STACK_LIMIT = 64 * 1024;

// Of the running guest: the parts of its instance, and the function that gets its output.
let parts;
let print;

// Runs one guest. `write` gets its output: a buffer, an offset and a length. `lay` makes its file system, and gets the
// function that prints. `begin` is called before the guest's own code runs, `end` with its exit status. `send` sends a
// message to the engine. A fault of the guest is sent before it is thrown.
//
// Returns the file system of a guest that continued from a snapshot and has exited: nothing of that guest runs any
// more. Of other guests something may, such as a timer of Emscripten.
export async function runGuest(factory, { argv, compiled, env, keep, resume, snapshot }, { begin, end, lay, send, write }) {
  print = write;
  let beginning;
  const finish = (status) => {
    if (keep && status === 0) send(kept(parts, python.FS, beginning));
    end(status);
  };
  const python = await factory(settingsFor({
    argv,
    compiled,
    env,
    say(line) {
      const bytes = new TextEncoder().encode(`${line}\n`);
      print(bytes, 0, bytes.length);
    },
    end: finish,
    ready: (found) => { parts = found; },
    lay: (FS) => lay(FS, (...part) => print(...part)),
  }));
  const goOn = snapshot && restore(snapshot, parts, python.FS, new TextEncoder().encode(resume));
  begin();
  if (keep) beginning = beginningOf(parts);
  Error.stackTraceLimit = FRAMES_KEPT;
  try {
    // A prologue whose memory cannot be kept is not run.
    if (keep && obstacle(parts, python.FS, parts.table?.length)) finish(0);
    else if (goOn) callResumed(goOn, finish);
    else python.callMain(argv.slice(1));
  } catch (error) {
    if (isExit(error)) return undefined;
    send({ trapped: describe(error), frames: framesOf(error) });
    sendPythonStack(send);
    throw error;
  }
  if (!goOn) return undefined;
  parts = undefined;
  return python.FS;
}

// Sends the stack of Python of a guest that trapped or was interrupted, as far as it can print it. Its memory may be
// damaged, so the engine waits only a few seconds for it.
export function sendPythonStack(send) {
  if (!parts) return;
  let left = STACK_LIMIT;
  const usual = print;
  print = (buffer, offset, length) => {
    const part = Uint8Array.from(buffer.subarray(offset, offset + Math.min(length, left)));
    left -= part.length;
    if (part.length) send({ stack: new TextDecoder().decode(part) });
    return length;
  };
  dumpStack(parts, () => left < STACK_LIMIT);
  print = usual;
}
