// Describes a fault of a guest: a headline of name and message with the innermost frames below it, and the names of all
// frames.

// How many frames the engine keeps of an error. With this many it can be seen which functions recurse.
export const FRAMES_KEPT = 50_000;
const FRAMES_SHOWN = 20;
// V8: `    at python.wasm.list_repr (wasm://wasm/python.wasm-018dd31e:wasm-function[12]:0x1f)`, with the name of the
// module before that of the function, and `    at callMain (file:///python.mjs:1:2)`. Firefox: `list_repr@URL`.
const V8_FRAME = /^ {4}at (?:(?:async )?(.*?) \()?([^()]*?)\)?$/;
const FIREFOX_FRAME = /^([^\s@]*)@(\S+)$/;
const IN_WASM = /(?:^wasm:\/\/wasm\/(.*)-[0-9a-f]+)?:?wasm-function\[(\d+)\]/;

export function describe(error) {
  // Not every fault is an Error: Emscripten also throws numbers and objects of its own.
  if (!(error instanceof Error)) return String(error?.stack ?? error?.message ?? error);
  const headline = `${error.name}: ${error.message}`;
  // Firefox has neither in its stack.
  const text = error.stack?.startsWith(headline) ? error.stack : `${headline}\n${error.stack ?? ""}`;
  let shown = 0;
  return text.split("\n").filter((line) => !frameOf(line) || (shown += 1) <= FRAMES_SHOWN).join("\n");
}

// The names of the functions on the stack, the innermost first, up to the outermost one of wasm. The names of functions
// of JavaScript end with ` [js]`.
export function framesOf(error) {
  const frames = String(error?.stack ?? "").split("\n").map(frameOf).filter(Boolean);
  const last = frames.findLastIndex(({ wasm }) => wasm);
  return frames.slice(0, last + 1).map(({ name }) => name);
}

function frameOf(line) {
  const found = V8_FRAME.exec(line) ?? FIREFOX_FRAME.exec(line);
  if (!found) return undefined;
  const [, name, place] = found;
  const wasm = IN_WASM.exec(place);
  if (!wasm) return { name: `${name || "function"} [js]` };
  const [, module, index] = wasm;
  const prefix = `${module}.`;
  const own = module && name?.startsWith(prefix) ? name.slice(prefix.length) : name;
  return { wasm: true, name: own || `function ${index}` };
}
