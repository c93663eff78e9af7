// A plain Node runner: one process, one guest, started cold, as CPython's own `python.sh` for Emscripten does it. Only
// the oracle uses it.
//
// Usage: node plain_node.mjs PROGRAM.mjs GUEST_ARGUMENTS. No supervision, no time limit, no confinement: the guest has
// the folders of the host under their own names, its working folder and its environment, and standard streams that are
// the descriptors 1 and 2 (with -sNODERAWFS, which CPython 3.11 to 3.13 link with, they are; see DEPARTURES in
// harness/build/recipes/emscripten.py).

import { readdirSync, statSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { openStreams } from "./node_files.mjs";

const STDOUT = 1;
// Emscripten has its own of these, or no use for them.
const NOT_MOUNTED = new Set(["dev", "lib", "proc", "sys"]);
const [program, ...args] = process.argv.slice(2);

function mountHost(FS) {
  const folders = readdirSync("/").filter((name) => !NOT_MOUNTED.has(name) && statSync(`/${name}`).isDirectory());
  for (const name of folders) {
    FS.mkdirTree(`/${name}`);
    FS.mount(FS.filesystems.NODEFS, { root: `/${name}` }, `/${name}`);
  }
}

const { default: factory } = await import(pathToFileURL(program));

await factory({
  thisProgram: program,
  arguments: args,
  preRun(instance) {
    openStreams(instance.FS, (...part) => writeSync(STDOUT, ...part));
    mountHost(instance.FS);
    instance.FS.chdir(process.cwd());
    const { PATH, ...environment } = process.env;
    Object.assign(instance.ENV, environment);
  },
});
