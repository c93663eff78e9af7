// What is done with an instance of Pyodide for a guest, wherever it runs.

// Pyodide compiles its wasm with every start; `compiled` is what its engine has compiled once.
export function useCompiled(compiled) {
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (code, imports) => {
    if (code instanceof WebAssembly.Module || !isWhole(code)) return instantiate(code, imports);
    return { instance: await instantiate(compiled, imports), module: compiled };
  };
  // In a browser the wasm is fetched for it.
  WebAssembly.instantiateStreaming = async (response, imports) => {
    (await response).body?.cancel();
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

// An object as it is, and whether anything has been done with it.
export function seen(target) {
  const found = { isUsed: false };
  const handler = {};
  for (const name of Reflect.ownKeys(Reflect).filter((each) => typeof Reflect[each] === "function")) {
    handler[name] = (...operands) => {
      found.isUsed = true;
      return Reflect[name](...operands);
    };
  }
  found.object = new Proxy(target, handler);
  return found;
}
