// What passes between a Worker of page.mjs and the page: commands to run a guest, and the streams of that.

import { globalsOf, haveChanged } from "./globals.mjs";

// As many bytes may be under way to the engine before the guest waits.
const UNDER_WAY = 1 << 20;

// What goes on by itself once it is begun, and would be there under the next guest.
const GOING_ON = [
  ...["setTimeout", "setInterval", "requestAnimationFrame", "Worker", "SharedWorker"],
  ...["BroadcastChannel", "WebSocket", "WebTransport", "EventSource", "XMLHttpRequest", "fetch", "importScripts"],
];
const { MessageChannel, addEventListener, setTimeout } = self;
// The trees that the page has sent, by name; one that cannot change is sent once.
const trees = new Map();
// What listens for messages: Pyodide does so in two ways until its Worker ends.
const listening = [];
let isGoingOn;

// Runs each guest that the page sends a command for: `run` gets the command, and what it calls when all that follows
// depends on the guest; it gives whether nothing of the guest runs any more. Its failure goes to `sendFault`.
export function serve(run, sendFault) {
  for (const name of GOING_ON.filter((each) => self[each])) self[name] = noticed(self[name]);
  self.addEventListener = (...words) => {
    listening.push(words);
    addEventListener.apply(self, words);
  };
  self.MessageChannel = class extends MessageChannel {
    constructor() {
      super();
      listening.push(this);
    }
  };
  let globals;
  const begin = () => {
    globals = globalsOf();
    isGoingOn = false;
    self.postMessage({ begun: true });
  };
  self.onmessage = async ({ data }) => {
    try {
      if (!(await run(data, begin))) return;
      // A promise of the guest that fails does so before.
      await new Promise((resolve) => setTimeout(resolve));
      stopListening();
      self.postMessage(isGoingOn || haveChanged(globals) ? { done: true } : { free: true });
    } catch (error) {
      sendFault(error);
      self.postMessage({ done: true });
    }
  };
}

// Ends what a guest has left listening, by which it would stay in memory.
function stopListening() {
  for (const each of listening.splice(0)) {
    if (Array.isArray(each)) self.removeEventListener(...each);
    else [each.port1, each.port2].forEach((port) => port.close());
  }
}

// A function or class of the Worker that says when it has been called.
function noticed(call) {
  const notice = (does) => (...operands) => {
    isGoingOn = true;
    return does(...operands);
  };
  return new Proxy(call, { apply: notice(Reflect.apply), construct: notice(Reflect.construct) });
}

// The mounts of a command with their trees, as memory_files.mjs wants them.
export function treesOf({ mounts }) {
  return mounts.map(({ name, tree, ...mount }) => {
    if (tree) trees.set(name, tree);
    return { ...mount, tree: trees.get(name) };
  });
}

// Sends part of a buffer to the page, for the file `name` of the engine; gives its length.
export function sender({ pending, waits }) {
  return (name, buffer, offset, length) => {
    const bytes = Uint8Array.from(buffer.subarray(offset, offset + length));
    const before = Atomics.add(pending, 0, length) + length;
    self.postMessage({ name, bytes }, [bytes.buffer]);
    // A tab that dies takes along what is under way: with `waits` there never is anything.
    for (let left = before; left > (waits ? 0 : UNDER_WAY); left = Atomics.load(pending, 0)) Atomics.wait(pending, 0, left);
    return length;
  };
}

// Puts what comes next of the standard input into a buffer, up to a length; gives how much that is.
export function reader({ input }) {
  let readAt = 0;
  return (buffer, offset, length) => {
    const part = input ? input.subarray(readAt, readAt + length) : new Uint8Array();
    buffer.set(part, offset);
    readAt += part.length;
    return part.length;
  };
}
