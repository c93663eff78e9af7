// Makes an instance of the Emscripten module for a guest, under Node or in a browser, and reports its end.

import { partsOf } from "./emscripten_snapshot.mjs";

// The name in Emscripten's JavaScript of the import with which a pthread calls the main thread.
const ON_MAIN_THREAD = "_emscripten_receive_on_main_thread_js";
// The import that returns the time in milliseconds. So many calls of it within that time are a busy wait.
const NOW = "_emscripten_get_now";
const CALLS = 100;
const BUSY_MS = 0.01;
// A busy wait becomes a series of sleeps, each of this part of the time that it has taken so far.
const NAP_PART = 1 / 8;
const NAP_MS = { least: 0.05, most: 1 };

// The settings for the module's factory. `argv`, `compiled` and `env` are the guest's. `say` is called with lines that
// Emscripten itself prints, `ready` with the parts of the instance, `lay` with its file system before anything runs,
// and `end` with its exit status.
export function settingsFor({ argv, compiled, env, say, ready, lay, end }) {
  return {
    thisProgram: argv[0],
    noInitialRun: true,
    instantiateWasm(imports, receive) {
      wrapImport(imports, ON_MAIN_THREAD, (call) => endingWith(call, end));
      wrapImport(imports, NOW, napping);
      WebAssembly.instantiate(compiled, imports).then((instance) => {
        ready(partsOf(instance, imports));
        // With dynamic linking Emscripten would take the harness's exports for symbols of libraries.
        const own = Object.entries(instance.exports).filter(([name]) => !name.startsWith("harness."));
        receive({ exports: Object.fromEntries(own) }, compiled);
      });
      return {};
    },
    // Emscripten would search a library that the guest's file system does not have on the host.
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

// Replaces the import that Emscripten's JavaScript has under that name by `wrap` of it.
function wrapImport(imports, wanted, wrap) {
  // With dynamic linking GOT.mem and GOT.func are proxies: what is read of them is then taken for a symbol in use.
  for (const [module, functions] of Object.entries(imports)) {
    if (module.startsWith("GOT.")) continue;
    for (const [name, call] of Object.entries(functions)) if (call?.name?.endsWith(wanted)) functions[name] = wrap(call);
  }
}

// If main() runs in a pthread, its os._exit() makes the main thread throw an exit. Emscripten catches that to keep the
// main thread alive for other threads, and does not call `onExit`.
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

// Emscripten's sleep is a busy wait, which takes processor time from other guests.
function napping(now) {
  // A browser's clock is too coarse to distinguish a busy wait from a program that reads the time, and the thread of
  // its page must not sleep.
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
    // After ten more such calls it sleeps again.
    [calls, begun] = [CALLS - CALLS / 10, later - BUSY_MS * 0.9];
    return later;
  };
}

// Whether what was thrown is only Emscripten's way to exit, which has been reported to `end` already.
export function isExit(error) {
  return error === "unwind" || error?.name === "ExitStatus";
}

// Calls the function that continues a guest from a snapshot, as Emscripten calls main(). If its code raised, the status
// is 1, as for a guest that ran from its start.
export function callResumed(call, end) {
  try {
    end(call() ? 1 : 0);
  } catch (error) {
    if (!isExit(error)) throw error;
  }
}
