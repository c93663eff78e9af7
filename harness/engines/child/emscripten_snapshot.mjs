// A snapshot of an Emscripten guest that has started CPython and imported regrtest: the memory of that interpreter, from
// which every further guest starts.
//
// CPython's own frames are in the linear memory, so the frames of wasm are not needed: a guest goes on with a call of its
// own, as if it were made from within the `os._exit` that ended the first one. What JavaScript holds next to the memory
// (streams, mounts, the function table, the environment) is made again by the guest's own start, and has to be the same:
// `obstacle` says where it is not.

// Exports that the harness adds to the module (harness/engines/exports.py).
const RESUME = "harness.resume";
const STACK = "harness.stack";
const DUMP = "harness.dump";
const THREAD = "harness.thread";
const STANDARD_STREAMS = 3;
const STDERR = 2;
const SPARE_STACK = 1 << 17;
const WORDS = 1024; // of a page of 4096 bytes

// The parts of an instance that a snapshot is about. Emscripten's own names are shortened in an optimised build, so the
// memory and the table are found by what they are, and the import that grows the memory by its function's name.
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

// Why a guest of this module cannot be kept; empty when it can.
export function obstacle(parts, FS, tableLength) {
  if (parts.memory.buffer instanceof SharedArrayBuffer) return "its memory is shared between threads";
  if (!parts.resume || !parts.stack || !parts.grow) return "its module lacks what a snapshot is taken by";
  if (parts.table && parts.table.length !== tableLength) return "it has loaded dynamic libraries";
  if (FS.streams.filter(Boolean).length !== STANDARD_STREAMS) return "it has files open";
  return "";
}

// How a guest begins that is going to be kept: what `kept` compares with.
export function beginningOf({ memory, table }) {
  return { memory: memory.buffer.slice(0), tableLength: table?.length };
}

// The snapshot of a guest that has ended, or why there is none.
export function kept(parts, FS, begun) {
  const why = obstacle(parts, FS, begun.tableLength);
  return why ? { why } : { snapshot: take(parts, FS, begun.memory) };
}

// What a guest that has ended left, for other threads. `before` is the memory with which it began: as every guest of this
// module begins, so that only what differs is kept.
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

// Where the pages begin, in bytes, in which `now` differs from `before`, which may be shorter and goes on with zeros.
function* differing(now, before) {
  for (let page = 0; page < now.length; page += WORDS) {
    let at = page;
    const end = page + WORDS;
    if (end <= before.length) while (at < end && now[at] === before[at]) at += 1;
    else while (at < end && now[at] === 0) at += 1;
    if (at < end) yield 4 * page;
  }
}

// Has a guest that trapped print the stack of Python that it had, as far as it can. One whose own stack is exhausted
// prints nothing (`hasPrinted` says so): it is given another at the end of its memory, which is made larger for that.
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

// Makes a fresh instance into a copy of the guest, with `code` at its place. Returns the call that goes on with the code.
export function restore(snapshot, parts, FS, code) {
  const { bytes, written, stack, folder, place } = snapshot;
  // Emscripten keeps views of the memory, which its own function renews.
  if (parts.memory.buffer.byteLength < bytes.length) parts.grow(bytes.length);
  const memory = new Uint8Array(parts.memory.buffer);
  for (const { start, end } of written) memory.set(bytes.subarray(start, end), start);
  memory.set(code, place);
  memory[place + code.length] = 0;
  parts.stack.value = stack;
  FS.chdir(folder);
  return () => parts.resume(place, 0);
}
