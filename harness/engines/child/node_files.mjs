// What a guest sees as its file system: the mounted folders, and Emscripten's own /dev, /proc and /home in memory.
//
// Emscripten follows symbolic links itself, within the guest's file system, and so a link cannot lead out of it by its
// text alone. What is left to the host is guarded here: no operation follows a link, or writes to a mount that is not
// writable (permissions do not protect files from a chmod by their owner).

import { closeSync, constants, lstatSync, readSync, realpathSync, writeSync } from "node:fs";
import { dirname, sep } from "node:path";

import { openJournal as openJournalOver, openStreams as openStreamsOver } from "./emscripten_streams.mjs";

const EACCES = 2;
const EROFS = 69;
const EOPNOTSUPP = 138;

// The streams and the journal as emscripten_streams.mjs has them, over descriptors of Node: standard input is that of
// `source`, or has ended when there is none.
export function openStreams(FS, print, source) {
  const { tryFSOperation } = FS.filesystems.NODEFS;
  const read = (...part) => (source === undefined ? 0 : readSync(source, ...part));
  openStreamsOver(FS, (...part) => tryFSOperation(() => print(...part)), (...part) => tryFSOperation(() => read(...part)));
}

export function openJournal(FS, number, descriptor) {
  const { tryFSOperation } = FS.filesystems.NODEFS;
  openJournalOver(FS, number, (...part) => tryFSOperation(() => writeSync(descriptor, ...part)));
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

// Closes what the guest has left open on the host.
export function closeFiles(FS) {
  const descriptors = FS.streams.map((stream) => stream?.nfd).filter((descriptor) => descriptor !== undefined);
  for (const descriptor of new Set(descriptors)) closeSync(descriptor);
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

// No operation writes to a mount that is not writable, follows a link, or takes a way out of its mount.
function guard(FS, NODEFS) {
  const { tryFSOperation } = NODEFS;
  NODEFS.tryFSOperation = (operation) => withoutStacks(() => tryFSOperation(operation));
  guardWrites(FS, NODEFS);
  guardLinks(FS, NODEFS);
  guardPaths(FS, NODEFS);
}

function guardWrites(FS, { node_ops: nodes, stream_ops: streams }) {
  const before = (ops, name, check) => {
    const operation = ops[name];
    ops[name] = (...operands) => {
      check(...operands);
      return operation(...operands);
    };
  };
  for (const name of ["mknod", "unlink", "rmdir", "symlink"]) {
    before(nodes, name, (node) => mustBeWritable(FS, node));
  }
  const forgetsReplaced = /\bFS\.unlink\(/.test(nodes.rename);
  before(nodes, "rename", (node, folder, name) => {
    mustBeWritable(FS, node);
    mustBeWritable(FS, folder);
    // From 3.1.74 on a rename unlinks what it replaces, so that its node is forgotten. But it takes the host's path for
    // the guest's, which only helps where a folder is mounted under its own path, as CPython's own runner does it.
    if (forgetsReplaced) unlinkIfThere(FS, `${FS.getPath(folder)}/${name}`);
  });
  // Newer Emscripten changes an open file by its descriptor.
  if (streams.setattr) before(streams, "setattr", (stream) => mustBeWritable(FS, stream.node));
  before(streams, "open", (stream) => {
    if (stream.flags & (constants.O_WRONLY | constants.O_RDWR)) mustBeWritable(FS, stream.node);
  });
}

// Node's chmod, utimes and truncate follow links, also where the caller wants the link itself (newer Emscripten has
// lutimes for that). So do these, but within the guest's file system: the host knows the link's text, and not where it
// leads from a mount. A file is not opened through a link.
function guardLinks(FS, NODEFS) {
  const { node_ops: nodes, flagsForNode } = NODEFS;
  const { setattr } = nodes;
  const isLink = (path) =>
    NODEFS.tryFSOperation(() => lstatSync(path, { throwIfNoEntry: false }))?.isSymbolicLink() ?? false;
  nodes.setattr = (node, attributes) => {
    mustBeWritable(FS, node);
    if (attributes.dontFollow || !isLink(NODEFS.realPath(node))) return setattr(node, attributes);
    const { node: target } = FS.lookupPath(FS.getPath(node), { follow: true });
    // Emscripten takes a name for what it was: here a link has taken the place of something else.
    if (target === node) refuse(FS, EOPNOTSUPP);
    const { mode } = attributes;
    const kept = mode === undefined ? {} : { mode: (mode & ~constants.S_IFMT) | (target.mode & constants.S_IFMT) };
    return target.node_ops.setattr(target, { ...attributes, ...kept });
  };
  NODEFS.flagsForNode = (flags) => flagsForNode(flags) | constants.O_NOFOLLOW;
}

// Emscripten remembers what a name was. Where the guest can put a link in its place, the path is looked at again, but for
// `folders`, which have no link on their way: looking takes a quarter of what such calls take.
function guardPaths(FS, NODEFS) {
  const { node_ops: nodes, realPath } = NODEFS;
  const folders = new Set();
  const forget = (path) => {
    for (const folder of folders) if (folder === path || folder.startsWith(`${path}/`)) folders.delete(folder);
  };
  const forgetting = (name, changed) => {
    const operation = nodes[name];
    nodes[name] = (...operands) => {
      const paths = changed(...operands);
      try {
        return operation(...operands);
      } finally {
        paths.forEach(forget);
      }
    };
  };
  forgetting("symlink", (parent, name) => [`${realPath(parent)}/${name}`]);
  forgetting("rename", (node, parent, name) => [realPath(node), `${realPath(parent)}/${name}`]);
  NODEFS.realPath = (node) => {
    const path = realPath(node);
    const { root, writable } = node.mount.opts;
    const folder = FS.isDir(node.mode) ? path : dirname(path);
    if (writable && path !== root && !isBelow(folder, root, folders)) refuse(FS, EACCES);
    return path;
  };
}

function mustBeWritable(FS, node) {
  if (!node.mount.opts.writable) refuse(FS, EROFS);
}

function refuse(FS, code) {
  throw new FS.ErrnoError(code);
}

// Whether a folder of the mount, or one that is not there, lies in it once all links are followed.
function isBelow(folder, root, folders) {
  if (isFolder(folder, root, folders)) return true;
  // The real path of the deepest folders that tests make takes a thousand steps.
  return (isFolder(dirname(folder), root, folders) && !statOf(folder)) || isInside(folder, root);
}

// Whether that is a folder with no link on its way from the mount's root; then it is one of `folders`.
function isFolder(path, root, folders) {
  if (path === root || folders.has(path)) return true;
  if (path.length <= root.length) return false;
  if (!isFolder(dirname(path), root, folders) || !statOf(path)?.isDirectory()) return false;
  folders.add(path);
  return true;
}

function unlinkIfThere(FS, path) {
  try {
    FS.unlink(path);
  } catch (error) {
    if (!(error instanceof FS.ErrnoError)) throw error;
  }
}

// Runs what fails often and is caught: V8 would collect the stack of each error, which goes through all of wasm.
function withoutStacks(operation) {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return operation();
  } catch (error) {
    Error.stackTraceLimit = limit;
    // A stack that is exhausted is a fault of the guest, which is described by its frames.
    if (error instanceof RangeError) Error.captureStackTrace(error);
    throw error;
  } finally {
    Error.stackTraceLimit = limit;
  }
}

// Whether a folder lies in the mount once all links are followed. One that does not exist lies where its parent does.
function isInside(folder, root) {
  try {
    const real = withoutStacks(() => realpathSync.native(folder));
    return real === root || real.startsWith(root.endsWith(sep) ? root : root + sep);
  } catch {
    return dirname(folder) === folder || isInside(dirname(folder), root);
  }
}

// What is there; undefined where nothing is, also where a name is too long or its folder a file.
function statOf(path) {
  try {
    return withoutStacks(() => lstatSync(path));
  } catch {
    return undefined;
  }
}
