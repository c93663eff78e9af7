// What a guest sees as its file system: the mounted folders, and Emscripten's own /dev, /proc and /home in memory.
//
// Emscripten follows symbolic links itself, within the guest's file system, and so a link cannot lead out of it by its
// text alone. What is left to the host is guarded here: no operation follows a link, or writes to a mount that is not
// writable (permissions do not protect files from a chmod by their owner).

import { constants, existsSync, lstatSync, readSync, realpathSync, writeSync } from "node:fs";
import { dirname, sep } from "node:path";

const EACCES = 2;
const EBADF = 8;
const EROFS = 69;
const EOPNOTSUPP = 138;
const ESPIPE = 70;
const STREAMS_MAJOR = 64;

// Standard input is that of the descriptor `source`, or has ended when there is none; output is given to `print` at once:
// a buffer, an offset and a length in it. Emscripten's own streams, which it makes unless it finds these, are terminals
// that keep what they print until the end of a line.
export function openStreams(FS, print, source) {
  const { NODEFS } = FS.filesystems;
  const write = (stream, buffer, offset, length) => NODEFS.tryFSOperation(() => print(buffer, offset, length));
  const read = (stream, buffer, offset, length) =>
    source === undefined ? 0 : NODEFS.tryFSOperation(() => readSync(source, buffer, offset, length));
  const llseek = () => { throw new FS.ErrnoError(ESPIPE); };
  const device = FS.makedev(STREAMS_MAJOR, 0);
  FS.registerDevice(device, { read, write, llseek });
  for (const [name, flags] of [["stdin", constants.O_RDONLY], ["stdout", constants.O_WRONLY], ["stderr", constants.O_WRONLY]]) {
    FS.mkdev(`/dev/${name}`, 0o666, device);
    FS.open(`/dev/${name}`, flags);
  }
  FS.initialized = true;
  FS.init.initialized = true; // where older Emscripten keeps it
}

// Appends what the guest writes with `pwrite` to the stream `number` to the host's `descriptor`. The stream is in no list
// of open ones, so that nothing takes its number or its place; its flags stay; and it has no path by which another one
// could be opened. Emscripten passes on the stream's own position for a `write`, which has none.
export function openJournal(FS, number, descriptor) {
  const { NODEFS } = FS.filesystems;
  const refuse = () => { throw new FS.ErrnoError(EBADF); };
  const append = (buffer, offset, length) =>
    NODEFS.tryFSOperation(() => writeSync(descriptor, buffer, offset, length));
  const operations = {
    close: refuse,
    dup: (copy) => { FS.closeStream(copy.fd); refuse(); },
    write: (stream, buffer, offset, length, position) => (position < 0 ? refuse() : append(buffer, offset, length)),
  };
  const shared = Object.defineProperties({}, { flags: fixed(constants.O_WRONLY), position: fixed(-1) });
  const node = new FS.FSNode(null, "", constants.S_IFCHR | 0o200, 0);
  const given = { shared, node, path: "/dev/null", seekable: true, stream_ops: operations, ungotten: [], fd: -1 };
  const journal = Object.assign(new FS.FSStream(), given);
  const getStream = FS.getStream;
  FS.getStream = (fd) => (fd === number ? journal : getStream(fd));
}

// A property that can be assigned to, which changes nothing.
function fixed(value) {
  return { get: () => value, set() {} };
}

// Mounts are [host, guest, writable, sealed].
export function layFiles(FS, mounts) {
  const { NODEFS } = FS.filesystems;
  guard(FS, NODEFS);
  const [root, ...rest] = [...mounts].sort((one, other) => one[1].length - other[1].length);
  const folders = root?.[1] === "/" ? rest : [root, ...rest].filter(Boolean);
  // Mount points come first: those at the top must be made in memory, not in the mounted root.
  for (const [, guest] of folders) FS.mkdirTree(topOf(guest));
  if (root?.[1] === "/") overlay(FS, NODEFS, optionsOf(root));
  for (const mount of folders) FS.mount(NODEFS, optionsOf(mount), mount[1]);
}

function topOf(path) {
  return `/${path.split("/")[1]}`;
}

function optionsOf([host, , writable]) {
  // The guard compares real paths.
  return { root: realpathSync.native(host), writable };
}

// Emscripten cannot mount anything over its root. So the root stays, and what it does not have it looks up on the host.
function overlay(FS, NODEFS, options) {
  const { root } = FS;
  Object.assign(root.mount.opts, options);
  const own = Object.keys(root.contents);
  root.node_ops = {
    ...NODEFS.node_ops,
    readdir: (node) => [...new Set([...NODEFS.node_ops.readdir(node), ...own])],
  };
  root.mode = NODEFS.getMode(options.root);
}

function guard(FS, NODEFS) {
  const { node_ops: nodes, stream_ops: streams, flagsForNode, realPath } = NODEFS;
  const isLink = (path) =>
    NODEFS.tryFSOperation(() => lstatSync(path, { throwIfNoEntry: false }))?.isSymbolicLink() ?? false;
  const refuse = (code) => { throw new FS.ErrnoError(code); };
  const mustBeWritable = (node) => node.mount.opts.writable || refuse(EROFS);
  const before = (ops, name, check) => {
    const operation = ops[name];
    ops[name] = (...operands) => {
      check(...operands);
      return operation(...operands);
    };
  };
  for (const name of ["mknod", "unlink", "rmdir", "symlink"]) before(nodes, name, mustBeWritable);
  const forgetsReplaced = /\bFS\.unlink\(/.test(nodes.rename);
  before(nodes, "rename", (node, folder, name) => {
    mustBeWritable(node);
    mustBeWritable(folder);
    // From 3.1.74 on a rename unlinks what it replaces, so that its node is forgotten. But it takes the host's path for
    // the guest's, which only helps where a folder is mounted under its own path, as CPython's own runner does it.
    if (forgetsReplaced) unlinkIfThere(FS, `${FS.getPath(folder)}/${name}`);
  });
  // Node's chmod, utimes and truncate follow links, also where the caller wants the link itself (newer Emscripten has
  // lutimes for that). So do these, but within the guest's file system: the host knows the link's text, and not where it
  // leads from a mount.
  const { setattr } = nodes;
  nodes.setattr = (node, attributes) => {
    mustBeWritable(node);
    if (attributes.dontFollow || !isLink(NODEFS.realPath(node))) return setattr(node, attributes);
    const { node: target } = FS.lookupPath(FS.getPath(node), { follow: true });
    // Emscripten takes a name for what it was: here a link has taken the place of something else.
    if (target === node) refuse(EOPNOTSUPP);
    const { mode } = attributes;
    const kept = mode === undefined ? {} : { mode: (mode & ~constants.S_IFMT) | (target.mode & constants.S_IFMT) };
    return target.node_ops.setattr(target, { ...attributes, ...kept });
  };
  // Newer Emscripten changes an open file by its descriptor.
  if (streams.setattr) before(streams, "setattr", (stream) => mustBeWritable(stream.node));
  before(streams, "open", (stream) => {
    if (stream.flags & (constants.O_WRONLY | constants.O_RDWR)) mustBeWritable(stream.node);
  });
  NODEFS.flagsForNode = (flags) => flagsForNode(flags) | constants.O_NOFOLLOW;
  // Emscripten remembers what a name was. Where the guest can put a link in its place, the path is looked at again, but
  // for folders that were inside since a link could have got anywhere: looking takes a quarter of what such calls take.
  const inside = new Set();
  for (const name of ["symlink", "rename"]) after(nodes, name, () => inside.clear());
  NODEFS.realPath = (node) => {
    const path = realPath(node);
    const { root, writable } = node.mount.opts;
    const folder = FS.isDir(node.mode) ? path : dirname(path);
    if (writable && path !== root && !inside.has(folder)) {
      if (!isInside(folder, root)) refuse(EACCES);
      if (existsSync(folder)) inside.add(folder);
    }
    return path;
  };
}

function after(ops, name, act) {
  const operation = ops[name];
  ops[name] = (...operands) => {
    try {
      return operation(...operands);
    } finally {
      act();
    }
  };
}

function unlinkIfThere(FS, path) {
  try {
    FS.unlink(path);
  } catch (error) {
    if (!(error instanceof FS.ErrnoError)) throw error;
  }
}

// Whether a folder lies in the mount once all links are followed. One that does not exist lies where its parent does.
function isInside(folder, root) {
  try {
    const real = realpathSync.native(folder);
    return real === root || real.startsWith(root.endsWith(sep) ? root : root + sep);
  } catch {
    return dirname(folder) === folder || isInside(dirname(folder), root);
  }
}
