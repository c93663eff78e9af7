// The process that runs Emscripten guests under Node. It speaks the protocol of harness/engines/protocol.py on the
// descriptors 3 and 4, where node_launcher.py puts it: 0 and 1 can be reached by guests.
//
// The main thread reads requests, so that it notices a stop, or the end of the harness, while a guest runs. Each guest
// gets a new instance of the module, which is compiled once, in a Worker: whatever it does to its thread (process.exit,
// abort, stack overflow, out of memory, an endless loop) ends only that guest. A thread whose guest continued from a
// snapshot and exited also runs the next one: V8 takes 40 ms to start a thread, which has to parse Emscripten's code.

import { createReadStream, mkdtempSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

const REQUESTS = 3;
const ANSWERS = 4;
const TRAP_LENGTH = 4000;
// How long a guest that trapped or is stopped may take to print its stack of Python: usually milliseconds, on a busy
// machine a second.
const STACK_MS = 3000;
// Calls the function in the guest's thread that does it (node_guest.mjs).
const ASK_STACK = 'globalThis[Symbol.for("harness.stack")]?.()';

let settings;
let compiled;
let guest;
// A thread that has run a guest to its end and waits for another.
let free;
let kept;
let stopped;

function answer(message) {
  writeSync(ANSWERS, JSON.stringify(message) + "\n");
}

async function load(request) {
  compiled = await WebAssembly.compile(readFileSync(request.wasm));
  settings = request;
  return { loaded: request.wasm };
}

// Runs one guest. Returns the answer to its request, and the snapshot that it sent, if any.
function runGuest(data) {
  // Written by the guest, read after its end: a message could be lost when a guest ends by process.exit.
  const ended = new Int32Array(new SharedArrayBuffer(12));
  let fault;
  let frames;
  let stack = "";
  let sent;
  guest = free ?? newThread();
  free = undefined;
  return new Promise((resolve) => {
    const finish = (otherwise) => {
      for (const [name, handle] of Object.entries(handlers)) guest.off(name, handle);
      guest = undefined;
      // If there is a status, a fault came after the interpreter had exited, in clean-up code of the engine.
      resolve([{ ...ending(ended, fault ?? otherwise), frames, ...(stack && { stack }) }, sent]);
    };
    const handlers = {
      message(message) {
        // A guest that is being stopped may exit first. Its thread will end all the same.
        if (message === "ended" || (message === "free" && stopped)) guest.terminate();
        else if (message === "free") {
          free = guest;
          finish();
        } else if (message.stack) stack += message.stack;
        else if (message.frames && !message.trapped) frames = message.frames;
        else if (message.trapped) {
          fault = message.trapped.slice(0, TRAP_LENGTH);
          frames = message.frames;
          setTimeout((trapped) => trapped.terminate(), STACK_MS, guest);
        } else sent = message;
      },
      error(error) { fault ??= describe(error); },
      exit(code) { finish(`the guest's thread ended with status ${code}`); },
    };
    for (const [name, handle] of Object.entries(handlers)) guest.on(name, handle);
    guest.postMessage({ ...data, ended });
  });
}

function newThread() {
  const thread = new Worker(new URL(settings.guest, import.meta.url), {
    workerData: { module: settings.module, journalNumber: settings.journal, compiled },
    resourceLimits: settings.limits,
    // The folders that require() searches. Guests do not see the environment of their thread.
    env: settings.packages ? { NODE_PATH: settings.packages } : {},
    execArgv: ["--require", fileURLToPath(new URL("node_confine.cjs", import.meta.url))],
  });
  // One that ends while it waits is no guest's fault.
  thread.on("error", () => {});
  thread.on("exit", () => { if (free === thread) free = undefined; });
  return thread;
}

async function start(request) {
  stopped = false;
  const snapshot = request.prologue ? await snapshotOf(request) : undefined;
  if (stopped) return { trap: "stopped before it began" };
  const fits = snapshot && Buffer.byteLength(request.resume) < snapshot.limit;
  const [answered] = await runGuest({ ...request, snapshot: fits ? snapshot : undefined });
  return answered;
}

// The snapshot after the prologue, which guests with the same environment and mounts share. It is tried once; if there
// is none, guests run from their start.
async function snapshotOf(request) {
  const key = JSON.stringify([request.prologue, request.env, request.mounts.map(([, ...mount]) => mount)]);
  if (kept?.key !== key) {
    const snapshot = await takeSnapshot(request);
    if (stopped) return undefined;
    kept = { key, snapshot };
  }
  return kept.snapshot;
}

async function takeSnapshot(request) {
  const folder = mkdtempSync(join(tmpdir(), "harness-snapshot-"));
  try {
    const output = join(folder, "output");
    const prologue = { ...request, argv: request.prologue, journal: "", input: null, output, keep: true };
    const [answered, sent] = await runGuest(prologue);
    if (!sent?.snapshot) {
      if (!stopped) console.error(`no snapshot: ${sent?.why ?? JSON.stringify(answered)}`);
      return undefined;
    }
    const { code, limit } = JSON.parse(readFileSync(output, "utf8"));
    return { ...sent.snapshot, place: code, limit };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// A fault before the guest has begun is the engine's own.
function ending([hasExited, status, hasBegun], fault) {
  if (hasExited) return { status };
  return hasBegun ? { trap: fault } : { engine_error: fault };
}

function describe(error) {
  // Not every fault is an Error: Emscripten also throws numbers and objects of its own.
  return String(error?.stack ?? error?.message ?? error).slice(0, TRAP_LENGTH);
}

// Ends a guest after it has sent its stack of Python. Its thread may be in an endless loop and read no messages: Node's
// inspector interrupts whatever runs there, to evaluate an expression.
async function stopGuest(running) {
  const end = () => running.terminate();
  setTimeout(end, STACK_MS);
  try {
    const { Session } = await import("node:inspector");
    const session = new Session();
    session.connect();
    running.once("exit", () => session.disconnect());
    session.on("NodeWorker.receivedMessageFromWorker", end);
    session.on("NodeWorker.attachedToWorker", ({ params: { sessionId } }) => {
      const message = JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression: ASK_STACK } });
      session.post("NodeWorker.sendMessageToWorker", { sessionId, message });
    });
    session.post("NodeWorker.enable", { waitForDebuggerOnStart: false }, (error) => { if (error) end(); });
  } catch {
    end();
  }
}

async function serve(request) {
  try {
    if (request.op === "stop") {
      stopped = true;
      if (guest) await stopGuest(guest);
    } else {
      answer(await (request.op === "run" ? start(request) : load(request)));
    }
  } catch (error) {
    answer({ [request.op === "run" ? "engine_error" : "error"]: describe(error) });
  }
}

const lines = createInterface({ input: createReadStream(null, { fd: REQUESTS }) });
lines.on("line", (line) => serve(JSON.parse(line)));
// Not process.exit: it would wait for a guest that does not end.
lines.on("close", () => process.kill(process.pid, "SIGKILL"));
