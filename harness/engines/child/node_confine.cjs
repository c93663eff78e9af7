// Loaded first in every thread of a guest, those that Emscripten starts for pthreads included.

"use strict";

const processes = require("node:child_process");
const threads = require("node:worker_threads");

// Emscripten's system() runs a shell of the host. This makes it fail as if the command did not exist.
processes.spawnSync = () => ({ status: 127, signal: null });

// Emscripten passes no limits to its Workers: the stack of a pthread would be a fraction of the first thread's.
threads.Worker = class extends threads.Worker {
  constructor(file, options) {
    super(file, { ...options, resourceLimits: threads.resourceLimits });
  }
};
