// A plain runner of Pyodide: one process, one guest, started cold by Pyodide's own `loadPyodide`. Only the oracle uses
// it.
//
// Usage: node plain_pyodide.mjs pyodide.mjs TESTS GUEST_TESTS GUEST_ARGUMENTS. No supervision, no time limit, no
// confinement: the guest has the folders of the host under their own names, but for those that Pyodide has itself, the
// folder TESTS as GUEST_TESTS, its working folder and its environment.

import { readSync, readdirSync, statSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const NOT_MOUNTED = new Set(["dev", "home", "lib", "proc", "sys"]);
const [program, tests, guestTests, ...args] = process.argv.slice(2);
const { PATH, ...environment } = process.env;

function mount(FS, host, guest) {
  FS.mkdirTree(guest);
  FS.mount(FS.filesystems.NODEFS, { root: host }, guest);
}

const { loadPyodide } = await import(pathToFileURL(program));
const python = await loadPyodide({
  args,
  env: environment,
  async fsInit(FS) {
    for (const name of readdirSync("/")) {
      if (!NOT_MOUNTED.has(name) && statSync(`/${name}`).isDirectory()) mount(FS, `/${name}`, `/${name}`);
    }
    mount(FS, tests, guestTests);
  },
});
python.setStdout({ write: (buffer) => writeSync(STDOUT, buffer) });
python.setStderr({ write: (buffer) => writeSync(STDERR, buffer) });
python.setStdin({ read: (buffer) => readSync(STDIN, buffer) });
python.FS.chdir(process.cwd());
let status;
try {
  status = python._module._run_main();
} catch (error) {
  if (!Number.isInteger(error?.status)) throw error;
  status = error.status;
}
process.exit(status);
