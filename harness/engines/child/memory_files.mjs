// The file system of a guest in a browser: copies of the host's folders in memory, in the form of browser_trees.py.
//
// The contents of a file are a view of its tree's bytes, which all guests share. So nothing in a tree that is not
// writable may change, or the next guest would see that. Permissions alone do not prevent it, since a guest can chmod.

const ENOENT = 44;
const EROFS = 69;
const WRITING = 3; // O_WRONLY or O_RDWR
const PERMISSIONS = 0o7777;
// The mode of /tmp under other engines: writable for all users, with the sticky bit.
const SCRATCH_MODE = 0o1777;
const CHANGES = ["setattr", "mknod", "rename", "unlink", "rmdir", "symlink"];
// Newer Emscripten keeps three times.
const TIMES = ["timestamp", "atime", "mtime", "ctime"];

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
  // The root is last, since nothing can be added to it afterwards. Emscripten cannot mount anything over its root.
  const own = mounts.find((mount) => mount.guest === "/");
  if (own) fill(FS, FS.root, own.tree, own.writable);
}

// Adds the contents of the tree to the folder `root`, without names that it already has. Entries that cannot change are
// made only when the guest looks them up: a staged library has thousands of files.
function fill(FS, root, tree, writable) {
  root.mode = (root.mode & ~PERMISSIONS) | (tree.entries[0][2] & PERMISSIONS);
  if (writable) copy(FS, root, tree, 0);
  else seal(FS, root, tree);
}

// Adds the contents of the folder `number` of the tree to a folder.
function copy(FS, folder, tree, number) {
  for (const [name, each] of namesIn(tree, number)) {
    if (Object.hasOwn(folder.contents, name)) continue;
    const node = addNode(FS, folder, tree, name, each);
    if (FS.isDir(node.mode)) copy(FS, node, tree, each);
  }
  setTimes(folder, tree, number);
}

// Turns a folder into a read-only one with the contents of the tree.
function seal(FS, root, tree) {
  const known = new Map();
  // One for all: making one takes a while.
  const missing = new FS.ErrnoError(ENOENT);
  const become = (node, number) => {
    node.node_ops = sealedOf(FS, node.node_ops, known);
    if (FS.isFile(node.mode)) node.stream_ops = sealedOf(FS, node.stream_ops, known);
    if (!FS.isDir(node.mode)) return;
    const names = namesIn(tree, number);
    const own = Object.keys(node.contents).filter((name) => !names.has(name));
    node.node_ops = {
      ...node.node_ops,
      // Called for names that have no node yet.
      lookup(folder, name) {
        if (!names.has(name)) throw missing;
        const found = addNode(FS, folder, tree, name, names.get(name));
        become(found, names.get(name));
        setTimes(folder, tree, number);
        return found;
      },
      readdir: () => [".", "..", ...names.keys(), ...own],
    };
  };
  become(root, 0);
  setTimes(root, tree, 0);
}

// The new node of an entry of the tree. Its folder's times change with it.
function addNode(FS, folder, tree, name, number) {
  const [, , mode, , about] = tree.entries[number];
  const node = FS.filesystems.MEMFS.createNode(folder, name, mode, 0);
  if (typeof about !== "number") node.link = about;
  else if (FS.isFile(mode)) {
    const place = tree.places[number];
    Object.assign(node, { contents: tree.bytes.subarray(place, place + about), usedBytes: about });
  }
  setTimes(node, tree, number);
  return node;
}

function setTimes(node, tree, number) {
  for (const key of TIMES) if (key in node) node[key] = tree.entries[number][3];
}

// The numbers of the entries in a folder of the tree, by name.
function namesIn(tree, number) {
  if (!tree.names) index(tree);
  return tree.names[number] ?? new Map();
}

// Adds to a tree the entries of each folder, and the position of each file's bytes.
function index(tree) {
  tree.names = [];
  tree.places = [];
  let place = 0;
  for (const [number, [parent, name, , , about]] of tree.entries.entries()) {
    if (number) (tree.names[parent] ??= new Map()).set(name, number);
    tree.places.push(place);
    if (typeof about === "number") place += about;
  }
}

// The operations without those that change anything, in one table for all nodes of a kind.
function sealedOf(FS, operations, known) {
  if (!known.has(operations)) {
    const refuse = () => { throw new FS.ErrnoError(EROFS); };
    const changes = CHANGES.filter((name) => name in operations).map((name) => [name, refuse]);
    if ("write" in operations) changes.push(["write", refuse], ["open", (stream) => stream.flags & WRITING && refuse()]);
    known.set(operations, { ...operations, ...Object.fromEntries(changes) });
  }
  return known.get(operations);
}
