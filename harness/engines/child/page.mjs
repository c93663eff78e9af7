// The page in which a browser runs guests: it requests work from the engine, gives each guest a Worker with a new
// instance of the module, which is compiled once, and sends what the guest writes to the engine. Whatever a guest does
// to its thread ends only that guest. A Worker whose guest continued from a snapshot and exited also runs the next one.

import { describe } from "./faults.mjs";

// Output of a guest is collected for so long, or up to so many bytes, before it is sent.
const WRITE_PAUSE_MS = 100;
const WRITE_SIZE = 1 << 18;
const FRAME_PAUSE_MS = 5;
// How long a guest that trapped may take to print its stack of Python.
const STACK_MS = 1000;
const TRAP_LENGTH = 4000;
const STOPPED = "stopped";

let settings;
let compiled;
let guest;
// A Worker that has run a guest to its end and waits for another.
let free;
let paused;
let stopped;
const kept = new Map();

const post = (path, body) => fetch(path, { method: "POST", body });
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function start() {
  settings = await (await fetch("settings.json")).json();
  compiled = await WebAssembly.compileStreaming(fetch("code.wasm"));
}

// A tree in the form of browser_trees.py. A small one is a part of the command; one that cannot change is fetched once.
async function treeOf({ name, sealed, small }) {
  if (small) return { bytes: Uint8Array.from(atob(small.content), (each) => each.charCodeAt(0)), entries: small.entries };
  if (kept.has(name)) return kept.get(name);
  const { size, entries } = await (await fetch(`${name}.json`)).json();
  const bytes = new Uint8Array(new SharedArrayBuffer(size));
  let place = 0;
  for await (const part of partsOf(await fetch(`${name}.bin`))) {
    bytes.set(part, place);
    place += part.length;
  }
  const tree = { bytes, entries };
  if (sealed) kept.set(name, tree);
  return tree;
}

async function* partsOf(response) {
  const reader = response.body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

// Sends what one guest writes to the engine, in order and in batches, the last one with the answer. `pending` counts
// the bytes that the engine does not have yet, so that the guest can wait for it.
class Writes {
  constructor(run, waits) {
    this.run = run;
    this.waits = waits;
    this.pending = new Int32Array(new SharedArrayBuffer(4));
    this.queue = [];
    this.size = 0;
    this.isOver = false;
    this.wake = () => {};
  }

  add(name, bytes) {
    this.queue.push([name, bytes]);
    this.size += bytes.length;
    if (this.size > WRITE_SIZE) this.wake();
    this.sending ??= this.send();
  }

  async send() {
    while (this.queue.length) {
      if (!this.waits) await new Promise((resolve) => setTimeout((this.wake = resolve), WRITE_PAUSE_MS));
      if (this.isOver) break;
      await this.deliver("written");
    }
    this.sending = undefined;
  }

  // Sends what there is, and the answer if that is known.
  async deliver(what, answer = "") {
    const batch = this.queue.splice(0);
    this.size = 0;
    let path = `${what}/${this.run}`;
    const parts = [];
    for (const name of new Set(batch.map(([each]) => each))) {
      const own = batch.filter(([each]) => each === name).map(([, bytes]) => bytes);
      path += `/${name}=${lengthOf(own)}`;
      parts.push(...own);
    }
    await post(path, new Blob([...parts, answer]));
    Atomics.sub(this.pending, 0, lengthOf(parts));
    Atomics.notify(this.pending, 0);
  }

  async answer(answer) {
    this.isOver = true;
    this.wake();
    await this.sending;
    await this.deliver("answer", JSON.stringify(answer));
  }
}

const lengthOf = (parts) => parts.reduce((sum, { length }) => sum + length, 0);

// What a guest writes that only the page reads.
class Output {
  constructor() {
    this.pending = new Int32Array(new SharedArrayBuffer(4));
    this.parts = [];
  }

  add(name, bytes) {
    this.parts.push(bytes);
    Atomics.sub(this.pending, 0, bytes.length);
    Atomics.notify(this.pending, 0);
  }

  text() {
    return new Blob(this.parts).text();
  }
}

// The answer to a request to run a guest, which writes to `writes`.
async function run(command, writes) {
  const trees = await Promise.all(command.mounts.map(treeOf));
  const mounts = command.mounts.map((mount, number) => ({ ...mount, tree: trees[number] }));
  const input = command.input && new Uint8Array(await (await fetch(command.input)).arrayBuffer());
  const snapshot = command.prologue ? await snapshotOf({ ...command, mounts }) : undefined;
  if (stopped === command.run) return { trap: STOPPED };
  const fits = snapshot && new TextEncoder().encode(command.resume).length < snapshot.limit;
  const { answer } = await runGuest({ ...command, mounts, input, snapshot: fits ? snapshot : undefined }, writes);
  return answer;
}

// The snapshot after the prologue, which guests with the same environment and mounts share. It is tried once; if there
// is none, guests run from their start.
async function snapshotOf(command) {
  const surroundings = command.mounts.map(({ guest: place, writable }) => [place, writable]);
  const key = JSON.stringify([command.prologue, command.env, surroundings]);
  if (paused?.key !== key) {
    const snapshot = await takeSnapshot(command);
    if (stopped === command.run) return undefined;
    paused = { key, snapshot };
  }
  return paused.snapshot;
}

async function takeSnapshot(command) {
  const output = new Output();
  const prologue = { ...command, argv: command.prologue, journal: false, keep: true, waits: false };
  const { answer, sent } = await runGuest(prologue, output);
  if (!sent?.snapshot) {
    if (stopped !== command.run) await post("log", `no snapshot: ${sent?.why ?? JSON.stringify(answer)}`);
    return undefined;
  }
  const { code, limit } = JSON.parse(await output.text());
  return { ...sent.snapshot, place: code, limit };
}

// A guest on this thread, with as much of a Worker's interface as is used here.
class FrameOfGuest {
  constructor() {
    this.frame = document.createElement("iframe");
    this.frame.src = "frame.html";
    window.fromGuest = (event) => this.onmessage(event);
    window.guestModule = settings.guest;
    document.body.append(this.frame);
  }

  async postMessage(command) {
    // It asks for the command as soon as it runs.
    while (this.frame.isConnected && !this.frame.contentWindow?.onmessage) await pause(FRAME_PAUSE_MS);
    // One that is stopped before is gone.
    if (this.frame.isConnected) this.frame.contentWindow.giveGuest(command);
  }

  terminate() {
    this.frame.remove();
  }
}

function newWorker() {
  if (settings.onPage) return new FrameOfGuest();
  const worker = new Worker(settings.guest, { type: "module" });
  // The names of the trees that it has and that cannot change.
  worker.trees = new Set();
  return worker;
}

// Runs one guest. Returns its answer, and the snapshot that it sent, if any.
function runGuest(command, writes) {
  const worker = free ?? newWorker();
  free = undefined;
  return new Promise((resolve) => {
    const seen = { stack: "" };
    const finish = (fault) => {
      guest = undefined;
      resolve({ answer: ending(seen, fault), sent: seen.sent });
    };
    const end = (fault) => {
      worker.terminate();
      finish(fault);
    };
    guest = { stop: () => end(STOPPED) };
    worker.onmessage = ({ data }) => {
      if (data.bytes) writes.add(data.name, data.bytes);
      else if ("ended" in data) {
        seen.status = data.ended;
        if (data.isLast) end();
      } else if (data.free && !seen.fault) {
        keepFree(worker);
        finish();
      } else if (data.begun) seen.begun = true;
      else if (data.stack) seen.stack += data.stack;
      else if (data.done || data.free) end(seen.fault);
      else if (!data.trapped) seen.sent = data;
      else if (!seen.fault) {
        seen.fault = data.trapped.slice(0, TRAP_LENGTH);
        seen.frames = data.frames;
        setTimeout(() => end(seen.fault), STACK_MS);
      }
    };
    worker.onerror = (event) => end(seen.fault ?? event.message ?? "the guest's Worker could not be started");
    // A page's thread cannot wait.
    const waits = command.waits && !settings.onPage;
    const mounts = command.mounts.map((mount) => (worker.trees?.has(mount.name) ? { ...mount, tree: undefined } : mount));
    worker.postMessage({ ...command, ...settings, mounts, waits, compiled, pending: writes.pending });
    for (const { name, sealed } of mounts) if (sealed) worker.trees?.add(name);
  });
}

// Keeps the Worker for the next guest, unless it sends a message meanwhile: then something of the last guest still
// runs.
function keepFree(worker) {
  if (settings.onPage) {
    worker.terminate();
    return;
  }
  free = worker;
  worker.onmessage = worker.onerror = () => {
    worker.terminate();
    if (free === worker) free = undefined;
  };
}

// A fault before the guest has begun is the engine's own. If there is a status, a fault came after the interpreter had
// exited, in clean-up code.
function ending({ status, begun, frames, stack }, fault) {
  if (status !== undefined) return { status };
  return begun || fault === STOPPED ? { trap: fault, frames, ...(stack && { stack }) } : { engine_error: fault };
}

async function serve(command) {
  if (command.op === "stop") {
    stopped = command.run;
    guest?.stop();
    return;
  }
  const writes = new Writes(command.run, command.waits);
  await writes.answer(await run(command, writes).catch((error) => ({ engine_error: describe(error) })));
}

const facts = { agent: navigator.userAgent, isolated: globalThis.crossOriginIsolated === true };
if (facts.isolated) await start().catch((error) => { facts.error = describe(error); });
await post("ready", JSON.stringify(facts));
// The request for the next command says that the page has received the last guest.
for (let taken = 0; ; ) {
  const response = await fetch(`next/${taken}`).catch(() => undefined);
  if (!response) break; // the engine has ended
  if (response.status !== 200) continue;
  const command = await response.json();
  if (command.op === "run") taken = command.run;
  serve(command);
}
