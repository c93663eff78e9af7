// The file system of a guest: the mounted folders, and Emscripten's own /dev, /proc and /home in memory.
//
// Emscripten resolves symbolic links itself, within the guest's file system, so the text of a link cannot lead out of
// it. The operations on the host are guarded here: none follows a link, or writes to a mount that is not writable (file
// permissions are no protection, since the owner can chmod).

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

// Emscripten cannot mount anything over its root. So its root in memory stays, and looks up other names on the host.
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

// Guards the operations: none writes to a mount that is not writable, follows a link, or leaves its mount.
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
    // From 3.1.74 on a rename unlinks what it replaces, to drop its node. But it takes the host's path for the guest's,
    // which works only if a folder is mounted under its own path, as in CPython's own runner.
    if (forgetsReplaced) unlinkIfThere(FS, `${FS.getPath(folder)}/${name}`);
  });
  // Newer Emscripten changes an open file by its descriptor.
  if (streams.setattr) before(streams, "setattr", (stream) => mustBeWritable(FS, stream.node));
  before(streams, "open", (stream) => {
    if (stream.flags & (constants.O_WRONLY | constants.O_RDWR)) mustBeWritable(FS, stream.node);
  });
}

// Node's chmod, utimes and truncate follow links, also if the caller means the link itself (newer Emscripten has
// lutimes for that). These do too, but within the guest's file system: on the host a link leads elsewhere. No file is
// opened through a link.
function guardLinks(FS, NODEFS) {
  const { node_ops: nodes, flagsForNode } = NODEFS;
  const { setattr } = nodes;
  const isLink = (path) =>
    NODEFS.tryFSOperation(() => lstatSync(path, { throwIfNoEntry: false }))?.isSymbolicLink() ?? false;
  nodes.setattr = (node, attributes) => {
    mustBeWritable(FS, node);
    if (attributes.dontFollow || !isLink(NODEFS.realPath(node))) return setattr(node, attributes);
    const { node: target } = FS.lookupPath(FS.getPath(node), { follow: true });
    // Emscripten has a stale node: the name was something else, and is a link now.
    if (target === node) refuse(FS, EOPNOTSUPP);
    const { mode } = attributes;
    const kept = mode === undefined ? {} : { mode: (mode & ~constants.S_IFMT) | (target.mode & constants.S_IFMT) };
    return target.node_ops.setattr(target, { ...attributes, ...kept });
  };
  NODEFS.flagsForNode = (flags) => flagsForNode(flags) | constants.O_NOFOLLOW;
}

// Emscripten caches nodes. Where the guest can replace a name by a link, the path is checked again at each call, except
// for `folders`, which are known to have no link in their path: the check takes a quarter of the time of such calls.
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

// Whether a folder of the mount, or one that does not exist, is in the mount when all links are resolved.
function isBelow(folder, root, folders) {
  if (isFolder(folder, root, folders)) return true;
  // For the deepest folders that tests make, realpath takes a thousand steps.
  return (isFolder(dirname(folder), root, folders) && !statOf(folder)) || isInside(folder, root);
}

// Whether it is a folder without a link in its path from the mount's root; then it is added to `folders`.
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

// Runs an operation that often throws, without stack traces: V8 would collect them through all frames of wasm.
function withoutStacks(operation) {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return operation();
  } catch (error) {
    Error.stackTraceLimit = limit;
    // An exhausted stack is a fault of the guest, whose frames are needed.
    if (error instanceof RangeError) Error.captureStackTrace(error);
    throw error;
  } finally {
    Error.stackTraceLimit = limit;
  }
}

// Whether a folder is in the mount when all links are resolved. For one that does not exist its parent decides.
function isInside(folder, root) {
  try {
    const real = withoutStacks(() => realpathSync.native(folder));
    return real === root || real.startsWith(root.endsWith(sep) ? root : root + sep);
  } catch {
    return dirname(folder) === folder || isInside(dirname(folder), root);
  }
}

// The lstat of a path; undefined if there is nothing, a name is too long, or a part of the path is a file.
function statOf(path) {
  try {
    return withoutStacks(() => lstatSync(path));
  } catch {
    return undefined;
  }
}
