// One guest: a fresh instance of the Emscripten module in a Worker of node_host.mjs.

import { openSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";

import { layFiles, openJournal, openStreams } from "./node_files.mjs";

const EXIT_POLL_MS = 50;
// What `ended` says: whether the guest has exited, with which status, whether it has begun.
const HAS_EXITED = 0;
const STATUS = 1;
const HAS_BEGUN = 2;
const { argv, compiled, ended, env, input, journal, journalNumber, module, mounts, output } = workerData;

const descriptor = openSync(output, "a");
const say = (line) => writeSync(descriptor, `${line}\n`);

function end(status) {
  ended[STATUS] = status;
  ended[HAS_EXITED] = 1;
  parentPort.postMessage("ended");
}

const { default: factory } = await import(pathToFileURL(module));

const python = await factory({
  thisProgram: argv[0],
  noInitialRun: true,
  instantiateWasm(imports, receive) {
    WebAssembly.instantiate(compiled, imports).then((instance) => receive(instance, compiled));
    return {};
  },
  // A library that the guest's file system does not have would be looked for on the host.
  locateFile: (name) => `/nonexistent/${name}`,
  print: say,
  printErr: say,
  preRun(instance) {
    openStreams(instance.FS, descriptor, input ? openSync(input, "r") : undefined);
    if (journal) openJournal(instance.FS, journalNumber, openSync(journal, "a"));
    layFiles(instance.FS, mounts);
    Object.assign(instance.ENV, env);
  },
  onExit: end,
});
// Until here nothing depends on what the guest does.
ended[HAS_BEGUN] = 1;
python.callMain(argv.slice(1));

// Where main() runs in a pthread, callMain has only started it, and its os._exit() gets no further than to set this.
process.exitCode = undefined;
setInterval(() => process.exitCode === undefined || end(process.exitCode), EXIT_POLL_MS).unref();
