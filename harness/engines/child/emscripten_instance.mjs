// How an instance of the Emscripten module is made for a guest, wherever it runs, and how its end is learned.

import { partsOf } from "./emscripten_snapshot.mjs";

// The import by which a pthread has the main thread do something, in the words of Emscripten's JavaScript.
const ON_MAIN_THREAD = "_emscripten_receive_on_main_thread_js";
// The import that tells the time in milliseconds, and how a busy wait is known by it: so many calls in that time.
const NOW = "_emscripten_get_now";
const CALLS = 100;
const BUSY_MS = 0.01;
// A busy wait goes on by naps, of a part of the time that it has taken so far.
const NAP_PART = 1 / 8;
const NAP_MS = { least: 0.05, most: 1 };

// The settings for the module's factory. `argv`, `compiled` and `env` are the guest's; `say` gets lines that Emscripten
// itself prints, `ready` the parts of the instance, `lay` its file system before anything runs, `end` its exit status.
export function settingsFor({ argv, compiled, env, say, ready, lay, end }) {
  return {
    thisProgram: argv[0],
    noInitialRun: true,
    instantiateWasm(imports, receive) {
      wrapImport(imports, ON_MAIN_THREAD, (call) => endingWith(call, end));
      wrapImport(imports, NOW, napping);
      WebAssembly.instantiate(compiled, imports).then((instance) => {
        ready(partsOf(instance, imports));
        // With dynamic linking Emscripten looks at every export; ours it would take for symbols of libraries.
        const own = Object.entries(instance.exports).filter(([name]) => !name.startsWith("harness."));
        receive({ exports: Object.fromEntries(own) }, compiled);
      });
      return {};
    },
    // A library that the guest's file system does not have would be looked for outside of it.
    locateFile: (name) => `/nonexistent/${name}`,
    print: say,
    printErr: say,
    preRun(instance) {
      lay(instance.FS);
      Object.assign(instance.ENV, env);
    },
    onExit: end,
  };
}

// Puts what `wrap` makes of it into the place of the import that JavaScript knows by that name.
function wrapImport(imports, wanted, wrap) {
  // With dynamic linking GOT.mem and GOT.func are proxies: what is read of them is then taken for a symbol in use.
  for (const [module, functions] of Object.entries(imports)) {
    if (module.startsWith("GOT.")) continue;
    for (const [name, call] of Object.entries(functions)) if (call?.name?.endsWith(wanted)) functions[name] = wrap(call);
  }
}

// Where main() runs in a pthread, its os._exit() has the main thread throw an exit, which goes no further: Emscripten
// keeps the main thread for other threads, and calls no `onExit`.
function endingWith(call, end) {
  return (...words) => {
    try {
      return call(...words);
    } catch (error) {
      if (error?.name === "ExitStatus") end(error.status);
      throw error;
    }
  };
}

// Emscripten's sleep looks at the clock until the time has come. That takes a processor, which other guests could use.
function napping(now) {
  // A browser's clock is too coarse to tell a busy wait from a program that asks for the time, and the own thread of its
  // page must not wait.
  if (!globalThis.process?.versions?.node) return now;
  const never = new Int32Array(new SharedArrayBuffer(4));
  let calls = 0;
  // When the last hundred calls began, and when the busy wait did.
  let begun = 0;
  let since = 0;
  return () => {
    const time = now();
    calls += 1;
    if (calls < CALLS) return time;
    if (time - begun > BUSY_MS) {
      [calls, begun, since] = [0, time, time];
      return time;
    }
    Atomics.wait(never, 0, 0, Math.min(Math.max((time - since) * NAP_PART, NAP_MS.least), NAP_MS.most));
    const later = now();
    // Ten calls more, as fast, are another nap.
    [calls, begun] = [CALLS - CALLS / 10, later - BUSY_MS * 0.9];
    return later;
  };
}

// Whether what was thrown only says that the interpreter has exited, which `end` has learned of already.
export function isExit(error) {
  return error === "unwind" || error?.name === "ExitStatus";
}

// Calls what a guest goes on with from a snapshot, as Emscripten calls main(). What Python says of code that raised is a
// status too: 1, as from its start.
export function callResumed(call, end) {
  try {
    end(call() ? 1 : 0);
  } catch (error) {
    if (!isExit(error)) throw error;
  }
}
