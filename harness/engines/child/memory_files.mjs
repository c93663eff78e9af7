// The file system of a guest in a browser: copies of the host's folders in memory, as browser_trees.py gives them.
//
// A file's contents are a view of its tree's bytes, which all guests share. So nothing of a tree may change that is not
// writable: neither it nor what the next guest sees. Permissions alone do not protect files from a chmod.

const EROFS = 69;
const WRITING = 3; // O_WRONLY or O_RDWR
const PERMISSIONS = 0o7777;
// What a guest finds at /tmp everywhere else: a folder for everybody's own files.
const SCRATCH_MODE = 0o1777;
const CHANGES = ["setattr", "mknod", "rename", "unlink", "rmdir", "symlink"];

// Mounts are {guest, writable, tree: {bytes, entries}}.
export function layFiles(FS, mounts) {
  const { MEMFS } = FS.filesystems;
  for (const { guest, writable, tree } of mounts.filter((mount) => mount.guest !== "/")) {
    FS.mkdirTree(guest);
    const { node: covered } = FS.lookupPath(guest, { follow_mount: false });
    const root = FS.mount(MEMFS, {}, guest);
    fill(FS, root, tree, writable);
    if (writable) root.mode = (root.mode & ~PERMISSIONS) | SCRATCH_MODE;
    covered.mode = root.mode;
  }
  // Last, as nothing can be added to it then. Emscripten cannot mount anything over its root.
  const own = mounts.find((mount) => mount.guest === "/");
  if (own) fill(FS, FS.root, own.tree, own.writable);
}

// Puts what is in the tree into the folder `root`, but for names that it already has.
function fill(FS, root, { bytes, entries }, writable) {
  const nodes = [];
  let place = 0;
  for (const [parent, name, mode, , about] of entries) {
    const node = nodes.length ? nodeIn(FS, nodes[parent], name, mode) : root;
    nodes.push(node);
    if (typeof about !== "number") {
      if (node) node.link = about;
      continue;
    }
    if (node && FS.isFile(mode)) Object.assign(node, { contents: bytes.subarray(place, place + about), usedBytes: about });
    place += about;
  }
  root.mode = (root.mode & ~PERMISSIONS) | (entries[0][2] & PERMISSIONS);
  const sealed = new Map();
  for (const [number, node] of nodes.entries()) {
    if (!node) continue;
    // Newer Emscripten keeps three times. Those of a folder change with what is put into it.
    for (const key of ["timestamp", "atime", "mtime", "ctime"]) if (key in node) node[key] = entries[number][3];
    if (writable) continue;
    node.node_ops = sealedOf(FS, node.node_ops, sealed);
    if (FS.isFile(node.mode)) node.stream_ops = sealedOf(FS, node.stream_ops, sealed);
  }
}

// The new node; undefined where the folder has that name already, or is itself not there for that reason.
function nodeIn(FS, folder, name, mode) {
  if (!folder || Object.hasOwn(folder.contents, name)) return undefined;
  return FS.filesystems.MEMFS.createNode(folder, name, mode, 0);
}

// The same operations without those that change anything; one table for all nodes of a kind.
function sealedOf(FS, operations, known) {
  if (!known.has(operations)) {
    const refuse = () => { throw new FS.ErrnoError(EROFS); };
    const changes = CHANGES.filter((name) => name in operations).map((name) => [name, refuse]);
    if ("write" in operations) changes.push(["write", refuse], ["open", (stream) => stream.flags & WRITING && refuse()]);
    known.set(operations, { ...operations, ...Object.fromEntries(changes) });
  }
  return known.get(operations);
}
