// Messages between a Worker of page.mjs and the page: commands to run a guest, and the streams of that guest.

import { globalsOf, haveChanged } from "./globals.mjs";

// A guest waits while more bytes than this are on their way to the engine.
const UNDER_WAY = 1 << 20;

// Functions that start something which would still run under the next guest.
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

const AGAIN_MS = 1000;

// The module at that address. A request for it that breaks off is made once more: those that are under way break off when
// the network of the machine changes. A browser remembers by its address that a module could not be loaded.
export async function importModule(address) {
  try {
    return await import(address);
  } catch {
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    return import(`${address}#again`);
  }
}

// Runs a guest for each command of the page. `run` gets the command, and a function to call before the guest's own code
// runs; it returns whether nothing of the guest runs any more. If it fails, `sendFault` is called.
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

// Removes the listeners that a guest has left, which would keep it in memory.
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

// The mounts of a command with their trees, in the form for memory_files.mjs.
export function treesOf({ mounts }) {
  return mounts.map(({ name, tree, ...mount }) => {
    if (tree) trees.set(name, tree);
    return { ...mount, tree: trees.get(name) };
  });
}

// Sends a part of a buffer to the page, for the file `name` of the engine. Returns its length.
export function sender({ pending, waits }) {
  return (name, buffer, offset, length) => {
    const bytes = Uint8Array.from(buffer.subarray(offset, offset + length));
    const before = Atomics.add(pending, 0, length) + length;
    self.postMessage({ name, bytes }, [bytes.buffer]);
    // When a tab dies, the bytes on their way are lost. With `waits` there are none.
    for (let left = before; left > (waits ? 0 : UNDER_WAY); left = Atomics.load(pending, 0)) Atomics.wait(pending, 0, left);
    return length;
  };
}

// Reads from the standard input into a buffer, up to a length. Returns the number of bytes.
export function reader({ input }) {
  let readAt = 0;
  return (buffer, offset, length) => {
    const part = input ? input.subarray(readAt, readAt + length) : new Uint8Array();
    buffer.set(part, offset);
    readAt += part.length;
    return part.length;
  };
}
