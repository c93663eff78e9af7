// What guests of Pyodide need of its instance, under Node and in a browser.

const { instantiate } = WebAssembly;

// Pyodide compiles its wasm at every start; `compiled` is the module that the engine has compiled once.
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

// Whether it is Pyodide itself, and not one of the small modules that it makes.
function isWhole(code) {
  return !(code?.byteLength < 1 << 20);
}

// Runs Python code as the interpreter's own main() would: SystemExit ends it. If the code raised, that is a status as
// well.
export function run(python, code) {
  const { _PyRun_SimpleString, stringToNewUTF8 } = python._module;
  return _PyRun_SimpleString(stringToNewUTF8(code)) ? 1 : 0;
}

// Runs the agent at `path` until it pauses. Returns the snapshot to send, or why there is none. The agent pauses by
// ending the interpreter, and the snapshot is taken of an ended one; Pyodide's own function takes it of one that goes
// on.
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

// The global object that a guest has as its module `js`, and whether the guest has used it: then it may have changed
// something that a later guest in the same thread would see.
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
