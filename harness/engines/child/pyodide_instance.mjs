// What is done with an instance of Pyodide for a guest, wherever it runs.

const { instantiate } = WebAssembly;

// Pyodide compiles its wasm with every start; `compiled` is what its engine has compiled once.
export function useCompiled(compiled) {
  WebAssembly.instantiate = async (code, imports) => {
    if (code instanceof WebAssembly.Module || !isWhole(code)) return instantiate(code, imports);
    return { instance: await instantiate(compiled, imports), module: compiled };
  };
  // In a browser.
  WebAssembly.instantiateStreaming = async (response, imports) => {
    await response;
    return { instance: await instantiate(compiled, imports), module: compiled };
  };
}

// Whether it is Pyodide itself, and not one of the small modules that it makes on its way.
function isWhole(code) {
  return !(code?.byteLength < 1 << 20);
}

// Python code as the interpreter's own main() would run it: SystemExit ends it. What code that raised comes to is a status.
export function run(python, code) {
  const { _PyRun_SimpleString, stringToNewUTF8 } = python._module;
  return _PyRun_SimpleString(stringToNewUTF8(code)) ? 1 : 0;
}

// Runs the agent at `path` until it pauses; gives the snapshot to send, or why there is none. The agent pauses by ending
// the interpreter, whose memory is kept then. Pyodide keeps that of one that goes on.
export function snapshotOf(python, path) {
  const agent = JSON.stringify(path);
  const failed = run(python, `
import os, sys
end, os._exit = os._exit, lambda status: None
sys.argv = [${agent}]
sys.path.insert(0, ${agent})
try:
    exec(compile(open(${agent} + "/__main__.py").read(), ${agent} + "/__main__.py", "exec"), {"__name__": "__main__"})
finally:
    os._exit = end
del end, os
`);
  if (failed) return { why: "what every guest does first has failed" };
  const memory = python.makeMemorySnapshot();
  const bytes = new Uint8Array(new SharedArrayBuffer(memory.length));
  bytes.set(memory);
  return { snapshot: { bytes } };
}

// The global object as a guest has it as its module `js`, and whether it has done anything with that: then it may have
// changed whatever a later guest in the same thread has too.
export function javascriptOf(globals) {
  const javascript = { isUsed: false };
  const functions = new Map();
  // A browser's own functions are called as methods of the global object or not at all; classes stay as they are.
  const callable = (value) => {
    if (typeof value !== "function" || "prototype" in value) return value;
    if (!functions.has(value)) {
      const apply = (call, self, words) => Reflect.apply(call, self === javascript.object ? globals : self, words);
      functions.set(value, new Proxy(value, { apply }));
    }
    return functions.get(value);
  };
  const operations = {
    ...Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((name) => [name, Reflect[name]])),
    get: (target, name) => callable(target[name]),
    set: (target, name, value) => Reflect.set(target, name, value),
  };
  const noticed = Object.entries(operations).map(([name, operation]) => [
    name,
    (...operands) => {
      javascript.isUsed = true;
      return operation(...operands);
    },
  ]);
  javascript.object = new Proxy(globals, Object.fromEntries(noticed));
  return javascript;
}
