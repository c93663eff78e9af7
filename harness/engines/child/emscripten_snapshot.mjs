// A snapshot of an Emscripten guest that has started CPython and imported regrtest: the memory of that interpreter,
// from which every further guest starts.
//
// CPython's own frames are in the linear memory, so the wasm frames are not needed: a guest continues with a new call,
// as if it were made from within the `os._exit` that ended the first one. The state of JavaScript (streams, mounts, the
// function table, the environment) is made again when the guest starts, and has to be the same: `obstacle` says if it
// is not.

// The exports that the harness adds to the module (harness/engines/exports.py).
const RESUME = "harness.resume";
const STACK = "harness.stack";
const DUMP = "harness.dump";
const THREAD = "harness.thread";
const STANDARD_STREAMS = 3;
const STDERR = 2;
const SPARE_STACK = 1 << 17;
const WORDS = 1024; // of a page of 4096 bytes

// The parts of an instance that a snapshot needs. Emscripten's names are minified in an optimised build, so the memory
// and the table are found by their types, and the import that grows the memory by the name of its function.
export function partsOf(instance, imports) {
  // With dynamic linking GOT.mem and GOT.func are proxies: what is read of them is then taken for a symbol in use.
  const own = Object.entries(imports).filter(([module]) => !module.startsWith("GOT."));
  const values = [instance.exports, ...own.map(([, functions]) => functions)].flatMap((part) => Object.values(part));
  const found = (kind) => values.find((value) => value instanceof kind);
  return {
    memory: found(WebAssembly.Memory),
    table: found(WebAssembly.Table),
    resume: instance.exports[RESUME],
    stack: instance.exports[STACK],
    dump: instance.exports[DUMP],
    thread: instance.exports[THREAD],
    grow: values.find((value) => typeof value === "function" && value.name === "_emscripten_resize_heap"),
  };
}

// Why there can be no snapshot of a guest of this module; empty if there can.
export function obstacle(parts, FS, tableLength) {
  if (parts.memory.buffer instanceof SharedArrayBuffer) return "its memory is shared between threads";
  if (!parts.resume || !parts.stack || !parts.grow) return "its module lacks what a snapshot is taken by";
  if (parts.table && parts.table.length !== tableLength) return "it has loaded dynamic libraries";
  if (FS.streams.filter(Boolean).length !== STANDARD_STREAMS) return "it has files open";
  return "";
}

// The state of a guest at its beginning, with which `kept` compares.
export function beginningOf({ memory, table }) {
  return { memory: memory.buffer.slice(0), tableLength: table?.length };
}

// The snapshot of a guest that has ended, or why there is none.
export function kept(parts, FS, begun) {
  const why = obstacle(parts, FS, begun.tableLength);
  return why ? { why } : { snapshot: take(parts, FS, begun.memory) };
}

// The state of a guest that has ended, in a form for other threads. `before` is the memory with which it began, which
// is that of every guest of this module: only pages that differ are kept.
function take(parts, FS, before) {
  const now = new Uint8Array(parts.memory.buffer);
  const bytes = new Uint8Array(new SharedArrayBuffer(now.length));
  const written = [];
  for (const start of differing(new Uint32Array(parts.memory.buffer), new Uint32Array(before))) {
    const end = start + 4 * WORDS;
    if (written.at(-1)?.end === start) written.at(-1).end = end;
    else written.push({ start, end });
  }
  for (const { start, end } of written) bytes.set(now.subarray(start, end), start);
  return { bytes, written, stack: parts.stack.value, folder: FS.cwd() };
}

// The addresses of the pages in which `now` differs from `before`. If that is shorter, the rest of it counts as zeros.
function* differing(now, before) {
  for (let page = 0; page < now.length; page += WORDS) {
    let at = page;
    const end = page + WORDS;
    if (end <= before.length) while (at < end && now[at] === before[at]) at += 1;
    else while (at < end && now[at] === 0) at += 1;
    if (at < end) yield 4 * page;
  }
}

// Makes a guest that trapped print its stack of Python, as far as it can. If its own stack is exhausted it prints
// nothing (`hasPrinted` says so), and is given another stack at the end of its memory, which grows for that.
export function dumpStack(parts, hasPrinted) {
  if (!parts.dump) return;
  try {
    parts.dump(STDERR, parts.thread());
  } catch {
    if (hasPrinted()) return;
    try {
      parts.grow(parts.memory.buffer.byteLength + SPARE_STACK);
      parts.stack.value = parts.memory.buffer.byteLength;
      parts.dump(STDERR, parts.thread());
    } catch {
      // What it printed until then has been sent.
    }
  }
}

// Writes the snapshot into a new instance, with `code` at its place. Returns the function that continues with the code.
export function restore(snapshot, parts, FS, code) {
  const { bytes, written, stack, folder, place } = snapshot;
  // Emscripten has views of the memory, which this function of its own updates.
  if (parts.memory.buffer.byteLength < bytes.length) parts.grow(bytes.length);
  const memory = new Uint8Array(parts.memory.buffer);
  for (const { start, end } of written) memory.set(bytes.subarray(start, end), start);
  memory.set(code, place);
  memory[place + code.length] = 0;
  parts.stack.value = stack;
  FS.chdir(folder);
  return () => parts.resume(place, 0);
}
